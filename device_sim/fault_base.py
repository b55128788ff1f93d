"""What every fault has: it is frozen, refuses unknown fields, and may end by itself."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MAX_FOR_S = 86_400.0
Unit = Annotated[int, Field(ge=0, le=247, description="unit of a board")]
BusName = Annotated[str, Field(max_length=20, description="name of a bus")]


class FaultBase(BaseModel):
    """One fault; a kind adds `kind` and `target`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    for_s: float | None = Field(
        default=None,
        gt=0,
        le=MAX_FOR_S,
        allow_inf_nan=False,
        description="seconds on the wire's clock; none: until cleared",
    )
