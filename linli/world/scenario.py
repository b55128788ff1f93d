"""One scenario language for every level: a seed becomes a plan of people, faults and restarts.

Pure: a plan is drawn before anything runs, so that a failure can be read, replayed and shortened.
"""

import random
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum

DAY_S = 86_400.0
DAYS, _HELPED = 7, 0.06
BUSY = (6, 11)
QUIET = (0, 2)
"""Orders a day: in a quiet week as many faults as in a busy one meet a tenth of the parcels."""


class Level(IntEnum):
    """How much of the hub is real; the plans, the people, the faults and the oracle are the same."""

    MODEL = 1
    """A model in memory at the port of the station's hub client."""
    ROOMS = 2
    """The hub's own rooms, gateway and database."""


class FaultKind(StrEnum):
    """What a nemesis does."""

    CUT = "cut"
    """The cable between station and hub is pulled for a while."""
    BUS = "bus"
    """The bus of the cabinet is in the mood `detail`."""
    JAM = "jam"
    """A door's bolt does not give way."""
    LATE_DOOR = "late door"
    """A door opens seconds after its pulse."""
    SENSOR = "sensor"
    """A door's contact is in the mood `detail`."""
    CLOCK = "clock"
    """The station's wall clock is put `amount` seconds off."""
    STOP_STATION = "stop station"
    KILL_STATION = "kill station"
    """Killed at the failpoint `detail`; amount 1: the machine was off too, a cold boot."""
    STOP_HUB = "stop hub"
    KILL_HUB = "kill hub"
    STRIKE = "strike"
    """Whoever passes `detail` fails there with the chance `amount`: the connection breaks, a transaction rolls back."""
    SEVER = "sever"
    """Every connection is reset; what was on its way is lost."""
    RESTORE_HUB = "restore hub"
    """The hub's database is put back to a backup made before."""
    RESTORE_STATION = "restore station"
    """The station's database is put back to an image made before."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One act of a nemesis, undone after `for_s`."""

    at_s: float
    kind: FaultKind
    for_s: float
    detail: str = ""
    amount: float = 0.0


@dataclass(frozen=True, slots=True)
class Errand:
    """One order and what its people will do about it."""

    number: int
    at_s: float
    basket: tuple[tuple[str, int], ...]
    person: int
    fetch_after_s: float | None
    """After the put-in; None: only in the end, if it is not too late."""
    hasty: bool = False
    """Uses a door as soon as it springs open, whatever the screen says."""
    scanned: bool = False
    """Every step on the way is scanned."""
    cancel_after_s: float | None = None
    revoke_after_s: float | None = None
    typos: int = 0
    reopens: bool = False
    not_before_s: float = 0.0
    """Comes with everybody else, after work."""
    revoked_at_door: bool = False
    """Somebody revokes the code while its owner stands at the open door."""
    helped: bool = False
    """While she stands at one open door, the keeper hands another parcel of hers over."""
    muted: bool = False
    """The bus loses its answers in the moment the code is typed."""
    arrives_s: float = 0.0
    """When the van brings it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is decided before a run."""

    seed: int
    days: int
    errands: tuple[Errand, ...]
    faults: tuple[Fault, ...]
    keeper_rounds: tuple[float, ...]
    remote_opens: tuple[float, ...]
    thief_visits: tuple[float, ...]
    fair_network: bool
    horizon_s: float = field(default=0.0)
    alone_from_s: float | None = None
    """Everything announced by then must go on without the hub until the horizon."""
    sample_s: float | None = None
    """How often zones are measured; None: as seldom as they may."""


SKUS = (
    ("MILK-1L", "YOGURT-6", "TOFU-400", "SHRIMP-300", "SPINACH-300"),
    ("EGG-10", "NOODLE-1KG", "TEA-100"),
)
STATION_PLACES = (
    "doors.before_pulse_row",
    "doors.pulse_row_committed",
    "doors.pulse_sent",
    "doors.sensor_judged",
    "doors.outcome_committed",
    "doors.before_closed",
    "doors.closed_committed",
    "doors.reconciled",
    "pickup.token_taken",
    "pickup.code_checked",
    "pickup.accepted",
    "pickup.intent_committed",
    "pickup.act_committed",
    "pickup.door_open",
    "pickup.door_closed",
    "pickup.door_failed_open",
    "pickup.finish_committed",
    "pickup.proceeded",
    "pickup.desk_asked",
    "pickup.desk_committed",
    "pickup.desk_open",
    "pickup.desk_closed",
    "pickup.put_in_stored",
    "pickup.taken_out",
    "pickup.swept",
    "access.commands_committed",
    "sync.edge.appended",
    "sync.edge.events_posted",
    "sync.edge.acked",
    "sync.edge.ops_received",
    "sync.edge.rows_applied",
    "sync.edge.ops_committed",
    "sync.edge.hello_answered",
    "sync.edge.session_stored",
    "sync.edge.booted",
    "kit.sqlite.before_commit",
    "edge.doors_settled",
)
HUB_PLACES = (
    "sync.hub.events_stored",
    "sync.hub.effects_done",
    "sync.hub.cursor_moved",
    "sync.hub.events_committed",
    "sync.hub.hello_written",
    "sync.hub.hello_committed",
    "orders.stock_reserved",
    "orders.placed",
    "orders.paid",
    "orders.parcels_made",
    "orders.locked",
    "orders.parcel_moved",
    "orders.cancel_requested",
    "orders.cancel_finished",
    "orders.refunded",
    "stations.grant_issued",
    "stations.grant_revoked",
    "stations.command_reported",
    "kit.sqldb.before_commit",
)


def plan(seed: int, days: int = DAYS, orders: tuple[int, int] = BUSY) -> Plan:
    """Draw the plan of `seed` with so many orders a day, at least and at most."""
    name = f"{seed}|{days}" + (f"|{orders}" if orders != BUSY else "")
    rng = random.Random(f"plan|{name}")
    rush, doors = random.Random(f"rush|{name}"), random.Random(f"doors|{name}")
    helping = random.Random(f"helped|{name}")
    errands = tuple(
        replace(one, helped=helping.random() < _HELPED)
        for one in _at_the_door(doors, _in_the_rush(rush, _errands(rng, days, orders)))
    )
    horizon_s = days * DAY_S
    return Plan(
        seed=seed,
        days=days,
        errands=errands,
        faults=tuple(sorted(_faults(rng, horizon_s))),
        keeper_rounds=tuple(
            day * DAY_S + hour * 3600 + rng.uniform(0, 1200)
            for day in range(days)
            for hour in (1, 9)
        ),
        remote_opens=_moments(rng, rng.choice((0, 1, 3)), horizon_s),
        thief_visits=_moments(rng, rng.choice((0, 1, 2, 5)), horizon_s),
        fair_network=rng.random() < 0.2,
        horizon_s=horizon_s,
    )


def _moments(rng: random.Random, count: int, horizon_s: float) -> tuple[float, ...]:
    return tuple(sorted(rng.uniform(3600, horizon_s) for _ in range(count)))


def _errands(rng: random.Random, days: int, orders: tuple[int, int]) -> list[Errand]:
    found: list[Errand] = []
    for day in range(days):
        for _ in range(rng.randint(*orders)):
            found.append(_errand(rng, len(found), day * DAY_S + rng.uniform(60, 3000)))
    return found


def _in_the_rush(rng: random.Random, errands: list[Errand]) -> list[Errand]:
    """On some seeds everybody comes in the same ten minutes of the evening: all right codes must pass."""
    if rng.random() < 0.6:
        return errands
    evening_s = 12 * 3600.0
    return [
        replace(
            one, not_before_s=one.at_s // DAY_S * DAY_S + evening_s + rng.uniform(0, 300), typos=0
        )
        for one in errands
    ]


def _at_the_door(rng: random.Random, errands: list[Errand]) -> list[Errand]:
    """Let some codes be revoked in the very minute they are used, and some doors answer nothing just then."""
    return [
        replace(
            one,
            revoked_at_door=rng.random() < 0.04
            and one.cancel_after_s is None
            and one.revoke_after_s is None,
            muted=rng.random() < 0.04,
        )
        for one in errands
    ]


def _errand(rng: random.Random, number: int, at_s: float) -> Errand:
    cold = [(sku, 1) for sku in rng.sample(SKUS[0], rng.choice((0, 1, 1, 2)))]
    dry = [(sku, 1) for sku in rng.sample(SKUS[1], rng.choice((0, 1, 1)))]
    never, mind = rng.random() < 0.08, rng.random()
    return Errand(
        number=number,
        at_s=at_s,
        basket=tuple(cold + dry) or (("TEA-100", 1),),
        person=rng.randrange(3),
        fetch_after_s=None if never else rng.expovariate(1 / (6 * 3600)),
        hasty=rng.random() < 0.15,
        scanned=rng.random() < 0.1,
        cancel_after_s=rng.uniform(0, 3 * 3600) if mind < 0.06 else None,
        revoke_after_s=rng.uniform(0, 12 * 3600) if 0.06 <= mind < 0.10 else None,
        typos=sum(rng.random() < 0.05 for _ in range(8)),
        reopens=rng.random() < 0.1,
    )


def _faults(rng: random.Random, horizon_s: float) -> list[Fault]:
    found: list[Fault] = []
    per_week = max(1.0, horizon_s / (7 * DAY_S))

    def some(most: int, kind: FaultKind, for_s: tuple[float, float], *details: str) -> None:
        for _ in range(rng.randint(0, max(1, round(most * per_week)))):
            detail = rng.choice(details) if details else ""
            at_s = rng.uniform(1800, horizon_s)
            found.append(Fault(at_s, kind, rng.uniform(*for_s), detail, _amount(rng, kind)))

    some(4, FaultKind.CUT, (60, 6 * 3600))
    if rng.random() < 0.15:  # a digger takes the cable, and nobody comes for days
        found.append(Fault(rng.uniform(1800, horizon_s / 2), FaultKind.CUT, horizon_s))
    some(5, FaultKind.BUS, (5, 1800), "mute", "lost", "away", "refusing")
    some(4, FaultKind.JAM, (60, 6 * 3600))
    some(4, FaultKind.LATE_DOOR, (600, 6 * 3600))
    some(4, FaultKind.SENSOR, (60, 6 * 3600), "absent", "flapping")
    some(2, FaultKind.CLOCK, (3600, 2 * DAY_S))
    some(2, FaultKind.STOP_STATION, (5, 300))
    some(10, FaultKind.KILL_STATION, (2, 300), *STATION_PLACES)
    some(1, FaultKind.STOP_HUB, (5, 1800))
    some(5, FaultKind.KILL_HUB, (2, 600), *HUB_PLACES)
    return found


def _amount(rng: random.Random, kind: FaultKind) -> float:
    if kind is FaultKind.CLOCK:
        return rng.uniform(-300, 300)
    if kind is FaultKind.LATE_DOOR:
        return rng.choice((0.5, 2.0, 4.0, 10.0, 25.0))
    if kind is FaultKind.KILL_STATION:
        return float(rng.random() < 0.3)
    return rng.random()
