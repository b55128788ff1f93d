"""What a cabinet file says about devices that have a serial port to themselves."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from firmware_protocols.gm65 import ScannerKind

SerialKind = Literal[ScannerKind]
"""Kinds with a simulated device; `device_sim/serial_devices.py` makes each."""


class SerialSection(BaseModel):
    """One device on a serial port of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: SerialKind
    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,19}$", description="name of the link to its pty"
    )
    baud: int = Field(default=9600, ge=300, le=256_000)
