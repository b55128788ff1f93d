"""What `linli provision calibrate` and the running daemon say to each other, inside the lines of a lease.

A question may carry a `ProbeAsked`, its answer then carries a `ProbeSaid`. A daemon of an older release answers
such a question as one about a bus without a name, and carries none.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from common.contract.calibration import Day, ProbeCalibrated
from common.contract.words import Quality

Ask = Literal["list", "read", "propose", "write", "withdraw", "release"]
Words = Annotated[str, StringConstraints(strip_whitespace=True)]
REFERENCE_C = (-60.0, 80.0)
"""What a reference for a locker's probe may say: beyond the coldest freezer and the hottest housing."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class ProbeAsked(_Part):
    """`read` also takes the probe out of its zone's record until `release` or the end of the connection."""

    do: Ask
    probe: str = Field(default="", max_length=40)
    reference_c: float | None = Field(default=None, ge=REFERENCE_C[0], le=REFERENCE_C[1])
    instrument: Words = Field(default="", max_length=80)
    certificate_until: Day | None = None
    by: Words = Field(default="", max_length=60)
    reason: Words = Field(default="", max_length=200)


class ProbeState(_Part):
    """One probe and the record that rules for it."""

    probe: str
    zone: str
    kind: str
    record: ProbeCalibrated | None = None


class ProbeSaid(_Part):
    """`steady`: the readings of the last `span_s` seconds agree, so they may be compared."""

    probes: tuple[ProbeState, ...] = ()
    raw_c: float | None = None
    shown_c: float | None = Field(default=None, description="with the offset that rules now")
    quality: Quality = Quality.STALE
    readings: int = 0
    spread_k: float | None = None
    steady: bool = False
    span_s: float = 0.0
    pace_s: float = 1.0
    """How often it should be read."""
    record: ProbeCalibrated | None = None
    """What would be written, or was."""
