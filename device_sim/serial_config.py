"""What a cabinet file says about devices that have a serial port to themselves."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from firmware_protocols.gm65 import ScannerKind
from firmware_protocols.weights import ScaleKind

SerialKind = Literal[ScannerKind, ScaleKind, "rdm6300", "escpos"]
"""Kinds with a simulated device; `device_sim/serial_devices.py` makes each."""

Capacity = Annotated[float, Field(gt=0, le=500_000, description="of a scale: the most it weighs")]
Division = Annotated[float, Field(gt=0, le=1000, description="of a scale: one step of its display")]


class SerialSection(BaseModel):
    """One device on a serial port of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: SerialKind
    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,19}$", description="name of the link to its pty"
    )
    baud: int = Field(default=9600, ge=300, le=256_000)
    capacity_g: Capacity = 30_000.0
    division_g: Division = 10.0
    checksum: bool = Field(default=False, description="of a `toledo` scale: its frames have one")
