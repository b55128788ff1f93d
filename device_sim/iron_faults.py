"""Faults of iron, contacts, sensors and machines: what is wrong in the cabinet itself while its wire is sound.

`iron.py` carries them out.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from device_sim.fault_base import FaultBase, Unit
from device_sim.lock import Weld
from device_sim.sensors import Shows

Label = Annotated[str, Field(max_length=10, description="label of a door")]
ZoneName = Annotated[str, Field(max_length=40, description="name of a cooled zone")]


class Seen(StrEnum):
    """What a door's contact shows."""

    OPEN = "open"
    SHUT = "shut"


class StuckRelay(FaultBase):
    """A relay whose contact is welded: open (no current ever) or closed (current for ever)."""

    kind: Literal["stuck_relay"]
    target: Label
    contact: Weld = Weld.OPEN


class Jam(FaultBase):
    """A door that does not move, whatever the latch does."""

    kind: Literal["jam"]
    target: Label


class Frozen(FaultBase):
    """A door held by ice or its gasket: it springs open only if somebody pushes it during the pulse."""

    kind: Literal["frozen"]
    target: Label


class Bouncing(FaultBase):
    """A door contact that chatters after every movement."""

    kind: Literal["bouncing"]
    target: Label
    for_ms: int = Field(default=250, ge=10, le=5000, description="how long it chatters")


class Ajar(FaultBase):
    """A door that does not shut tight: pushed, it leaves a gap."""

    kind: Literal["ajar"]
    target: Label
    gap: float = Field(
        default=0.3, gt=0, le=1, allow_inf_nan=False, description="share of an open door"
    )
    shows: Seen = Field(
        default=Seen.SHUT, description="`shut`: the contact senses the hook, not the door"
    )


class ReversedPolarity(FaultBase):
    """A door contact of the other sort (NO for NC): open reads shut and shut reads open."""

    kind: Literal["reversed_polarity"]
    target: Label


class ContactStuck(FaultBase):
    """A door contact that shows the same for ever: a broken wire, a magnet left on it."""

    kind: Literal["contact_stuck"]
    target: Label
    shows: Seen = Seen.SHUT


class SensorFaultBase(FaultBase):
    """One fault of a probe, or of all probes of a unit."""

    target: Unit = Field(description="unit of a board with probes")
    probe: int | None = Field(default=None, ge=0, le=7, description="from 0; none: all")


class SensorStuck(SensorFaultBase):
    """A probe that says its last value for ever."""

    kind: Literal["sensor_stuck"]


class SensorShows(SensorFaultBase):
    """A probe that says a value which is no temperature."""

    kind: Literal["sensor_shows"]
    shows: Shows = Shows.NO_SENSOR


class SensorJumping(SensorFaultBase):
    """A probe whose values jump up and down."""

    kind: Literal["sensor_jumping"]
    by_k: float = Field(default=8.0, gt=0, le=50, allow_inf_nan=False)


class SensorOffset(SensorFaultBase):
    """A probe that is off by a constant: old, badly made, or never calibrated."""

    kind: Literal["sensor_offset"]
    offset_k: float = Field(default=0.8, ge=-60, le=60, allow_inf_nan=False)


class CompressorOff(FaultBase):
    """The compressor of a zone does not start: motor, relay or gas."""

    kind: Literal["compressor_off"]
    target: ZoneName


class DefrostStuck(FaultBase):
    """The defrost of a zone begins now and does not end."""

    kind: Literal["defrost_stuck"]
    target: ZoneName


class PowerCut(FaultBase):
    """No mains: machines stand still, boards are silent and start with every relay off."""

    kind: Literal["power_cut"]
    target: Literal["cabinet"] = "cabinet"


DoorFault = StuckRelay | Jam | Frozen | Bouncing | Ajar | ReversedPolarity | ContactStuck
SensorFault = SensorStuck | SensorShows | SensorJumping | SensorOffset
ZoneFault = CompressorOff | DefrostStuck
IronFault = DoorFault | SensorFault | ZoneFault | PowerCut
