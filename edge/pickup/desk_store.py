"""SQL of the keeper's tasks: one parcel, one door, what for, how far."""

import sqlite3
from dataclasses import dataclass

from common.kit.errors import ConflictError
from edge.pickup.views import DeskKind, DeskStep

DDL = (
    """CREATE TABLE desk_task (
        task_id TEXT PRIMARY KEY, kind TEXT NOT NULL, parcel_id TEXT NOT NULL,
        compartment TEXT NOT NULL, keeper_id TEXT NOT NULL, reason TEXT NOT NULL,
        open_request_id TEXT NOT NULL UNIQUE, step TEXT NOT NULL, tries INTEGER NOT NULL,
        ruled_out TEXT NOT NULL, current INTEGER NOT NULL, boot_id TEXT NOT NULL, changed_s REAL NOT NULL)""",
    # One keeper's hands at a time: a second open door would take the wrong parcel.
    "CREATE UNIQUE INDEX desk_task_current ON desk_task (current) WHERE current",
)
_COLUMNS = (
    "task_id, kind, parcel_id, compartment, keeper_id, reason, open_request_id, step, tries,"
    " ruled_out, current, boot_id, changed_s"
)


@dataclass(frozen=True, slots=True)
class Task:
    """What a keeper does at one door; `ruled_out` are compartments already found unfit for this parcel."""

    task_id: str
    kind: DeskKind
    parcel_id: str
    compartment: str
    keeper_id: str
    reason: str
    open_request_id: str
    step: DeskStep
    tries: int
    ruled_out: frozenset[str]
    current: bool
    boot_id: str
    changed_s: float

    @property
    def busy(self) -> bool:
        """Return whether its door is on its way or open."""
        return self.current and self.step in (DeskStep.OPENING, DeskStep.OPEN)


def _task(row: sqlite3.Row | None) -> Task | None:
    if row is None:
        return None
    values = dict(row) | {
        "kind": DeskKind(row["kind"]),
        "step": DeskStep(row["step"]),
        "ruled_out": frozenset(row["ruled_out"].split()),
        "current": bool(row["current"]),
    }
    return Task(**values)


def current(conn: sqlite3.Connection) -> Task | None:
    """Return the task in hand, or the last one, until it is replaced or cancelled."""
    return _task(conn.execute(f"SELECT {_COLUMNS} FROM desk_task WHERE current").fetchone())  # noqa: S608


def require(conn: sqlite3.Connection, task_id: str | None) -> None:
    """ConflictError when a page showed this task and it is not the current one any more; None shows nothing."""
    task = current(conn) if task_id else None
    if task_id and (task is None or task.task_id != task_id):
        raise ConflictError(
            "screen.stale_form", "the page shows a door that is not in hand any more"
        )


def by_request(conn: sqlite3.Connection, open_request_id: str) -> Task | None:
    """Return the current task of an open request; a cancelled one has no say any more."""
    return _task(
        conn.execute(
            f"SELECT {_COLUMNS} FROM desk_task WHERE open_request_id = ? AND current",  # noqa: S608
            (open_request_id,),
        ).fetchone()
    )


def put(conn: sqlite3.Connection, task: Task) -> None:
    """Make `task` the current one."""
    drop_current(conn)
    conn.execute(
        f"INSERT OR REPLACE INTO desk_task ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (
            task.task_id, task.kind, task.parcel_id, task.compartment, task.keeper_id, task.reason,
            task.open_request_id, task.step, task.tries, " ".join(sorted(task.ruled_out)),
            task.current, task.boot_id, task.changed_s,
        ),
    )  # fmt: skip


def drop_current(conn: sqlite3.Connection) -> None:
    """Take the task out of the keeper's hands; the row stays as a record."""
    conn.execute("UPDATE desk_task SET current = 0 WHERE current")


def set_step(
    conn: sqlite3.Connection, task: Task, step: DeskStep, boot_id: str, mono_s: float
) -> None:
    """Store how far the task is, and when."""
    conn.execute(
        "UPDATE desk_task SET step = ?, boot_id = ?, changed_s = ? WHERE task_id = ?",
        (step, boot_id, mono_s, task.task_id),
    )
