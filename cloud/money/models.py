"""Tables of the ledger and its accounts; journals and legs are written once and never changed."""

from enum import StrEnum

import sqlalchemy as sa

metadata = sa.MetaData()


class Account(StrEnum):
    """Where money stands (reference domain D13); the first flow needs these."""

    PSP_CLEARING = "psp_clearing"
    ORDER_LIABILITY = "order_liability"
    REFUND_PAYABLE = "refund_payable"
    SALES = "sales"


class AccountType(StrEnum):
    """What an account counts; assets and expenses grow on the debit side."""

    ASSET = "asset"
    LIABILITY = "liability"
    INCOME = "income"
    EXPENSE = "expense"


ACCOUNT_TYPES: dict[Account, AccountType] = {
    Account.PSP_CLEARING: AccountType.ASSET,
    Account.ORDER_LIABILITY: AccountType.LIABILITY,
    Account.REFUND_PAYABLE: AccountType.LIABILITY,
    Account.SALES: AccountType.INCOME,
}
PROTECTED = frozenset({Account.ORDER_LIABILITY, Account.REFUND_PAYABLE})
"""Accounts that no subject may overdraw: what we owe is never less than nothing."""


class JournalKind(StrEnum):
    """The business acts that move money."""

    PAYMENT_CAPTURED = "payment_captured"
    REFUND_REQUESTED = "refund_requested"
    REFUND_SETTLED = "refund_settled"
    COLLECTED = "collected"


journal = sa.Table(
    "money_journal",
    metadata,
    sa.Column("journal_id", sa.String(26), primary_key=True),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("idem_key", sa.String(120), nullable=False, unique=True),
    sa.Column("subject_id", sa.String(26), nullable=False),
    sa.Column("posted_at_ms", sa.BigInteger, nullable=False),
    sa.Index("ix_money_journal_subject", "subject_id", "posted_at_ms"),
)
leg = sa.Table(
    "money_leg",
    metadata,
    sa.Column("journal_id", sa.String(26), sa.ForeignKey(journal.c.journal_id), primary_key=True),
    sa.Column("line", sa.Integer, primary_key=True),
    sa.Column("account", sa.String(32), nullable=False),
    sa.Column("amount_fen", sa.BigInteger, nullable=False),
    sa.CheckConstraint("amount_fen <> 0", name="ck_money_leg_amount"),
)

_REFUSE = (
    "CREATE OR REPLACE FUNCTION money_written_once() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is written once'; END $$"
)


def _written_once(table: sa.Table) -> None:
    name = table.name
    statements = [
        ("postgresql", _REFUSE),
        (
            "postgresql",
            (
                f"CREATE TRIGGER {name}_written_once BEFORE UPDATE OR DELETE ON {name} "
                "FOR EACH ROW EXECUTE FUNCTION money_written_once()"
            ),
        ),
        *(
            (
                "sqlite",
                (
                    f"CREATE TRIGGER {name}_no_{act} BEFORE {act} ON {name} "
                    f"BEGIN SELECT RAISE(ABORT, '{name} is written once'); END"
                ),
            )
            for act in ("update", "delete")
        ),
    ]
    for dialect, statement in statements:
        ddl = sa.DDL(statement)  # type: ignore[no-untyped-call]
        sa.event.listen(table, "after_create", ddl.execute_if(dialect=dialect))


# Triggers come with `create_all`, so the engine itself refuses to change a posted journal.
_written_once(journal)
_written_once(leg)
