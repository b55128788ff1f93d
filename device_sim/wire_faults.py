"""Faults of the line itself: what boards say is torn, damaged, doubled, given to the wrong question or somebody else's.

Each draws from its own `seed`, so the same orders give the same bytes; `noise.py` carries them out.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from device_sim.fault_base import BusName, FaultBase, Unit

Share = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]


class WireFaultBase(FaultBase):
    """One fault of a line."""

    seed: int = Field(default=1, ge=0, description="what its chance is drawn from")
    share: Share = Field(default=1.0, description="chance that an answer (or a frame) is hit")


class LateAnswer(WireFaultBase):
    """A unit that acts in time and answers `delay_s` late."""

    kind: Literal["late_answer"]
    target: Unit
    delay_s: float = Field(default=0.6, gt=0, le=10, allow_inf_nan=False)


class AnswerToNext(WireFaultBase):
    """A unit whose answer comes when the next request is on the line: always one behind."""

    kind: Literal["answer_to_next"]
    target: Unit
    most_in_a_row: int | None = Field(
        default=None,
        ge=1,
        description="the answer after so many comes at once; none: no such bound",
    )


class SplitAnswer(WireFaultBase):
    """Answers reach the client in bursts with pauses: an adapter that hands bytes over in lots."""

    kind: Literal["split_answer"]
    target: Unit
    burst_bytes: int = Field(default=1, ge=1, le=64, description="16: an FTDI adapter at 9600 baud")
    pause_s: float = Field(default=0.003, ge=0, le=0.1, allow_inf_nan=False)


class Garbage(WireFaultBase):
    """Random bytes before and behind every answer of a unit."""

    kind: Literal["garbage"]
    target: Unit
    before: int = Field(default=3, ge=0, le=64)
    after: int = Field(default=0, ge=0, le=64)


class Direction(StrEnum):
    """Which way bytes go."""

    ANSWERS = "answers"
    REQUESTS = "requests"
    BOTH = "both"


class BitFlips(WireFaultBase):
    """Bits of a bus turn over on their way, each with chance `rate`."""

    kind: Literal["bit_flips"]
    target: BusName
    rate: Share = Field(default=0.01, description="chance of each bit")
    most_bits: int | None = Field(
        default=None, ge=1, le=64, description="no more than this many in one frame"
    )
    direction: Direction = Direction.ANSWERS


class ForeignFrame(WireFaultBase):
    """A frame with a right checksum and another unit's address, instead of a unit's answer or before it."""

    kind: Literal["foreign_frame"]
    target: Unit
    by: int = Field(
        default=1, ge=-100, le=100, description="how many boards further the other address is"
    )
    instead: bool = True

    @model_validator(mode="after")
    def _is_foreign(self) -> "ForeignFrame":
        if self.by == 0:
            raise ValueError("by 0 is no other unit")
        return self


class ForeignFunction(WireFaultBase):
    """A frame of the right unit that answers another function, instead of its answer or before it."""

    kind: Literal["foreign_function"]
    target: Unit
    instead: bool = True


class LocalEcho(WireFaultBase):
    """The adapter of a bus hears itself: every request comes back at once."""

    kind: Literal["local_echo"]
    target: BusName


class SameAddress(WireFaultBase):
    """The board `other` has the address of `target`: both obey, and their answers collide."""

    kind: Literal["same_address"]
    target: Unit
    other: Unit

    @model_validator(mode="after")
    def _are_two(self) -> "SameAddress":
        if self.other == self.target:
            raise ValueError("other is target itself")
        return self


class Busy(WireFaultBase):
    """A unit that hears and does not obey: it says so where its protocol can, else nothing."""

    kind: Literal["busy"]
    target: Unit
    code: int = Field(default=6, ge=1, le=255, description="6: a Modbus device that is busy")


class Place(StrEnum):
    """Where something stands beside an answer."""

    BEFORE = "before"
    MIDDLE = "middle"
    AFTER = "after"


class Unsolicited(WireFaultBase):
    """A sound frame that nobody asked for, beside or in the middle of a unit's answer."""

    kind: Literal["unsolicited"]
    target: Unit
    place: Place = Place.MIDDLE


UnitFault = (
    LateAnswer
    | AnswerToNext
    | SplitAnswer
    | Garbage
    | ForeignFrame
    | ForeignFunction
    | SameAddress
    | Busy
    | Unsolicited
)
BusFault = BitFlips | LocalEcho
WireFault = UnitFault | BusFault
