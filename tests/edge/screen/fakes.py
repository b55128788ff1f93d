"""Stand-ins at the screen's seam: services whose state a test sets, for layouts and page rules."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from common.contract.words import KeypadLevel, Size, TemperatureClass
from common.kit.disk import DiskLevel
from common.kit.errors import ConflictError, LinliError, RefusedError
from common.kit.trusted_time import ClockState, TimeView
from common.ui.charts import Sample
from edge.access.keepers import KeeperSession, SignInRefused
from edge.config import (
    BusSection,
    StationConfig,
    StationSection,
    ZoneSection,
)
from edge.doors.watch import Watch
from edge.pickup.maintenance import MaintenanceView, Shelf
from edge.pickup.papers import PaperAnswer, PaperSays
from edge.pickup.views import (
    Accepted,
    DayView,
    DeskKind,
    DeskStep,
    DoorCell,
    DoorScan,
    KeypadView,
    NextReason,
    ParcelState,
    ParcelView,
    PutInStep,
    PutInView,
    Refused,
    ScanRefused,
    ScanResult,
    SessionView,
    Step,
    UndoView,
    UnknownParcel,
)
from edge.screen.scans import ScanFeed
from edge.screen.services import DeviceFact, LinkFact, ScreenServices, ZoneFact
from edge.sync.fence import Why
from edge.wiring import CompartmentSection

RIGHT = TimeView(ClockState.TRUSTED, 0, None)
NOW = datetime(2026, 10, 13, 0, 41, tzinfo=UTC)
GOOD_CODE = "48291573"
PIN = "246810"


class FakeClock:
    """Stands still until a test moves it."""

    boot_id = "test-boot"

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic_s(self) -> float:
        return self.now_s

    def wall(self) -> datetime:
        return NOW + timedelta(seconds=self.now_s - 1000.0)


def config() -> StationConfig:
    """Return a cabinet of 16 doors, five columns, the screen in the third."""
    places = [(c, r) for c in (0, 1) for r in range(4)]
    places += [(2, 0), (2, 3)] + [(c, r) for c in (3, 4) for r in range(3)]
    return StationConfig(
        station=StationSection(id="01JAAAAAAAAAAAAAAAAAAAAAAA"),
        bus=(BusSection(name="main", port="tcp://127.0.0.1:5020"),),
        zone=(
            ZoneSection(
                name="cold", name_zh="冷藏", name_en="Chilled", min_c=0, max_c=8,
                temperature_class=TemperatureClass.CHILLED, probe_bus="main", probe_unit=3,
            ),
            ZoneSection(
                name="room", name_zh="常温", name_en="Ambient", min_c=5, max_c=35,
                temperature_class=TemperatureClass.AMBIENT, probe_bus="main", probe_unit=4,
            ),
        ),
        compartment=tuple(
            CompartmentSection(
                label=f"{'ABCDE'[column]}{row + 1:02d}", bus="main", unit=1 + index // 8,
                channel=index % 8, zone="cold" if column < 2 else "room",
                size=Size.L if row == 2 and column > 2 else Size.M,
                column=column, row=row, height=2 if row == 2 and column > 2 else 1,
            )
            for index, (column, row) in enumerate(places)
        ),
    )  # fmt: skip


def session(step: Step = Step.OPEN, **changes: object) -> SessionView:
    """Return a session at `step` with three pieces behind door E03."""
    view = SessionView(
        session_id="s1", step=step, compartment="E03", index=1, total=1, items=3,
        order_tail="7281", person_masked="张*明", pulses_left=2, reopens_left=2, open_for_s=4.0,
        reopen_left_s=110.0 if step is Step.CLOSED else 0.0, door_left_open=False,
        took_s=8.4 if step is Step.DONE else None,
    )  # fmt: skip
    return replace(view, **changes)  # type: ignore[arg-type] # names are checked by replace


class FakePickup:
    """A flow that does what it is told and writes down what was asked."""

    def __init__(self) -> None:
        self.watch = Watch()
        self.now: SessionView | None = None
        self.locked_s = 0
        self.level = KeypadLevel.NORMAL
        self.asked: list[str] = []
        self.fails: LinliError | None = None

    async def submit(self, code: str, phone_tail: str | None = None) -> Accepted | Refused:
        self.asked.append(" ".join(("submit", code, *([phone_tail] if phone_tail else ()))))
        if self.fails:
            raise self.fails
        if code != GOOD_CODE:
            return Refused(wait_s=self.locked_s)
        self.now = session(Step.OPENING)
        return Accepted(self.now)

    def session(self) -> SessionView | None:
        return self.now

    async def again(self) -> None:
        self._act("again", Step.OPENING)

    async def reopen(self) -> None:
        self._act("reopen", Step.OPENING)

    async def proceed(self) -> None:
        self._act("proceed", Step.DONE)

    async def finish(self) -> None:
        self.asked.append("finish")
        self.now = None

    async def submit_qr(self, text: str) -> Accepted | Refused:
        self.asked.append(f"qr {text}")
        if text != "LG1GOOD":
            return Refused(wait_s=0)
        self.now = session(Step.OPENING)
        return Accepted(self.now)

    def keypad(self) -> KeypadView:
        return KeypadView(self.level, self.locked_s)

    def _act(self, name: str, step: Step) -> None:
        self.asked.append(name)
        if self.now is None:
            raise ConflictError("pickup.no_session", "no pickup is under way")
        self.now = session(step)


class FakePapers:
    """A desk for papers that answers what it is told."""

    def __init__(self) -> None:
        self.says = PaperAnswer(PaperSays.APPLIED, 1, 1)
        self.shown: list[str] = []
        self.fails: LinliError | None = None

    def is_one(self, text: str) -> bool:
        return text.startswith("LR1")

    async def show(self, text: str) -> PaperAnswer:
        self.shown.append(text)
        if self.fails:
            raise self.fails
        return self.says


class FakeMaintenance:
    """Two doors, one of them occupied; one certificate holds."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def look(self, text: str) -> MaintenanceView:
        if text != "LT1GOOD":
            raise RefusedError("maintenance.forged", "no")
        doors = (Shelf("A01", occupied=False, open=False), Shelf("A02", occupied=True, open=False))
        return MaintenanceView("李师傅", NOW + timedelta(hours=1), doors)

    async def open(self, text: str, door: str, reason: str, *, occupied: bool = False) -> str:
        await self.look(text)
        if door == "A02" and not occupied:
            raise RefusedError("maintenance.occupied", "something lies there", compartment=door)
        self.asked.append(f"{door} {reason} {occupied}")
        return "r1"


def parcel(number: int, state: ParcelState, compartment: str | None = None) -> ParcelView:
    """Return the parcel LL-<number>."""
    names = ("张*明", "李*", "王*芳", "陈*", "欧阳*华")
    kinds = (TemperatureClass.CHILLED, TemperatureClass.AMBIENT, TemperatureClass.FROZEN)
    return ParcelView(
        parcel_id=f"01JPARCEL{number:017d}", label=f"LL-{number:06d}", order_tail=f"{number:04d}",
        person_masked=names[number % 5], temperature_class=kinds[number % 3],
        size=(Size.S, Size.M, Size.L)[number % 3], items=1 + number % 4, state=state,
        compartment=compartment, placed_at=NOW - timedelta(hours=2) if compartment else None,
        expires_at=NOW + timedelta(hours=70) if compartment else None,
    )  # fmt: skip


def parcels() -> tuple[ParcelView, ...]:
    """Return a day with every state."""
    return (
        parcel(7281, ParcelState.PLACED, "A01"), parcel(936, ParcelState.PLACED, "B02"),
        parcel(5512, ParcelState.OVERDUE, "D01"), parcel(3307, ParcelState.EXPECTED),
        parcel(8145, ParcelState.EXPECTED), parcel(1190, ParcelState.COLLECTED),
        parcel(2204, ParcelState.HANDED_OVER), parcel(4410, ParcelState.CANCELLED),
        parcel(6601, ParcelState.EXPECTED), parcel(6602, ParcelState.EXPECTED),
    )  # fmt: skip


class FakeDesk:
    """A desk over a list of parcels."""

    def __init__(self) -> None:
        self.watch = Watch()
        self.parcels = parcels()
        self.hands: PutInView | None = None
        self.undoable: UndoView | None = None
        self.asked: list[str] = []
        self.sessions: dict[str, KeeperSession] = {}
        self.wait_s = 0
        self.fails: LinliError | None = None

    def _require(self, task_id: str | None) -> None:
        if task_id and (self.hands is None or self.hands.task_id != task_id):
            raise ConflictError("screen.stale_form", "over")

    async def sign_in(self, pin: str, tablet: str = "") -> KeeperSession | SignInRefused:
        if pin != PIN or self.wait_s:
            return SignInRefused(self.wait_s)
        made = KeeperSession(
            f"token-{len(self.sessions)}", "01JKEEPER", "王芳", 43200.0, tablet or "t"
        )
        self.sessions[made.token] = made
        return made

    async def sign_out(self, token: str) -> None:
        self.sessions.pop(token, None)

    async def session(self, token: str) -> KeeperSession | None:
        return self.sessions.get(token)

    async def today(self) -> DayView:
        return DayView(self.parcels)

    async def scan(self, keeper_id: str, text: str) -> ScanResult:
        self._note(f"scan {text}")
        found = next((p for p in self.parcels if p.label == text), None)
        if text == "A01":
            return DoorScan("A01", self.parcels[0])
        if found is None:
            return UnknownParcel(text)
        if found.state is not ParcelState.EXPECTED:
            return ScanRefused("put_in.already_placed", found)
        self.hands = hands(found)
        return PutInStep(found, "E03", "01JOPEN")

    async def put_in_next(
        self, keeper_id: str, reason: NextReason, task_id: str | None = None
    ) -> PutInStep:
        self._require(task_id)
        self._note(f"next {reason}")
        assert self.hands is not None
        return PutInStep(self.hands.parcel, "E02", "01JOPEN")

    async def put_in_cancel(self, keeper_id: str, task_id: str | None = None) -> None:
        self._require(task_id)
        self._note("cancel")
        self.hands = None

    async def try_again(self, keeper_id: str, task_id: str | None = None) -> None:
        self._require(task_id)
        self._note("try_again")

    async def put_in_settle(self, keeper_id: str, task_id: str | None = None) -> None:
        self._require(task_id)
        self._note("settle")
        self.hands = None

    def put_in_view(self) -> PutInView | None:
        return self.hands

    async def undo_view(self) -> UndoView | None:
        return self.undoable

    async def undo(self, keeper_id: str) -> ParcelView:
        self._note("undo")
        return self.parcels[0]

    async def hand_over(self, keeper_id: str, parcel_id: str, reason: str) -> ParcelView:
        self._note(f"hand_over {parcel_id} {reason}")
        return self._parcel(parcel_id)

    async def remove_overdue(self, keeper_id: str, parcel_id: str, reason: str) -> ParcelView:
        self._note(f"remove {parcel_id} {reason}")
        return self._parcel(parcel_id)

    async def take_back(self, keeper_id: str, parcel_id: str) -> ParcelView:
        self._note(f"take_back {parcel_id}")
        return self._parcel(parcel_id)

    async def search_tail(self, tail: str) -> Sequence[ParcelView]:
        return tuple(p for p in self.parcels if p.order_tail == tail)

    async def overdue(self) -> Sequence[ParcelView]:
        return tuple(p for p in self.parcels if p.state is ParcelState.OVERDUE)

    async def open_door(self, keeper_id: str, label: str, reason: str) -> str:
        self._note(f"open {label} {reason}")
        return "01JOPEN"

    async def mark(self, keeper_id: str, label: str, out_of_service: bool, reason: str) -> None:
        self._note(f"mark {label} {out_of_service} {reason}")

    def _note(self, what: str) -> None:
        self.asked.append(what)
        if self.fails:
            raise self.fails

    def _parcel(self, parcel_id: str) -> ParcelView:
        return next(p for p in self.parcels if p.parcel_id == parcel_id)


def hands(
    one: ParcelView, step: DeskStep = DeskStep.OPEN, kind: DeskKind = DeskKind.PUT_IN
) -> PutInView:
    """Return a parcel in the keeper's hands before door E03."""
    return PutInView("t1", kind, "01JKEEPER", one, "E03", step, 3.0)


def behind_a_door_that_is_gone(station: "FakeStation") -> ParcelView:
    """Let the first parcel lie in a compartment that station.toml no longer has."""
    first, *others = station.desk.parcels
    lost = replace(first, compartment="B09", door_gone=True)
    station.desk.parcels = (lost, *others)
    return lost


@dataclass
class FakeFacts:
    """A station's facts, plain and settable."""

    name_zh: str = "阳光里小区 · 3号柜"
    name_en: str = "Sunshine Lane · Cabinet 3"
    help_phone: str = "400-820-1234"
    temperatures: dict[str, float | None] = field(
        default_factory=lambda: {"cold": 3.6, "room": 21.4}
    )
    over: tuple[str, ...] = ()
    online: bool = False
    why: Why = Why.NONE
    clock: TimeView = RIGHT
    disk_level: DiskLevel = DiskLevel.OK
    machines: tuple[DeviceFact, ...] = ()
    open_doors: tuple[str, ...] = ()
    broken: tuple[str, ...] = ("D02",)
    occupied: tuple[str, ...] = ("A01", "B02", "D01", "A03", "C04")

    def zones(self) -> Sequence[ZoneFact]:
        return [
            ZoneFact(zone, value, zone in self.over, NOW)
            for zone, value in self.temperatures.items()
        ]

    def devices(self) -> Sequence[DeviceFact]:
        return self.machines

    def disk(self) -> DiskLevel:
        return self.disk_level

    def time(self) -> TimeView:
        return self.clock

    def link(self) -> LinkFact:
        waiting = 0 if self.online else 118
        return LinkFact(self.online, 3.0 if self.online else 1620.0, waiting, self.why)

    def doors(self) -> Sequence[DoorCell]:
        return [
            DoorCell(
                label=part.label, zone=part.zone, column=part.column, row=part.row,
                width=part.width, height=part.height, size=part.size,
                open=part.label in self.open_doors, request=None, since_s=200.0,
                occupied=part.label in self.occupied, overdue=part.label == "D01",
                out_of_service=part.label in self.broken,
                reason="lock_broken" if part.label in self.broken else "",
                parcel_id=parcel(7281, ParcelState.PLACED).parcel_id if part.label == "A01" else None,
            )
            for part in config().compartment
        ]  # fmt: skip


async def history(zone: str, since: datetime) -> Sequence[Sample]:
    """Return a day of readings: a sawtooth, a gap, and two hours over the limit in the cold zone."""
    base = 3.5 if zone == "cold" else 21.0
    return [
        Sample(
            since + timedelta(minutes=10 * n),
            None if 60 <= n < 66 else base + (n % 9) * 0.2 + (7 if zone == "cold" and 90 <= n < 102 else 0),
        )
        for n in range(144)
    ]  # fmt: skip


@dataclass
class FakeStation:
    """All fakes of one station and the services made of them."""

    pickup: FakePickup = field(default_factory=FakePickup)
    papers: FakePapers = field(default_factory=FakePapers)
    maintenance: FakeMaintenance = field(default_factory=FakeMaintenance)
    desk: FakeDesk = field(default_factory=FakeDesk)
    facts: FakeFacts = field(default_factory=FakeFacts)
    clock: FakeClock = field(default_factory=FakeClock)
    build_id: str = "build-1"
    scans: ScanFeed = field(default_factory=ScanFeed)

    def services(self) -> ScreenServices:
        return ScreenServices(
            pickup=self.pickup, papers=self.papers, maintenance=self.maintenance,
            desk=self.desk, facts=self.facts, history=history,
            config=config(), clock=self.clock, build_id=self.build_id, scans=self.scans,
        )  # fmt: skip
