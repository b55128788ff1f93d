"""The migrated schema refuses to change a journal, as the room's own tables do."""

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from cloud.migrations import upgrade_tx
from cloud.money.models import journal, leg
from cloud.money.service import Account, JournalKind, Money, move
from common.kit.sqldb import SqlDb
from tests.cloud.harness import MovableClock, ports

ORDER = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def test_a_posted_journal_stays(hub_url: str, clock: MovableClock) -> None:
    db = SqlDb(hub_url)
    db.write_now(upgrade_tx)
    money = Money(clock, ports(clock).chance)
    legs = move(Account.PSP_CLEARING, Account.ORDER_LIABILITY, 5)
    db.write_now(
        lambda c: money.post_tx(c, JournalKind.PAYMENT_CAPTURED, "k", legs, subject_id=ORDER)
    )
    for change in (
        leg.update().values(amount_fen=1),
        journal.update().values(kind="refund"),
        sa.delete(leg),
        sa.delete(journal),
    ):
        with pytest.raises(DBAPIError, match="written once"):
            db.write_now(lambda c, change=change: c.execute(change))  # type: ignore[misc]
    db.close()
