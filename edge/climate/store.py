"""The temperature record: 60 s blocks in `telemetry.db`, a ring by age and bytes; what is marked, in `state.db`."""

import json
import sqlite3
from dataclasses import dataclass

from common.contract.events import ClimateBlock

KEEP_MS = 30 * 24 * 3600 * 1000
BUDGET_BYTES = 64 * 1024 * 1024
_DROP_SHARE = 50  # at the byte budget the oldest fiftieth goes: often enough to fit, rarely enough to be cheap
_TRIM_BLOCKS = 16
"""Old blocks dropped at once, some times what one block's time brings: a wall clock that jumps into the future for
a moment must not take the whole record with it."""

TELEMETRY_DDL: tuple[str, ...] = (
    """CREATE TABLE IF NOT EXISTS climate_block (
        zone TEXT NOT NULL,
        started_ms INTEGER NOT NULL,
        period_ms INTEGER NOT NULL,
        temperatures_c TEXT NOT NULL,
        humidities_pct TEXT NOT NULL,
        over_limit INTEGER NOT NULL,
        PRIMARY KEY (zone, started_ms)
    ) STRICT""",
    "CREATE INDEX IF NOT EXISTS climate_block_by_age ON climate_block (started_ms)",
    "ALTER TABLE climate_block ADD COLUMN raw_c TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE climate_block ADD COLUMN calibration_id TEXT",
)

STATE_DDL: tuple[str, ...] = (
    """CREATE TABLE IF NOT EXISTS climate_mark (
        zone TEXT PRIMARY KEY,
        over_limit INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE IF NOT EXISTS instrument_alarm (
        instrument TEXT NOT NULL,
        point TEXT NOT NULL,
        role TEXT NOT NULL,
        PRIMARY KEY (instrument, point, role)
    ) STRICT""",
)


@dataclass(frozen=True, slots=True, order=True)
class Alarm:
    """One alarm of one device, while it stands."""

    instrument: str
    point: str
    role: str


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """One sample of the record; no number where the quality was not good."""

    at_ms: int
    temperature_c: float | None
    over_limit: bool


def put_block(conn: sqlite3.Connection, block: ClimateBlock, period_ms: int) -> None:
    """Store one block; the same zone and start again (the wall clock jumped back) replaces it."""
    conn.execute(
        "INSERT OR REPLACE INTO climate_block (zone, started_ms, period_ms, temperatures_c,"
        " humidities_pct, over_limit, raw_c, calibration_id) VALUES (?,?,?,?,?,?,?,?)",
        (
            block.zone,
            block.started_at_ms,
            period_ms,
            json.dumps(block.temperatures_c),
            json.dumps(block.humidities_pct),
            block.over_limit,
            json.dumps(block.raw_c),
            block.calibration_id,
        ),
    )


def trim(conn: sqlite3.Connection, now_ms: int, budget_bytes: int = BUDGET_BYTES) -> int:
    """Drop what is older than 30 days, and the oldest blocks when the file's content passes the budget."""
    dropped = _drop_oldest(conn, _TRIM_BLOCKS, before_ms=now_ms - KEEP_MS)
    while _used_bytes(conn) > budget_bytes:
        count = conn.execute("SELECT count(*) FROM climate_block").fetchone()[0]
        gone = _drop_oldest(conn, max(1, count // _DROP_SHARE))
        if not gone:
            break
        dropped += gone
    return dropped


def history(conn: sqlite3.Connection, zone: str, since_ms: int) -> list[HistoryPoint]:
    """Return the samples of `zone` from `since_ms` on, oldest first."""
    points = []
    rows = conn.execute(
        "SELECT * FROM climate_block WHERE zone = ? AND started_ms > ? ORDER BY started_ms",
        (zone, since_ms - 60_000),
    )
    for row in rows:
        for number, value in enumerate(json.loads(row["temperatures_c"])):
            at_ms = row["started_ms"] + number * row["period_ms"]
            if at_ms >= since_ms:
                points.append(HistoryPoint(at_ms, value, bool(row["over_limit"])))
    return points


def marks(conn: sqlite3.Connection) -> dict[str, bool]:
    """Return zone → marked as over its limit."""
    rows = conn.execute("SELECT zone, over_limit FROM climate_mark")
    return {row["zone"]: bool(row["over_limit"]) for row in rows}


def set_mark(conn: sqlite3.Connection, zone: str, *, over: bool) -> None:
    """Store whether `zone` is over its limit."""
    conn.execute("INSERT OR REPLACE INTO climate_mark VALUES (?,?)", (zone, over))


def alarms(conn: sqlite3.Connection) -> set[Alarm]:
    """Return the alarms that stand."""
    rows = conn.execute("SELECT instrument, point, role FROM instrument_alarm")
    return {Alarm(*row) for row in rows}


def set_alarm(conn: sqlite3.Connection, alarm: Alarm, *, raised: bool) -> None:
    """Store whether an alarm stands."""
    row = (alarm.instrument, alarm.point, alarm.role)
    if raised:
        conn.execute("INSERT OR IGNORE INTO instrument_alarm VALUES (?,?,?)", row)
        return
    conn.execute(
        "DELETE FROM instrument_alarm WHERE instrument = ? AND point = ? AND role = ?", row
    )


def _drop_oldest(conn: sqlite3.Connection, most: int, before_ms: int = 2**63 - 1) -> int:
    return conn.execute(
        "DELETE FROM climate_block WHERE rowid IN (SELECT rowid FROM climate_block"
        " WHERE started_ms < ? ORDER BY started_ms LIMIT ?)",
        (before_ms, most),
    ).rowcount


def _used_bytes(conn: sqlite3.Connection) -> int:
    size, pages, free = (
        conn.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_size", "page_count", "freelist_count")
    )
    return int(size * (pages - free))
