"""Posting to the ledger: every journal sums to zero, is posted once, and is never changed."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from cloud.money import store
from cloud.money.models import ACCOUNT_TYPES, PROTECTED, Account, AccountType, JournalKind
from cloud.money.store import Journal, Leg
from common.kit.chance import Chance
from common.kit.clock import Clock, to_ms
from common.kit.errors import ConflictError, InvalidError
from common.kit.failpoints import fp
from common.kit.ids import new_id

__all__ = ["Account", "Journal", "JournalKind", "Leg", "Money", "Posted", "move"]


@dataclass(frozen=True, slots=True)
class Posted:
    """What `post_tx` did: the journal's id, and whether this call wrote it."""

    journal_id: str
    fresh: bool


def move(debit: Account, credit: Account, amount_fen: int) -> tuple[Leg, Leg]:
    """Return the two legs that move `amount_fen` (> 0) from the credited to the debited account."""
    return Leg(debit, amount_fen), Leg(credit, -amount_fen)


class Money:
    """The ledger of the hub."""

    def __init__(self, clock: Clock, chance: Chance) -> None:
        """Take time for the posting date and chance for ids."""
        self._clock = clock
        self._chance = chance

    def post_tx(
        self,
        connection: Connection,
        kind: JournalKind,
        idem_key: str,
        legs: Sequence[Leg],
        *,
        subject_id: str,
    ) -> Posted:
        """Post one journal in the caller's transaction; the same key and content again is the same journal.

        InvalidError: no legs, a zero leg, or a sum that is not zero. ConflictError: the key stands for another
        journal, or a protected account of the subject would be overdrawn.
        """
        _refuse_unbalanced(legs)
        known = store.journal_by_key(connection, idem_key)
        if known is not None:
            if (known.kind, known.subject_id, known.legs) != (kind, subject_id, tuple(legs)):
                raise ConflictError(
                    "money.key_taken", "this key stands for another journal", idem_key=idem_key
                )
            return Posted(known.journal_id, fresh=False)
        self._refuse_overdraft(connection, legs, subject_id)
        now = self._clock.wall()
        journal_id = new_id(self._clock, self._chance)
        store.insert_journal(
            connection,
            Journal(journal_id, kind, idem_key, subject_id, to_ms(now), tuple(legs)),
        )
        fp("money.posted")
        return Posted(journal_id, fresh=True)

    def balances_tx(
        self, connection: Connection, subject_id: str | None = None
    ) -> dict[Account, int]:
        """Return every account's balance on its natural side, in fen (0 where nothing was posted)."""
        raw = store.balances(connection, subject_id)
        return {account: _sign(account) * raw.get(account, 0) for account in Account}

    def journals_tx(self, connection: Connection, subject_id: str) -> list[Journal]:
        """Return the subject's journals, oldest first."""
        return store.journals_of(connection, subject_id)

    def _refuse_overdraft(
        self, connection: Connection, legs: Sequence[Leg], subject_id: str
    ) -> None:
        balances = self.balances_tx(connection, subject_id)
        for leg in legs:
            balances[leg.account] += _sign(leg.account) * leg.amount_fen
        for account in sorted(PROTECTED):
            if balances[account] < 0:
                raise ConflictError(
                    "money.overdrawn",
                    f"{account} of {subject_id} would be overdrawn",
                    account=account.value,
                    missing_fen=-balances[account],
                )


def _sign(account: Account) -> int:
    debit_side = ACCOUNT_TYPES[account] in (AccountType.ASSET, AccountType.EXPENSE)
    return 1 if debit_side else -1


def _refuse_unbalanced(legs: Sequence[Leg]) -> None:
    total_fen = sum(leg.amount_fen for leg in legs)
    if len(legs) < 2 or total_fen != 0 or any(leg.amount_fen == 0 for leg in legs):
        raise InvalidError(
            "money.unbalanced", "a journal has two or more legs that sum to zero", sum_fen=total_fen
        )
