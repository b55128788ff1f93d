"""SQL of the resident's session: who stands at the screen, with which item in hand."""

import sqlite3
from dataclasses import dataclass

DDL = (
    """CREATE TABLE pickup_session (
        session_id TEXT PRIMARY KEY, grant_id TEXT NOT NULL, parcel_id TEXT NOT NULL,
        live INTEGER NOT NULL, boot_id TEXT NOT NULL, started_mono_s REAL NOT NULL, took_s REAL)""",
    # One screen, one session.
    "CREATE UNIQUE INDEX pickup_session_live ON pickup_session (live) WHERE live",
)
_SESSION = (
    "SELECT session_id, grant_id, parcel_id, boot_id, started_mono_s, took_s FROM pickup_session "
)


@dataclass(frozen=True, slots=True)
class Session:
    """One resident in front of the screen; `parcel_id` is the item in hand."""

    session_id: str
    grant_id: str
    parcel_id: str
    boot_id: str
    started_mono_s: float
    took_s: float | None


def live_session(conn: sqlite3.Connection) -> Session | None:
    """Return the session on the screen."""
    row = conn.execute(_SESSION + "WHERE live").fetchone()
    return Session(*row) if row else None


def start_session(conn: sqlite3.Connection, new: Session) -> None:
    """Put a session on the screen; IntegrityError when there is one."""
    conn.execute(
        "INSERT INTO pickup_session VALUES (?, ?, ?, 1, ?, ?, NULL)",
        (new.session_id, new.grant_id, new.parcel_id, new.boot_id, new.started_mono_s),
    )


def turn_session(conn: sqlite3.Connection, session_id: str, parcel_id: str) -> None:
    """Take the next item in hand."""
    conn.execute(
        "UPDATE pickup_session SET parcel_id = ? WHERE session_id = ?", (parcel_id, session_id)
    )


def set_took(conn: sqlite3.Connection, session_id: str, took_s: float) -> None:
    """Store the seconds from the last digit to the first open door."""
    conn.execute(
        "UPDATE pickup_session SET took_s = coalesce(took_s, ?) WHERE session_id = ?",
        (took_s, session_id),
    )


def end_session(conn: sqlite3.Connection, session_id: str) -> None:
    """Take the session off the screen."""
    conn.execute("UPDATE pickup_session SET live = 0 WHERE session_id = ?", (session_id,))


def session_compartments(conn: sqlite3.Connection) -> set[str]:
    """Return the compartments that the resident at the screen may still open."""
    rows = conn.execute(
        "SELECT compartment FROM grant_item JOIN pickup_session USING (grant_id) WHERE live"
    )
    return {row["compartment"] for row in rows}
