"""Posting: sums to zero, once per key, never overdrawn, never changed."""

import asyncio
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from cloud.money.checks import violations
from cloud.money.models import journal, leg, metadata
from cloud.money.service import Account, JournalKind, Leg, Money, Posted, move
from common.kit.chance import seeded_chance
from common.kit.errors import ConflictError, InvalidError
from common.kit.sqldb import SqlDb

ORDER = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
CAPTURE = move(Account.PSP_CLEARING, Account.ORDER_LIABILITY, 1990)


class StandingClock:
    boot_id = "test"

    def monotonic_s(self) -> float:
        return 0.0

    def wall(self) -> datetime:
        return datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.fixture
def subject() -> Money:
    return Money(StandingClock(), seeded_chance("money"))


def capture(money: Money, connection: Connection, key: str = f"capture|{ORDER}") -> Posted:
    return money.post_tx(connection, JournalKind.PAYMENT_CAPTURED, key, CAPTURE, subject_id=ORDER)


def test_a_capture_moves_money_from_the_provider_to_what_we_owe(db: SqlDb, subject: Money) -> None:
    db.write_now(lambda c: capture(subject, c))
    balances = db.read_now(lambda c: subject.balances_tx(c, ORDER))
    assert balances[Account.PSP_CLEARING] == 1990
    assert balances[Account.ORDER_LIABILITY] == 1990
    assert db.read_now(violations) == []


def test_the_same_key_posts_once(db: SqlDb, subject: Money) -> None:
    first = db.write_now(lambda c: capture(subject, c))
    again = db.write_now(lambda c: capture(subject, c))
    assert (first.fresh, again.fresh) == (True, False)
    assert first.journal_id == again.journal_id
    assert db.read_now(lambda c: len(subject.journals_tx(c, ORDER))) == 1


def test_a_key_never_stands_for_two_journals(db: SqlDb, subject: Money) -> None:
    db.write_now(lambda c: capture(subject, c))
    other = move(Account.PSP_CLEARING, Account.ORDER_LIABILITY, 1)
    with pytest.raises(ConflictError) as refused:
        db.write_now(
            lambda c: subject.post_tx(
                c, JournalKind.PAYMENT_CAPTURED, f"capture|{ORDER}", other, subject_id=ORDER
            )
        )
    assert refused.value.key == "money.key_taken"


@pytest.mark.parametrize(
    "legs",
    [
        (),
        (Leg(Account.SALES, 0), Leg(Account.PSP_CLEARING, 0)),
        (Leg(Account.SALES, 5),),
        (Leg(Account.SALES, 5), Leg(Account.PSP_CLEARING, -4)),
    ],
)
def test_an_unbalanced_journal_is_refused(db: SqlDb, subject: Money, legs: tuple[Leg, ...]) -> None:
    with pytest.raises(InvalidError):
        db.write_now(
            lambda c: subject.post_tx(c, JournalKind.COLLECTED, "key", legs, subject_id=ORDER)
        )
    assert db.read_now(lambda c: subject.journals_tx(c, ORDER)) == []


def test_what_we_owe_is_never_overdrawn(db: SqlDb, subject: Money) -> None:
    db.write_now(lambda c: capture(subject, c))
    refund = move(Account.ORDER_LIABILITY, Account.REFUND_PAYABLE, 1991)
    with pytest.raises(ConflictError) as refused:
        db.write_now(
            lambda c: subject.post_tx(
                c, JournalKind.REFUND_REQUESTED, "refund", refund, subject_id=ORDER
            )
        )
    assert refused.value.key == "money.overdrawn"
    assert refused.value.params["missing_fen"] == 1


@pytest.mark.parametrize("table", [journal, leg])
def test_a_posted_journal_cannot_be_changed_or_removed(
    db: SqlDb, subject: Money, table: sa.Table
) -> None:
    db.write_now(lambda c: capture(subject, c))
    column = table.columns["kind" if table is journal else "account"]
    with pytest.raises(DBAPIError, match="written once"):
        db.write_now(lambda c: c.execute(table.update().values({column: "sales"})))
    with pytest.raises(DBAPIError, match="written once"):
        db.write_now(lambda c: c.execute(table.delete()))


async def test_twenty_notices_at_once_are_one_capture(db: SqlDb, subject: Money) -> None:
    async def notice() -> bool:
        return (await db.write(lambda c: capture(subject, c))).fresh

    fresh = await asyncio.gather(*(notice() for _ in range(20)))
    assert sum(fresh) == 1
    assert await db.read(violations) == []


def test_checks_see_a_journal_that_does_not_sum_to_zero(db: SqlDb, subject: Money) -> None:
    def bend(connection: Connection) -> None:
        posted = capture(subject, connection)
        extra = {"journal_id": posted.journal_id, "line": 2, "account": "sales", "amount_fen": 7}
        connection.execute(leg.insert().values(extra))

    db.write_now(bend)
    assert [text for text in db.read_now(violations) if "sums to 7 fen" in text]


def test_checks_see_an_overdrawn_order_and_an_unknown_account(db: SqlDb) -> None:
    def bend(connection: Connection) -> None:
        connection.execute(
            journal.insert().values(
                journal_id=ORDER, kind="x", idem_key="x", subject_id=ORDER, posted_at_ms=0
            )
        )
        for line, (account, fen) in enumerate((("order_liability", 5), ("nowhere", -5))):
            connection.execute(
                leg.insert().values(journal_id=ORDER, line=line, account=account, amount_fen=fen)
            )

    db.write_now(bend)
    found = " ".join(db.read_now(violations))
    assert "overdrawn by 5 fen" in found
    assert "account nowhere does not exist" in found


_acts = st.lists(
    st.tuples(
        st.sampled_from(
            [
                (Account.PSP_CLEARING, Account.ORDER_LIABILITY),
                (Account.ORDER_LIABILITY, Account.SALES),
                (Account.ORDER_LIABILITY, Account.REFUND_PAYABLE),
                (Account.REFUND_PAYABLE, Account.PSP_CLEARING),
            ]
        ),
        st.integers(1, 50),
        st.integers(0, 12),
    ),
    max_size=40,
)


@given(acts=_acts)
@settings(max_examples=40)
def test_whatever_is_posted_the_ledger_stays_sound(
    acts: list[tuple[tuple[Account, Account], int, int]],
) -> None:
    money = Money(StandingClock(), seeded_chance("any"))
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection)
        for (debit, credit), fen, key in acts:
            try:
                money.post_tx(
                    connection,
                    JournalKind.COLLECTED,
                    f"key-{key}",
                    move(debit, credit, fen),
                    subject_id=ORDER,
                )
            except ConflictError:
                continue
        assert violations(connection) == []
        assert (
            sum(store_sum for (store_sum,) in connection.execute(sa.select(leg.c.amount_fen))) == 0
        )
    engine.dispose()
