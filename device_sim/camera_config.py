"""What a cabinet file says about the camera that looks at it."""

from pydantic import BaseModel, ConfigDict, Field


class CameraSection(BaseModel):
    """A network camera: single pictures and a stream over HTTP; drawing them needs the extra `camera`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(
        default="camera", pattern=r"^[a-z0-9][a-z0-9_-]{0,19}$", description="what faults name"
    )
    width_px: int = Field(default=1280, ge=320, le=3840)
    height_px: int = Field(default=720, ge=180, le=2160)
    frames_per_s: float = Field(default=5.0, gt=0, le=25, description="of its stream")
    noise: float = Field(default=4.0, ge=0, le=60, description="of its sensor, of 255")
    user: str = Field(default="", description="asks for this name and password (Basic), if given")
    password: str = Field(default="", repr=False)
