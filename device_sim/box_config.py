"""What a cabinet file says about the inside of a recycling box."""

from pydantic import BaseModel, ConfigDict, Field


class FillSection(BaseModel):
    """A switch that closes when a box is full, on a spare input of a board that senses doors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=20, description="which box")
    board: int = Field(ge=1, le=247, description="unit of a `waveshare_8ch_d`")
    channel: int = Field(ge=0, le=7, description="its input, from 0")
