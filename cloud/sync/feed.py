"""The log down: per station the rows it shall hold, one op a change, and an additive digest after every op."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from cloud.sync.models import op as op_table
from cloud.sync.models import row as row_table
from cloud.sync.models import station as station_table
from common.contract.base import Message
from common.contract.digest import EMPTY, SEGMENTS, moved, row_hash, segment_of
from common.contract.protocol import MAX_OPS, SNAPSHOT_ROWS
from common.contract.replica import REPLICA_TABLES, row_key
from common.kit.errors import NotFoundError
from common.kit.failpoints import fp
from common.kit.sqldb import hint_tx

KEEP_OPS = 10_000
"""Ops a station may be behind before it takes a snapshot instead."""


# Made once: every request of every station asks for its row.
_STATION = sa.select(station_table).where(station_table.c.station_id == sa.bindparam("at_station"))
_STATION_LOCKED = _STATION.with_for_update()


@dataclass(frozen=True, slots=True)
class OpRow:
    """One op of a page."""

    op: int
    table: str
    key: str
    body: str | None


def station_tx(
    conn: Connection, station_id: str, *, lock: bool = False
) -> "Row[tuple[object, ...]]":
    """Return the gateway's row of a station, locked until the commit when `lock`."""
    query = _STATION_LOCKED if lock else _STATION
    found = conn.execute(query, {"at_station": station_id}).one_or_none()
    if found is None:
        raise NotFoundError("sync.station_unknown", f"station {station_id} is not known here")
    return found


def ensure_station_tx(conn: Connection, station_id: str) -> None:
    """Make the gateway's row of a station when it has none; rows may be put before it is paired."""
    known = conn.execute(
        sa.select(station_table.c.station_id).where(station_table.c.station_id == station_id)
    ).one_or_none()
    if known is None:
        conn.execute(
            station_table.insert().values(
                station_id=station_id, gen=1, head_op=0, floor_op=0, digest=EMPTY, session=0,
                boot_epoch=0, applied_op=0, backlog_facts=0, backlog_telemetry=0,
                clock_offset_ms=0, app_version="",
            )
        )  # fmt: skip


def put_row_tx(conn: Connection, station_id: str, table: str, row: Message) -> int:
    """Give `station_id` the row and return its op; an equal row already there keeps the op it has."""
    if type(row) is not REPLICA_TABLES[table]:
        raise TypeError(f"table {table!r} takes {REPLICA_TABLES[table].__name__}")
    return _change_tx(conn, station_id, table, row_key(table, row), row.model_dump_json())


def delete_row_tx(conn: Connection, station_id: str, table: str, key: str) -> int:
    """Take a row from `station_id` and return the op; a row that is not there costs none."""
    return _change_tx(conn, station_id, table, key, None)


def _change_tx(conn: Connection, station_id: str, table: str, key: str, body: str | None) -> int:
    ensure_station_tx(conn, station_id)
    state = station_tx(conn, station_id, lock=True)
    place = sa.and_(
        row_table.c.station_id == station_id, row_table.c.tbl == table, row_table.c.key == key
    )
    old = conn.execute(sa.select(row_table.c.hash, row_table.c.op).where(place)).one_or_none()
    added = row_hash(table, key, body) if body is not None else None
    if added == (old.hash if old else None):
        return int(old.op) if old else int(state.head_op)
    number = int(state.head_op) + 1
    digest = moved(state.digest, removed=old.hash if old else None, added=added)
    conn.execute(sa.delete(row_table).where(place))
    if body is not None:
        conn.execute(
            row_table.insert().values(
                station_id=station_id, tbl=table, key=key, body=body, hash=added,
                segment=segment_of(table, key), op=number,
            )
        )  # fmt: skip
    conn.execute(
        op_table.insert().values(
            station_id=station_id, op=number, tbl=table, key=key, body=body, digest=digest
        )
    )
    moved_head = {"head_op": number, "digest": digest} | _compacted(conn, station_id, state, number)
    conn.execute(_this(station_id).values(moved_head))
    fp("sync.hub.op_written")
    hint_tx(conn, f"station:{station_id}")
    return number


def _compacted(
    conn: Connection, station_id: str, state: "Row[tuple[object, ...]]", head: int
) -> dict[str, int]:
    """Forget old ops now and then, so that the log stays within twice `KEEP_OPS`."""
    if head - state.floor_op <= 2 * KEEP_OPS:
        return {}
    floor = head - KEEP_OPS
    conn.execute(
        sa.delete(op_table).where(op_table.c.station_id == station_id, op_table.c.op <= floor)
    )
    return {"floor_op": floor}


def new_generation_tx(conn: Connection, station_id: str, *, above: int = 0) -> int:
    """Start a generation above all known ones: the station takes a new snapshot, older reports no longer count."""
    state = station_tx(conn, station_id, lock=True)
    gen = max(int(state.gen), above) + 1
    conn.execute(_this(station_id).values(gen=gen, floor_op=state.head_op, applied_op=0))
    hint_tx(conn, f"station:{station_id}")
    return gen


def digest_at_tx(conn: Connection, state: "Row[tuple[object, ...]]", op: int) -> bytes | None:
    """Return the digest after `op`, or None when that op is compacted away or not written yet."""
    if op == state.head_op:
        return bytes(state.digest)
    if op == 0:
        return EMPTY if state.floor_op == 0 else None
    found = conn.execute(
        sa.select(op_table.c.digest).where(
            op_table.c.station_id == state.station_id, op_table.c.op == op
        )
    ).scalar_one_or_none()
    return None if found is None else bytes(found)


def ops_after_tx(conn: Connection, station_id: str, after: int, limit: int) -> list[OpRow]:
    """Return the ops behind `after` in order, at most `limit`."""
    rows = conn.execute(
        sa.select(op_table.c.op, op_table.c.tbl, op_table.c.key, op_table.c.body)
        .where(op_table.c.station_id == station_id, op_table.c.op > after)
        .order_by(op_table.c.op)
        .limit(min(limit, MAX_OPS))
    )
    return [OpRow(*found) for found in rows]


def rows_after_tx(
    conn: Connection, station_id: str, place: tuple[str, str], segments: tuple[int, ...]
) -> list[tuple[str, str, str]]:
    """Return (table, key, body) behind `place`, one more than a page; only of `segments` when any are given."""
    table, key = place
    query = (
        sa.select(row_table.c.tbl, row_table.c.key, row_table.c.body)
        .where(
            row_table.c.station_id == station_id,
            sa.tuple_(row_table.c.tbl, row_table.c.key) > sa.tuple_(table, key),
        )
        .order_by(row_table.c.tbl, row_table.c.key)
        .limit(SNAPSHOT_ROWS + 1)
    )
    if segments:
        query = query.where(row_table.c.segment.in_(segments))
    return [(found.tbl, found.key, found.body) for found in conn.execute(query)]


def segments_tx(conn: Connection, station_id: str) -> list[bytes]:
    """Return the digest of every segment."""
    digests = [EMPTY] * SEGMENTS
    rows = conn.execute(
        sa.select(row_table.c.segment, row_table.c.hash).where(row_table.c.station_id == station_id)
    )
    for segment, hash_ in rows:
        digests[segment] = moved(digests[segment], removed=None, added=hash_)
    return digests


def _this(station_id: str) -> sa.Update:
    return sa.update(station_table).where(station_table.c.station_id == station_id)
