"""What the pages need from the rooms below, in one frozen object that `build_edge` makes.

The Protocols name exactly the methods the pages call; the real ones are PickupFlow, KeeperDesk and
StationFacts.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from common.kit.clock import Clock
from common.kit.disk import DiskLevel
from common.kit.trusted_time import TimeView
from common.ui.charts import Sample
from edge.access.keepers import KeeperSession, SignInRefused
from edge.config import StationConfig
from edge.doors.watch import Watch
from edge.pickup.maintenance import MaintenanceView
from edge.pickup.papers import PaperAnswer
from edge.pickup.views import (
    Accepted,
    DayView,
    DoorCell,
    KeypadView,
    NextReason,
    ParcelView,
    PutInStep,
    PutInView,
    Refused,
    ScanResult,
    SessionView,
    UndoView,
)
from edge.screen.scans import ScanFeed
from edge.sync.fence import Why


class Pickup(Protocol):
    """The resident's flow; one session at a time on a station's screen."""

    @property
    def watch(self) -> Watch:
        """Return the version that moves with every change."""

    async def submit(self, code: str, phone_tail: str | None = None) -> Accepted | Refused:
        """Try a code, with the second factor while the keypad asks for it."""

    async def submit_qr(self, text: str) -> Accepted | Refused:
        """Try a scanned QR code."""

    def session(self) -> SessionView | None:
        """Return the session under way, from memory."""

    async def again(self) -> None:
        """Pulse the same door once more: it did not open."""

    async def reopen(self) -> None:
        """Open the closed door again."""

    async def proceed(self) -> None:
        """Go on with the next compartment, or to the end."""

    async def finish(self) -> None:
        """End the session."""

    def keypad(self) -> KeypadView:
        """Return what the keypad asks for, and how long it is still locked."""


class Papers(Protocol):
    """What the hub has signed and a person carries to the station, besides codes."""

    def is_one(self, text: str) -> bool:
        """Tell whether a scanned text is such a paper."""

    async def show(self, text: str) -> PaperAnswer:
        """Take it."""


class Maintenance(Protocol):
    """What a technician's certificate allows."""

    async def look(self, text: str) -> MaintenanceView:
        """Return who may, until when, and the doors."""

    async def open(self, text: str, door: str, reason: str, *, occupied: bool = False) -> str:
        """Open a door in the technician's name."""


class Desk(Protocol):
    """The keeper's work; every act names the keeper."""

    @property
    def watch(self) -> Watch:
        """Return the version that moves with every change."""

    async def sign_in(self, pin: str, tablet: str = "") -> KeeperSession | SignInRefused:
        """Prove who is there."""

    async def sign_out(self, token: str) -> None:
        """Forget the session."""

    async def session(self, token: str) -> KeeperSession | None:
        """Return who holds the token."""

    async def today(self) -> DayView:
        """Return the day's parcels."""

    async def scan(self, keeper_id: str, text: str) -> ScanResult:
        """Take a scanned or typed label."""

    async def put_in_next(
        self, keeper_id: str, reason: NextReason, task_id: str | None = None
    ) -> PutInStep:
        """Take another compartment, or pulse again."""

    async def put_in_cancel(self, keeper_id: str, task_id: str | None = None) -> None:
        """Stop the put-in under way."""

    async def try_again(self, keeper_id: str, task_id: str | None = None) -> None:
        """Pulse the door in hand once more."""

    async def put_in_settle(self, keeper_id: str, task_id: str | None = None) -> None:
        """Say that the parcel in hand lies behind a door that is gone."""

    def put_in_view(self) -> PutInView | None:
        """Return what is in the keeper's hands."""

    async def undo_view(self) -> UndoView | None:
        """Return the last put-in that can be taken back."""

    async def undo(self, keeper_id: str) -> ParcelView:
        """Take the last put-in back."""

    async def hand_over(self, keeper_id: str, parcel_id: str, reason: str) -> ParcelView:
        """Give a parcel out by hand."""

    async def remove_overdue(self, keeper_id: str, parcel_id: str, reason: str) -> ParcelView:
        """Take an overdue parcel out."""

    async def take_back(self, keeper_id: str, parcel_id: str) -> ParcelView:
        """Take a parcel out of a compartment whose door is gone, to put it in anew."""

    async def search_tail(self, tail: str) -> Sequence[ParcelView]:
        """Narrow the list by last four digits."""

    async def overdue(self) -> Sequence[ParcelView]:
        """Return what lies here too long."""

    async def open_door(self, keeper_id: str, label: str, reason: str) -> str:
        """Open any door, with a reason."""

    async def mark(self, keeper_id: str, label: str, out_of_service: bool, reason: str) -> None:
        """Take a compartment out of service or back."""


@dataclass(frozen=True, slots=True)
class ZoneFact:
    """One temperature zone as the headers show it."""

    zone: str
    temperature_c: float | None
    over_limit: bool
    sampled_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeviceFact:
    """One controller or meter; what it does not say is None, `alarms` are the roles of those that stand."""

    name: str
    answers: bool
    cools: bool | None
    defrosting: bool | None
    watts: float | None
    alarms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LinkFact:
    """The way to the hub; `since_s` is how long it has been as it is; `why` codes open nothing, if they do not."""

    online: bool
    since_s: float
    waiting: int
    why: Why = Why.NONE


class Facts(Protocol):
    """What is true of the station now, from memory."""

    @property
    def name_zh(self) -> str:
        """Return the Chinese name."""

    @property
    def name_en(self) -> str:
        """Return the English name."""

    @property
    def help_phone(self) -> str:
        """Return the number to call."""

    def zones(self) -> Sequence[ZoneFact]:
        """Return the zones, in the order of the configuration."""

    def devices(self) -> Sequence[DeviceFact]:
        """Return the controllers and meters, in the order of the configuration."""

    def doors(self) -> Sequence[DoorCell]:
        """Return every compartment with its door and what lies inside."""

    def link(self) -> LinkFact:
        """Return the way to the hub and what waits for it."""

    def disk(self) -> DiskLevel:
        """Return how full the disk is."""

    def time(self) -> TimeView:
        """Return how far the time can be relied on."""


History = Callable[[str, datetime], Awaitable[Sequence[Sample]]]


@dataclass(frozen=True, slots=True)
class ScreenServices:
    """Everything both pages use. `history(zone, since)` returns a zone's readings in order of time.

    `stay` tells the flow that somebody asked for more time; without it only the screen's own
    time-outs ask.
    """

    pickup: Pickup
    papers: Papers
    maintenance: Maintenance
    desk: Desk
    facts: Facts
    history: History
    config: StationConfig
    clock: Clock
    build_id: str
    stay: Callable[[], None] | None = None
    scans: ScanFeed = field(default_factory=ScanFeed)
