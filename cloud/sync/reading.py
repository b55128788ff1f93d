"""What the gateway reads for a station in one snapshot of the store: its keys, changed rows, all rows."""

from typing import NoReturn

from sqlalchemy.engine import Connection

from cloud.sync import auth, feed
from cloud.sync.sessions import StationRow, check_session
from common.contract import protocol
from common.kit.errors import ConflictError, NotFoundError


def ops_tx(
    conn: Connection, station_id: str, session: int, query: protocol.OpsQuery
) -> protocol.OpsAnswer | None:
    """Return the next page, None when there is nothing new; ConflictError when only a snapshot helps."""
    state = state_tx(conn, station_id, session)
    same_generation(state, query.gen)
    if query.after > state.head_op:
        _resnapshot("ahead")
    ours = feed.digest_at_tx(conn, state, query.after)
    if ours is None or query.after < state.floor_op:
        _resnapshot("compacted")
    if ours.hex() != query.digest:
        _resnapshot("digest")
    if query.after == state.head_op:
        return None
    found = feed.ops_after_tx(conn, station_id, query.after, query.limit)
    digest = feed.digest_at_tx(conn, state, found[-1].op)
    assert digest is not None  # it stands in the row that was just read
    return protocol.OpsAnswer(
        gen=state.gen,
        after=query.after,
        to=found[-1].op,
        head=state.head_op,
        digest=digest.hex(),
        ops=tuple(
            protocol.Op(op=row.op, table=row.table, key=row.key, body=row.body) for row in found
        ),
    )


def snapshot_tx(
    conn: Connection, station_id: str, session: int, query: protocol.SnapshotQuery
) -> protocol.SnapshotPage:
    """Return the next page of every row; ConflictError when the rows changed between two pages."""
    state = state_tx(conn, station_id, session)
    same_generation(state, query.gen)
    if query.as_of is not None and query.as_of != state.head_op:
        raise ConflictError("sync.moved", "the rows changed between two pages: start again")
    found = feed.rows_after_tx(
        conn, station_id, (query.table, query.key), tuple(bytes.fromhex(query.segments))
    )
    page = found[: protocol.SNAPSHOT_ROWS]
    return protocol.SnapshotPage(
        gen=state.gen,
        as_of=state.head_op,
        digest=bytes(state.digest).hex(),
        rows=tuple(
            protocol.SnapshotRow(table=table, key=key, body=body) for table, key, body in page
        ),
        more=len(found) > len(page),
    )


def state_tx(conn: Connection, station_id: str, session: int) -> StationRow:
    """Return the station's row to who speaks for it in this session; see `check_session`."""
    state = feed.station_tx(conn, station_id)
    check_session(state, session)
    return state


def same_generation(state: StationRow, gen: int) -> None:
    """Refuse who reads rows of another generation: ConflictError, take a snapshot."""
    if gen != state.gen:
        _resnapshot("gen_changed")


def _resnapshot(reason: str) -> NoReturn:
    raise ConflictError("sync.resnapshot", f"take a snapshot: {reason}", reason=reason)


def keys_tx(conn: Connection, station_id: str) -> auth.Keys:
    """Return the keys of a station; none for an unknown one."""
    try:
        found = feed.station_tx(conn, station_id)
    except NotFoundError:
        return auth.Keys()
    return auth.Keys(found.public_key, found.revoked_key)
