"""How true a station's probes are: every comparison with a reference is a fact, and none is ever changed."""

from typing import Annotated, Literal

from pydantic import Field

from common.contract.base import Id, Message, Ms

ProbeName = Annotated[
    str,
    Field(min_length=1, max_length=40, description="bus/unit, and the channel where it has one"),
]
Day = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]


class ProbeCalibrated(Message):
    """`probe.calibrated`: a probe was held against a reference, or its offset withdrawn; the newest record rules."""

    calibration_id: Id
    probe: ProbeName
    number: int = Field(ge=1, description="counts the records of this probe")
    zone: str = Field(max_length=20, description="where the probe belongs")
    kind: Literal["offset", "withdrawn"]
    supersedes: Id | None = Field(description="the record that ruled until now; null for the first")
    by: str = Field(min_length=1, max_length=60)
    at_ms: Ms
    offset_k: float = Field(description="added to every raw reading; 0 when withdrawn")
    reference_c: float | None = Field(description="what the reference said; null when withdrawn")
    instrument: str = Field(max_length=80, description="name and serial number of the reference")
    certificate_until: Day | None = Field(description="last day of the reference's certificate")
    readings_c: tuple[float, ...] = Field(
        max_length=120, description="raw readings of the comparison, oldest first"
    )
    after_c: float | None = Field(description="a fresh reading with the new offset")
    due_at_ms: Ms | None = Field(description="when it should be done again")
    reason: str = Field(max_length=200, description="why it was withdrawn")


class ProbeHeld(Message):
    """One probe of a station and the record it applies; no record: raw readings count."""

    probe: ProbeName
    zone: str = Field(max_length=20)
    calibration_id: Id | None
    offset_k: float


class StationProbes(Message):
    """`station.probes`: at every start, the probes and what is added to their readings.

    A hub that knows a newer record learns so that the station came back from an older copy.
    """

    probes: tuple[ProbeHeld, ...] = Field(
        max_length=100, description="probe, zone, calibration_id, offset_k of each"
    )
