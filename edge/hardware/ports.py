"""The ports of DESIGN section 2 that the rooms above see: doors by label, probes by zone; below them the lock board."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from common.contract.words import Quality
from common.kit.said import Said
from firmware_protocols.profile import Role
from firmware_protocols.weights import Flaw


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
    """One reading; without quality GOOD there is no number. A calibrated probe's has its offset in it."""

    temperature_c: float | None
    humidity_pct: float | None
    quality: Quality
    raw_c: float | None = None
    """What the probe said before an offset was added; None: none was."""
    calibration_id: str | None = None


@dataclass(frozen=True, slots=True)
class PointSeen:
    """What one point of a controller or meter said; without quality GOOD there is no value."""

    point: str
    role: Role
    value: float | bool | None
    quality: Quality


class Instrument(Protocol):
    """A controller or meter that is read beside the probes."""

    @property
    def name(self) -> str:
        """Return what the station calls it."""

    @property
    def kind(self) -> str:
        """Return its register profile."""

    @property
    def zone(self) -> str | None:
        """Return the zone it belongs to, if it is one."""

    async def read(self) -> tuple[PointSeen, ...]:
        """Return all its points; silence is STALE, nonsense is BAD, neither raises."""


class Probe(Protocol):
    """One temperature probe."""

    @property
    def zone(self) -> str:
        """Return the zone it hangs in."""

    async def read(self) -> ProbeReading:
        """Measure; silence is STALE, nonsense is BAD, neither raises."""


@dataclass(frozen=True, slots=True)
class DeviceState:
    """How a device with a port of its own is doing."""

    name: str
    up: bool
    """It was heard, as far as it can be asked."""
    sound: bool
    """Nothing about it needs a technician."""
    detail: str
    doubt: str = ""
    """What about its kind is not certain."""

    @property
    def text(self) -> str:
        """Return it as a line for people."""
        said = self.detail
        if not said.startswith(self.name):
            said = Said("%(name)s: %(detail)s", name=self.name, detail=said)
        if not self.doubt:
            return said
        text = "%(said)s; experimental, not sure is %(doubt)s"
        return Said(text, said=said, doubt=self.doubt)


class Scanner(Protocol):
    """A code scanner."""

    @property
    def state(self) -> DeviceState:
        """Return how it is doing."""

    async def next(self) -> str | None:
        """Return the next code that somebody held before it; None: something that cannot be one of ours."""


@dataclass(frozen=True, slots=True)
class ScaleReading:
    """One weight, gross; without quality GOOD there is no number. `stable` is the scale's own word, see weighing.py."""

    gross_mg: int | None
    stable: bool
    quality: Quality
    flaw: Flaw | None = None
    """Why a BAD one is no weight, where the scale says it."""

    @property
    def gross_g(self) -> float | None:
        """Return the weight in grams."""
        return None if self.gross_mg is None else self.gross_mg / 1000


class Scale(Protocol):
    """A scale."""

    @property
    def state(self) -> DeviceState:
        """Return how it is doing."""

    def reading(self) -> ScaleReading:
        """Return the latest weight; STALE without a number when it is too old."""

    async def next(self) -> ScaleReading:
        """Wait for the next weight; silence is STALE, nonsense BAD, neither raises."""


class CardReader(Protocol):
    """A reader of cards whose numbers are hints, never an authority."""

    @property
    def state(self) -> DeviceState:
        """Return how it is doing."""

    async def next(self) -> str:
        """Return the next card that somebody held before it."""


class PrintResult(StrEnum):
    """What became of a receipt."""

    PRINTED = "printed"
    NO_PAPER = "no_paper"
    NOT_READY = "not_ready"
    AWAY = "away"
    """Nothing was sent."""
    UNSURE = "unsure"
    """Sent, and not heard of again."""


class Printer(Protocol):
    """A receipt printer."""

    @property
    def state(self) -> DeviceState:
        """Return how it is doing."""

    async def print(self, lines: Sequence[str]) -> PrintResult:
        """Print a receipt; whatever is wrong is the answer, never an error."""


class Look(StrEnum):
    """What a picture shows at a glance."""

    WELL = "well"
    BLACK = "black"
    WHITE = "white"
    FLAT = "flat"
    """One colour: something covers the lens."""
    FROZEN = "frozen"
    """The same to the bit again and again: the camera hangs."""
    BLURRED = "blurred"


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of the cabinet; its figures are those of a small gray copy."""

    jpeg: bytes
    width_px: int
    height_px: int
    brightness: float
    """0 black, 255 white."""
    spread: float
    """Standard deviation of the brightness."""
    sharpness: float
    """Variance of the Laplacian."""
    look: Look
    is_sure: bool
    """False: a person should look at it."""


class Camera(Protocol):
    """A camera: evidence, never a condition."""

    async def picture(self) -> Picture:
        """Take one; UnavailableError with a key `camera.…` when there is none."""
