"""SQL of the ledger."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.money.models import Account, journal, leg


@dataclass(frozen=True, slots=True)
class Leg:
    """One side of a journal: debit is positive, credit negative, in fen."""

    account: Account
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Journal:
    """One posted journal with its legs."""

    journal_id: str
    kind: str
    idem_key: str
    subject_id: str
    posted_at_ms: int
    legs: tuple[Leg, ...]


def journal_by_key(connection: Connection, idem_key: str) -> Journal | None:
    """Return what was posted under `idem_key`."""
    row = connection.execute(sa.select(journal).where(journal.c.idem_key == idem_key)).first()
    return None if row is None else _with_legs(connection, row)


def journals_of(connection: Connection, subject_id: str) -> list[Journal]:
    """Return the subject's journals, oldest first."""
    rows = connection.execute(
        sa.select(journal)
        .where(journal.c.subject_id == subject_id)
        .order_by(journal.c.posted_at_ms, journal.c.journal_id)
    )
    return [_with_legs(connection, row) for row in rows.all()]


def insert_journal(connection: Connection, entry: Journal) -> None:
    """Write a journal and its legs."""
    connection.execute(
        journal.insert().values(
            journal_id=entry.journal_id,
            kind=entry.kind,
            idem_key=entry.idem_key,
            subject_id=entry.subject_id,
            posted_at_ms=entry.posted_at_ms,
        )
    )
    connection.execute(
        leg.insert(),
        [
            {
                "journal_id": entry.journal_id,
                "line": line,
                "account": one.account.value,
                "amount_fen": one.amount_fen,
            }
            for line, one in enumerate(entry.legs)
        ],
    )


def balances(connection: Connection, subject_id: str | None = None) -> dict[Account, int]:
    """Return debit minus credit per account, of one subject or of the whole ledger."""
    query = sa.select(leg.c.account, sa.func.sum(leg.c.amount_fen)).group_by(leg.c.account)
    if subject_id is not None:
        query = query.join(journal, journal.c.journal_id == leg.c.journal_id).where(
            journal.c.subject_id == subject_id
        )
    return {Account(account): int(total) for account, total in connection.execute(query)}


def _with_legs(connection: Connection, row: sa.Row[tuple[object, ...]]) -> Journal:
    rows = connection.execute(
        sa.select(leg.c.account, leg.c.amount_fen)
        .where(leg.c.journal_id == row.journal_id)
        .order_by(leg.c.line)
    )
    legs = tuple(Leg(Account(account), amount_fen) for account, amount_fen in rows)
    return Journal(row.journal_id, row.kind, row.idem_key, row.subject_id, row.posted_at_ms, legs)
