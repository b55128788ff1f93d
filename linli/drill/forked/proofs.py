"""What must hold after every run: each pulse asked for and journalled, each fact at the hub once, each effect once.

Read from the files that the programs left behind, when nobody has them open.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from cloud.verify import CHECKS
from common.contract.words import DoorState
from linli.drill.forked.ground import Ground
from linli.drill.forked.table import Table
from linli.drill.reasons import without_reason

_ENDED = (
    DoorState.CLOSED, DoorState.FAILED_OPEN, DoorState.INDETERMINATE, DoorState.BUS_DOWN,
    DoorState.OPEN,
)  # fmt: skip
_CLOCK_S = 0.5


def always(
    ground: Ground, table: Table, started_s: float, *, plays: bool, forgets: bool
) -> list[str]:
    """Return what was violated."""
    pulses = table.seen()
    for door in table.lasting:
        first = next((one for one in pulses if one.door == door), None)
        if first is not None:
            pulses.remove(first)
    found = without_reason(pulses, table.acts.values(), table.deaths_s)
    found += [f"{one} was taken {n} times" for one, n in table.taken.items() if n > 1]
    if plays:
        with _opened(ground.station / "state.db") as station, _opened(_hub(ground)) as hub:
            found += facts(station, hub, forgets=forgets)
            found += rows_agree(station, hub)
            found += journalled(Counter(one.door for one in table.seen()), station, started_s)
    with _opened(_hub(ground)) as hub:
        found += effects_once(hub)
    db = ground.hub_db()
    try:
        found += db.read_now(lambda conn: [one for check in CHECKS for one in check(conn)])
    finally:
        db.close()
    return found


def custody(ground: Ground, parcel_id: str) -> list[str]:
    """Return the states a parcel went through at the hub, oldest first."""
    with _opened(_hub(ground)) as hub:
        rows = hub.execute(
            "SELECT to_state FROM custody_event WHERE parcel_id = ? ORDER BY number", (parcel_id,)
        )
        return [str(row[0]) for row in rows]


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection:
        yield connection


def _hub(ground: Ground) -> Path:
    return ground.live / "hub" / "hub.db"


def _lane(conn: sqlite3.Connection, table: str, lane: str) -> dict[tuple[int, int], str]:
    rows = conn.execute(
        f"SELECT boot_epoch, seq, type, body FROM {table} WHERE lane = ?",  # noqa: S608 - ours
        (lane,),
    )
    return {(row[0], row[1]): f"{row[2]} {row[3]}" for row in rows}


def facts(station: sqlite3.Connection, hub: sqlite3.Connection, *, forgets: bool) -> list[str]:
    """Compare both lanes, place by place."""
    found = []
    for lane in ("facts", "telemetry"):
        sent, have = _lane(station, "outbox", lane), _lane(hub, "sync_event", lane)
        missing = sorted(set(sent) - set(have))
        extra = [] if forgets else sorted(set(have) - set(sent))
        other = [at for at in sorted(set(sent) & set(have)) if sent[at] != have[at]]
        found += [
            f"{lane} {what}: {[(at, sent.get(at) or have.get(at)) for at in places[:3]]}"
            for what, places in (("lost", missing), ("unknown to the station", extra), ("different", other))
            if places
        ]  # fmt: skip
    return found


def rows_agree(station: sqlite3.Connection, hub: sqlite3.Connection) -> list[str]:
    """Compare where the rows stand, with the digest over their content."""
    here = station.execute("SELECT gen, op, hex(digest) FROM sync_self").fetchone()
    there = hub.execute("SELECT gen, head_op, hex(digest) FROM sync_station").fetchone()
    found = [] if here == there else [f"the station's rows stand at {here}, the hub's at {there}"]
    fence = station.execute("SELECT why FROM sync_fence").fetchone()
    return found if fence is None else [*found, f"the station is still fenced: {fence[0]}"]


def journalled(executed: Counter[str], station: sqlite3.Connection, started_s: float) -> list[str]:
    """Compare the pulses that the boards executed with the rows written before each frame, and these with events."""
    since_ms = round((started_s - _CLOCK_S) * 1000)
    rows = station.execute(
        "SELECT compartment, open_request_id FROM pulse WHERE mono_ms >= ?", (since_ms,)
    ).fetchall()
    written = Counter(str(row[0]) for row in rows)
    found = [
        f"door {door} was pulsed {n} times, {written[door]} are journalled"
        for door, n in executed.items()
        if n > written[door]
    ]
    told = station.execute(
        "SELECT json_extract(body, '$.open_request_id'), json_extract(body, '$.state')"
        " FROM outbox WHERE type = 'door.changed'"
    )
    ended = {row[0] for row in told if row[1] in _ENDED}
    return found + [
        f"no event says what became of the pulse of {door}"
        for door, request in rows
        if request not in ended
    ]


def effects_once(hub: sqlite3.Connection) -> list[str]:
    """Return which custody steps were taken twice, and which events took no effect."""
    rows = hub.execute(
        "SELECT parcel_id, to_state, count(*) FROM custody_event GROUP BY 1, 2 HAVING count(*) > 1"
    )
    found = [f"parcel {row[0]} became {row[1]} {row[2]} times" for row in rows]
    quarantined = hub.execute("SELECT type, reason FROM event_quarantine")
    return found + [f"event {row[0]} took no effect: {row[1]}" for row in quarantined]
