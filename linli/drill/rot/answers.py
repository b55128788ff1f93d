"""What a station would answer after a start, asked of its own rooms; nobody stands at its doors."""

import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from common.contract.damage import StorageDamaged
from edge.access.limiter import Taken
from edge.app import Edge
from edge.data_folder import migrate_tx
from edge.ports import EdgePorts
from edge.salvage import untold
from edge.tables import STATE_MIGRATIONS
from linli.drill.rot.hub import Log, meet

OPENS, WRONG = "opens", "wrong"


class _Undo(Exception):
    """Carries an answer out of a transaction that must not stay."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Everything the oracle compares."""

    report: StorageDamaged | None
    codes: dict[str, str]
    """Tag → `opens`, `wrong`, or why nothing is said."""
    items: dict[tuple[str, str], tuple[str, int, bool]]
    """(grant, parcel) → compartment, pulses, whether it was opened."""
    attempts: int
    spent: int
    commands: frozenset[str]
    effects: Counter[str]
    """Fact → how often it took effect at the hub, once that has what waited here."""


async def ask(edge: Edge, ports: EdgePorts, tags: Iterable[bytes], log: Log) -> Answers:
    """Bring the rooms up as `run` does before the doors, and ask; what is asked is undone. Then the hub is met."""
    db, at = edge.state_db, edge.clock.wall()
    report = untold(edge.state_db.path.parent)
    await db.write(lambda conn: migrate_tx(conn, STATE_MIGRATIONS, at))
    await db.write(edge.clock.load_tx)
    await edge.replica.prepare()
    await edge.outbox.boot()
    if report is not None:
        db.write_now(lambda conn: edge.outbox.append_tx(conn, report, occurred_at=at))
    codes = {tag.hex(): _code(edge, tag) for tag in tags}
    return Answers(
        report,
        codes,
        db.write_now(_items),
        db.write_now(edge.limiter.standing_tx).failures_24h,
        db.write_now(lambda conn: _count(conn, "opening_spent")),
        db.write_now(_commands),
        await meet(edge, ports, log),
    )


def _code(edge: Edge, tag: bytes) -> str:
    def tx(conn: sqlite3.Connection) -> None:
        verdict = edge.judge.check_tx(conn, tag, Taken(0))
        said = OPENS if verdict.accepted else str(verdict.hindrance or WRONG)
        raise _Undo(said)

    try:
        edge.state_db.write_now(tx)
    except _Undo as answer:
        return str(answer)
    raise AssertionError("a transaction that must be undone was not")


def _items(conn: sqlite3.Connection) -> dict[tuple[str, str], tuple[str, int, bool]]:
    rows = conn.execute(
        "SELECT grant_id, parcel_id, compartment, pulses, opened_at_ms IS NOT NULL FROM grant_item"
    )
    return {(row[0], row[1]): (row[2], row[3], bool(row[4])) for row in rows}


def _count(conn: sqlite3.Connection, table: str) -> int:
    return int(conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - a literal


def _commands(conn: sqlite3.Connection) -> frozenset[str]:
    return frozenset(row[0] for row in conn.execute("SELECT command_id FROM command_run"))
