"""What must hold in the ledger at any moment (reference domain D13, D18-1)."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.money.models import ACCOUNT_TYPES, PROTECTED, Account, AccountType, journal, leg


def violations(connection: Connection) -> list[str]:
    """Return one sentence per broken rule; empty when the ledger is sound."""
    return [
        *_unbalanced(connection),
        *_short_journals(connection),
        *_unknown_accounts(connection),
        *_overdrawn(connection),
    ]


def _unbalanced(connection: Connection) -> list[str]:
    total = sa.func.sum(leg.c.amount_fen)
    rows = connection.execute(
        sa.select(leg.c.journal_id, total).group_by(leg.c.journal_id).having(total != 0)
    )
    return [f"money: journal {journal_id} sums to {fen} fen" for journal_id, fen in rows]


def _short_journals(connection: Connection) -> list[str]:
    rows = connection.execute(
        sa.select(journal.c.journal_id)
        .outerjoin(leg, leg.c.journal_id == journal.c.journal_id)
        .group_by(journal.c.journal_id)
        .having(sa.func.count(leg.c.line) < 2)
    )
    return [f"money: journal {journal_id} has fewer than two legs" for (journal_id,) in rows]


def _unknown_accounts(connection: Connection) -> list[str]:
    known = [account.value for account in Account]
    rows = connection.execute(
        sa.select(leg.c.account).where(leg.c.account.not_in(known)).distinct()
    )
    return [f"money: account {account} does not exist" for (account,) in rows]


def _overdrawn(connection: Connection) -> list[str]:
    total = sa.func.sum(leg.c.amount_fen)
    found = []
    for account in sorted(PROTECTED):
        debit_side = ACCOUNT_TYPES[account] in (AccountType.ASSET, AccountType.EXPENSE)
        overdrawn = total < 0 if debit_side else total > 0
        rows = connection.execute(
            sa.select(journal.c.subject_id, total)
            .join(leg, leg.c.journal_id == journal.c.journal_id)
            .where(leg.c.account == account.value)
            .group_by(journal.c.subject_id)
            .having(overdrawn)
        )
        found += [
            f"money: {account} of {subject} is overdrawn by {abs(fen)} fen" for subject, fen in rows
        ]
    return found
