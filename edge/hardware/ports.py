"""The ports of DESIGN section 2 that the rooms above see: doors by label, probes by zone; below them the lock board."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from common.contract.words import Quality


class PulseResult(StrEnum):
    """What became of one pulse frame; none of these says that the door opened."""

    ACKED = "acked"
    UNCONFIRMED = "unconfirmed"
    """The frame left, no answer came: it may have been obeyed."""
    REJECTED = "rejected"
    """The board answered with an exception: it did not obey."""
    NOT_SENT = "not_sent"
    """Port away or breaker open: nothing left the machine."""


class DoorBus(Protocol):
    """All doors of the station by label; addresses, polarity and the supply are its business."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Return every door, in the order of the configuration."""

    def expect_pulse(self) -> None:
        """Keep the wires free for a moment: which door it will be is being found out."""

    def supply_of(self, label: str) -> str:
        """Return the name of the power supply of a door's coil: doors on different ones may be pulsed together."""

    def pulse_s(self, label: str) -> float:
        """Return how long the current of one pulse flows."""

    async def pulse(self, label: str) -> PulseResult:
        """Send one hardware-timed pulse, never repeated; waits for the supply. Unknown label: KeyError."""

    async def read_doors(self, *, urgent: str | None = None) -> Mapping[str, bool | None]:
        """Return label → open (None: could not be read); `urgent` reads only that door's board, ahead of others."""

    async def all_off(self) -> None:
        """Drop every relay, best effort a board."""


class LockBoard(Protocol):
    """One board of any kind, below the door bus: one method per device command, no policy."""

    @property
    def unit(self) -> int:
        """Return its address on the line."""

    def expect_pulse(self) -> None:
        """Keep its line free of background reads for a moment."""

    async def pulse(self, channel: int, ms: int) -> PulseResult:
        """Let the board give channel `channel` (from 0) one pulse that it times itself; sent at most once.

        A board that has a length of its own takes that instead of `ms`.
        """

    async def read_doors(self, *, urgent: bool = False) -> tuple[bool | None, ...]:
        """Return channel → whether the board calls the door open, from channel 0; None: it cannot tell.

        NotSentError, NoReplyError, DeviceRefusedError. `urgent` goes ahead of scans and asks a resting board too.
        """

    async def all_off(self) -> None:
        """Drop every relay; nothing on a board whose own timer always does."""


@runtime_checkable
class SensesGoods(Protocol):
    """A lock board that can tell whether something lies behind a door."""

    async def read_goods(self) -> tuple[bool | None, ...]:
        """Return channel → whether something lies there; None: it cannot tell. Raises as `read_doors` does."""


@dataclass(frozen=True, slots=True)
class ProbeReading:
    """One reading; without quality GOOD there is no number."""

    temperature_c: float | None
    humidity_pct: float | None
    quality: Quality


class Probe(Protocol):
    """One temperature probe."""

    @property
    def zone(self) -> str:
        """Return the zone it hangs in."""

    async def read(self) -> ProbeReading:
        """Measure; silence is STALE, nonsense is BAD, neither raises."""
