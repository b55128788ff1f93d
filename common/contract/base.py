"""The two bases of every message: what we read is lenient, what we send is exact."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from common.kit.ids import ID_PATTERN

Id = Annotated[str, Field(pattern=ID_PATTERN)]
Hex = Annotated[str, Field(pattern=r"^(?:[0-9a-f]{2})*$")]
Label = Annotated[str, Field(min_length=1, max_length=16, pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$")]
# The front of a cabinet is a grid; far more columns and rows than any housing has.
GridIndex = Annotated[int, Field(ge=0, le=99)]
GridSpan = Annotated[int, Field(ge=1, le=100)]
LimitC = Annotated[float, Field(ge=-100, le=200)]
# Up to the year 9998: anything later fits into no datetime, in no time zone.
Ms = Annotated[int, Field(ge=0, lt=253_370_764_800_000)]


class Message(BaseModel):
    """One message between edge and hub; unknown fields of a newer peer are ignored."""

    # Built at first use: a station's 64 MiB should not hold validators of messages it never reads.
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, defer_build=True)
