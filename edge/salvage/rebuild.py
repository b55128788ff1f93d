"""Makes a new `state.db` of what could be saved; nothing in it is less shut than it was in the damaged one."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from common.contract.damage import MOST_NAMES, LostEvents
from common.contract.digest import EMPTY, row_hash, segment_of
from common.kit.ids import id_text
from common.kit.sqlite import connect
from edge.config import StationConfig
from edge.salvage import caution
from edge.salvage.caution import Moment
from edge.salvage.outbox import fill_outbox_tx, insert_tx
from edge.salvage.stock import Record, Stock

EPOCHS_AHEAD = 1000
"""A copy is older than the file: no boot epoch that was used since may come again."""
_OWN_RULES = frozenset({
    "outbox", "sync_lane", "sync_break", "sync_tear", "sync_row", "sync_self", "placement",
    "open_request", "pulse", "pickup_session", "desk_task", "keeper_session", "powered_time",
    "limiter", "limiter_attempt", "command_run",
})  # fmt: skip
_BY_HUB_ALONE = frozenset({"keeper", "command"})
"""Rows of the hub that an old copy may not bring back: a keeper who left, a command that ran."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What the new store lacks."""

    tables: tuple[str, ...]
    lost: tuple[LostEvents, ...]
    grants_held: int
    doors_unknown: tuple[str, ...]


def rebuild(
    path: Path,
    stock: Stock,
    config: StationConfig,
    make_tables_tx: Callable[[sqlite3.Connection], object],
    wall_ms: int,
    copy_ms: int | None,
) -> Rebuilt:
    """Write the new store to `path`, one transaction, closed and without a log."""
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    with closing(connect(path, readonly=False)) as conn:
        conn.execute("PRAGMA foreign_keys=OFF")
        conn.execute("BEGIN IMMEDIATE")
        make_tables_tx(conn)
        rebuilt = _fill_tx(conn, stock, config, wall_ms, copy_ms)
        conn.execute("COMMIT")
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return rebuilt


def _fill_tx(
    conn: sqlite3.Connection,
    stock: Stock,
    config: StationConfig,
    wall_ms: int,
    copy_ms: int | None,
) -> Rebuilt:
    here = {
        str(row[0]) for row in conn.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    }
    for name in sorted(stock.layout.keys() & here - _OWN_RULES):
        insert_tx(conn, name, stock.missing(name))
        insert_tx(conn, name, stock.records(name))
    caution.keep_calibrations_tx(conn, stock)
    _fill_self_tx(conn, stock, _install_id(config.station.id, wall_ms))
    _fill_rows_tx(conn, stock)
    _fill_placements_tx(conn, stock)
    _fill_sessions_tx(conn, stock)
    age_s = None if copy_ms is None else (wall_ms - copy_ms) / 1000
    at = Moment(wall_ms, _fill_powered_tx(conn, stock), age_s)
    for name in ("limiter", "limiter_attempt"):
        insert_tx(conn, name, stock.missing(name))
        insert_tx(conn, name, stock.records(name))
    caution.count_worst_tx(conn, stock, config, at)
    _fill_commands_tx(conn, stock, wall_ms)
    lost = fill_outbox_tx(conn, stock, config.station.id)
    held = caution.hold_grants_tx(conn, stock, at)
    labels = [part.label for part in config.compartment]
    doors = caution.mark_doors_tx(conn, stock, labels, at)
    _drop_orphans_tx(conn)
    return Rebuilt(stock.holed()[:MOST_NAMES], tuple(lost[:MOST_NAMES]), held, doors)


def _fill_self_tx(conn: sqlite3.Connection, stock: Stock, install_id: str) -> None:
    """Put who this is; where neither file nor copy knows, a new install behind every epoch that can be seen."""
    insert_tx(conn, "sync_self", stock.records("sync_self"))
    for row in stock.missing("sync_self"):
        ahead = {"boot_epoch": row["boot_epoch"] + EPOCHS_AHEAD}
        insert_tx(conn, "sync_self", [row | ahead])
    if conn.execute("SELECT 1 FROM sync_self").fetchone() is None:
        conn.execute(
            "INSERT INTO sync_self VALUES (1, ?, '', 1, ?, 0, 0, 0, ?)",
            (install_id, _newest_epoch(stock) + EPOCHS_AHEAD, EMPTY),
        )


def _install_id(station_id: str, wall_ms: int) -> str:
    """Return an id that no other install has: the hub takes nothing else than a ULID."""
    own = blake2b(f"{station_id} {wall_ms}".encode(), digest_size=10).digest()
    return id_text((wall_ms % (1 << 48)).to_bytes(6, "big") + own)


def _newest_epoch(stock: Stock) -> int:
    """Return the newest boot epoch that any event or lane still tells of."""
    names = ("outbox", "sync_lane", "sync_break")
    rows = [row for name in names for row in (*stock.missing(name), *stock.records(name))]
    return max((int(row["boot_epoch"]) for row in rows), default=0)


def _fill_rows_tx(conn: sqlite3.Connection, stock: Stock) -> None:
    """Put the hub's rows; their tables are made from them at start, the digest as well."""
    older = [row for row in stock.missing("sync_row") if row["tbl"] not in _BY_HUB_ALONE]
    for row in (*older, *stock.records("sync_row")):
        place = (row["tbl"], row["key"])
        made = {"hash": row_hash(*place, row["body"]), "segment": segment_of(*place)}
        insert_tx(conn, "sync_row", [row | made])


def _fill_placements_tx(conn: sqlite3.Connection, stock: Stock) -> None:
    """Put what lies where; an older word of the copy gives way to a newer one about the same compartment."""
    sure = stock.records("placement")
    taken = {row["compartment"] for row in sure if row["state"] == "placed"}
    older = [
        row
        for row in stock.missing("placement")
        if row["state"] != "placed" or row["compartment"] not in taken
    ]
    insert_tx(conn, "placement", older + sure)


def _fill_sessions_tx(conn: sqlite3.Connection, stock: Stock) -> None:
    """Put what people were in the midst of only when all of it is proven; nobody is signed in by a copy."""
    tables = ("open_request", "pulse", "pickup_session", "desk_task", "keeper_session")
    for name in tables:
        insert_tx(conn, name, stock.records(name))
    if not stock.is_whole("pickup_session", *caution.OPENING):
        conn.execute("UPDATE pickup_session SET live = 0")
    if not stock.is_whole("desk_task", *caution.OPENING):
        conn.execute("UPDATE desk_task SET current = 0")


def _fill_powered_tx(conn: sqlite3.Connection, stock: Stock) -> float:
    """Put the powered-on counter, never behind a moment that was counted in it; return it."""
    rows = (*stock.missing("powered_time"), *stock.records("powered_time"))
    moments = [float(row["powered_s"]) for row in rows]
    for name in ("limiter", "limiter_attempt", "opening_spent"):
        moments += [float(row["at_s"]) for row in (*stock.missing(name), *stock.records(name))]
    powered_s = max(moments, default=0.0)
    insert_tx(conn, "powered_time", stock.records("powered_time"))
    if not stock.records("powered_time"):
        insert_tx(
            conn, "powered_time", [{"id": 1, "boot_id": "", "mono_s": 0.0, "powered_s": powered_s}]
        )
    return powered_s


def _fill_commands_tx(conn: sqlite3.Connection, stock: Stock, wall_ms: int) -> None:
    """Put the commands that ran. Where that is not sure, every command at hand counts as one that did."""
    insert_tx(conn, "command_run", stock.missing("command_run"))
    insert_tx(conn, "command_run", stock.records("command_run"))
    if stock.is_whole("command_run"):
        return
    known = {row[0] for row in conn.execute("SELECT command_id FROM command_run")}
    rows: list[Record] = [
        {
            "command_id": row["key"],
            "nonce": f"damage|{row['key']}",
            "state": "failed",
            "at_ms": wall_ms,
        }
        for row in stock.records("sync_row")
        if row["tbl"] == "command" and row["key"] not in known
    ]
    insert_tx(conn, "command_run", rows)


def _drop_orphans_tx(conn: sqlite3.Connection) -> None:
    """Let go of rows whose parent is lost; the parent is held, or its door is read by the sensor."""
    conn.execute("DELETE FROM grant_item WHERE grant_id NOT IN (SELECT grant_id FROM grant_use)")
    conn.execute(
        "DELETE FROM pulse WHERE open_request_id NOT IN (SELECT open_request_id FROM open_request)"
    )
    conn.execute(
        "UPDATE pickup_session SET live = 0 WHERE grant_id NOT IN (SELECT grant_id FROM grant_use)"
    )
