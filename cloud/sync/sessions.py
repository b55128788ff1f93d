"""Who may speak for a station: one session at a time, handed out by hello, so that a copy of a station is noticed."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from cloud.sync import claims, feed
from cloud.sync.alarms import alarm_tx
from cloud.sync.ingest import heads_tx
from cloud.sync.models import station as station_table
from cloud.sync.wire import AnyBatch
from common.contract.protocol import EVENTS_AHEAD, MOST_AT_FIRST, Hello, HelloAnswer, most_after
from common.kit.errors import ConflictError, InvalidError, RefusedError
from common.kit.failpoints import fp
from common.kit.sqldb import hint_tx

LEASE_MS = 5 * 60 * 1000
"""How long a session outlives its last word; then another daemon of the same key may take over (and is reported),
unless both were heard side by side."""
HEARD_EVERY_MS = 30_000
"""A poll writes down that it was heard at most this often."""

StationRow = Row[tuple[object, ...]]
_HEARD = (
    sa.update(station_table)
    .where(station_table.c.station_id == sa.bindparam("at_station"))
    .values(last_heard_ms=sa.bindparam("last_heard_ms"))
)


def hello_tx(conn: Connection, station_id: str, hello: Hello, now_ms: int) -> HelloAnswer | None:
    """Open, renew or refuse (None) a session and return what the hub knows.

    InvalidError `sync.invalid` for a number that no honest count reaches: the hub would count on from it, and tell
    it to every later computer of this station.
    """
    state = feed.station_tx(conn, station_id, lock=True)
    _check_counts(state, hello)
    session = _session(conn, state, hello, now_ms)
    if session is None:
        return None
    min_boot_epoch = hello.boot_epoch
    if not _is_same(state, hello) and hello.boot_epoch <= state.boot_epoch:
        min_boot_epoch = state.boot_epoch + 1
    first_time = state.hello_id != hello.hello_id
    conn.execute(
        sa.update(station_table)
        .where(station_table.c.station_id == station_id)
        .values(
            session=session, install_id=hello.install_id, hello_id=hello.hello_id,
            hello_from=hello.session if first_time else state.hello_from,
            run_id=hello.run_id or state.run_id,
            boot_epoch=max(min_boot_epoch, state.boot_epoch), last_heard_ms=now_ms,
            backlog_facts=hello.backlog_facts, backlog_telemetry=hello.backlog_telemetry,
            oldest_s=hello.oldest_s, clock_offset_ms=hello.clock_offset_ms,
            app_version=hello.app_version,
        )
    )  # fmt: skip
    if session != state.session:  # whoever held it learns so at once: its poll ends
        hint_tx(conn, f"station:{station_id}")
    gen = _generation(conn, state, hello)
    fp("sync.hub.hello_written")
    return HelloAnswer(
        session=session,
        min_boot_epoch=min_boot_epoch,
        gen=gen,
        head_op=state.head_op,
        server_time_ms=now_ms,
        acked=heads_tx(conn, station_id),
    )


def _check_counts(state: StationRow, hello: Hello) -> None:
    is_first = state.boot_epoch == 0  # every row begins in generation 1
    known = {
        "session": state.session,  # a new key begins at 0 again
        "boot_epoch": state.boot_epoch,
        "gen": 0 if is_first else state.gen,
    }
    for name, number in known.items():
        if getattr(hello, name) > most_after(int(number), MOST_AT_FIRST):
            raise InvalidError("sync.invalid", f"{name}: no station comes so far beyond {number}")


def check_epochs(state: StationRow, batch: AnyBatch) -> None:
    """Refuse events of a boot epoch far above the one this session said hello with; InvalidError `sync.invalid`.

    They may lie a little above: a fork is told anew in a new epoch, in the middle of a session.
    """
    # The last one is the highest: a batch whose order is wrong adds up to nothing and is not stored.
    if batch.events[-1].boot_epoch > state.boot_epoch + EVENTS_AHEAD:
        said = f"events: their boot epoch lies far above {state.boot_epoch}, which hello said"
        raise InvalidError("sync.invalid", said)


def _session(conn: Connection, state: StationRow, hello: Hello, now_ms: int) -> int | None:
    """Return the session of `hello`, or None when another daemon holds the station."""
    if _is_same(state, hello):
        return int(state.session)
    if not _is_heir(state, hello) and not _may_take_over(conn, state, hello, now_ms):
        return None
    claims.forget_tx(conn, state.station_id, hello.hello_id)
    return max(int(state.session), hello.session) + 1


def _is_same(state: StationRow, hello: Hello) -> bool:
    """Return whether the very process of the session speaks (a release that names no run: the same boot)."""
    same_run = hello.run_id is None or state.run_id in (None, hello.run_id)
    return bool(
        same_run and state.hello_id == hello.hello_id and state.install_id == hello.install_id
    )


def _is_heir(state: StationRow, hello: Hello) -> bool:
    """Return whether `hello` comes from the disk of whoever holds the session: it knows it, or it died before it did.

    A copy of that disk knows as much. Then the one that came last speaks, and the other is turned away.
    """
    if state.install_id is None:
        return True
    unheard = hello.hello_id == state.hello_id and hello.session == state.hello_from
    return bool(
        state.install_id == hello.install_id and (hello.session >= state.session or unheard)
    )


def _may_take_over(conn: Connection, state: StationRow, hello: Hello, now_ms: int) -> bool:
    """Return whether a daemon that is no heir may speak: an operator says so, or the other one is dead.

    It is not dead when it was heard after this one had first asked: then two are alive, and only a person knows
    which of them stands at the doors.
    """
    claim = claims.note_tx(conn, state.station_id, hello, now_ms)
    heard_ms = state.last_heard_ms
    silent = heard_ms is None or now_ms - heard_ms > LEASE_MS
    both_live = heard_ms is not None and heard_ms > claim.first_ms
    may = claim.admitted or (silent and not both_live)
    kind = ("readmitted" if claim.admitted else "taken_over") if may else "fenced"
    alarm_tx(conn, state.station_id, kind, f"install {hello.install_id}", now_ms)
    return may


def _generation(conn: Connection, state: StationRow, hello: Hello) -> int:
    """Return the generation; a new one when the station has seen rows this hub does not remember giving."""
    if hello.gen < state.gen:
        return int(state.gen)
    if hello.gen == state.gen and hello.op <= state.head_op:
        ours = feed.digest_at_tx(conn, state, hello.op)
        if ours is None or ours.hex() == hello.digest:
            return int(state.gen)
    return feed.new_generation_tx(conn, state.station_id, above=hello.gen)


def check_session(state: StationRow, session: int) -> None:
    """Refuse a request of a key revoked meanwhile, of an older session, or of one this hub never gave."""
    if state.public_key is None and state.revoked_key is not None:
        raise RefusedError("sync.revoked", "the key of this station was revoked: pair it anew")
    if session < state.session:
        raise RefusedError("sync.fenced", "a newer session speaks for this station")
    if session > state.session or session == 0:
        raise ConflictError("sync.hello_first", "the hub does not know this session")


def heard_tx(conn: Connection, station_id: str, now_ms: int) -> None:
    """Note that the station was heard."""
    conn.execute(_HEARD, {"at_station": station_id, "last_heard_ms": now_ms})


def is_heard_due(state: StationRow, now_ms: int) -> bool:
    """Return whether the last note is old enough for another."""
    return state.last_heard_ms is None or now_ms - state.last_heard_ms > HEARD_EVERY_MS
