"""What controllers and meters beside the probes say: evidence for what the air did."""

from typing import Annotated

from pydantic import Field

from common.contract.base import Message
from common.contract.words import Quality

Name = Annotated[str, Field(min_length=1, max_length=30)]


class PointReading(Message):
    """One point of a device; null where the quality was not good."""

    point: Name
    role: Name
    value: bool | float | None
    quality: Quality


class InstrumentReadings(Message):
    """`instrument.readings`: what changed at a controller or meter; every quarter of an hour all it says."""

    instrument: Name
    kind: str = Field(max_length=40, description="its register profile")
    zone: Name | None
    whole: bool = Field(description="all points, not only states and set points that changed")
    readings: tuple[PointReading, ...] = Field(description="point, role, value, quality of each")


class InstrumentAlarm(Message):
    """`instrument.alarm`: an alarm of a controller began or ended; or nothing is drawn where something must cool."""

    instrument: Name
    zone: Name | None
    point: Name
    role: Name = Field(
        description="high_alarm, low_alarm, door_alarm, probe_fault, alarm, haccp or no_power"
    )
    raised: bool
