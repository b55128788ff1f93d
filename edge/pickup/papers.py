"""What the hub has signed and a person holds under the scanner: the capsule that ends codes while the cable is cut.

Nobody can guess one, so nothing is counted, and each refusal says why. What shuts something is taken while fenced too.
"""

import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from common.contract.capsule import Capsule, decode, is_capsule
from common.contract.certificate import is_certificate
from common.contract.papers import RevocationApplied
from common.kit.clock import to_ms
from common.kit.errors import InvalidError
from common.kit.failpoints import fp
from common.kit.sqlite import Db
from common.kit.trusted_time import TrustedTime
from edge.access.qr_check import QrCheck
from edge.pickup import withdrawn
from edge.pickup.grants import Grants
from edge.sync.outbox import Outbox


class PaperSays(StrEnum):
    """What became of a paper."""

    APPLIED = "applied"
    KNOWN = "known"  # this part was applied before: nothing changed
    OLD = "old"  # a newer one was applied; it says everything this one did and still matters
    FOREIGN = "foreign"  # it is for another station
    OVER = "over"  # its time has certainly passed
    CERTIFICATE = (
        "certificate"  # a technician's: of use on the station's computer, not at its screen
    )
    FORGED = "forged"  # nobody of ours wrote it, or not with a key that is known here


@dataclass(frozen=True, slots=True)
class PaperAnswer:
    """The answer, with part and parts of the capsule when it holds."""

    says: PaperSays
    part: int = 0
    parts: int = 0


class Papers:
    """Takes papers of the hub at the screen."""

    def __init__(
        self,
        clock: TrustedTime,
        db: Db,
        grants: Grants,
        qr: QrCheck,
        outbox: Outbox,
        changed: Callable[[], Awaitable[None]],
    ) -> None:
        """Call `changed` after grants have ended, so screens look again."""
        self._clock, self._db, self._grants, self._qr = clock, db, grants, qr
        self._outbox, self._changed = outbox, changed

    @staticmethod
    def is_one(text: str) -> bool:
        """Tell whether a scanned text is for this desk rather than for the doors."""
        return is_capsule(text) or is_certificate(text)

    async def show(self, text: str) -> PaperAnswer:
        """Take a scanned paper; durable before it is answered. A certificate is only told where it belongs."""
        if is_certificate(text):
            return PaperAnswer(PaperSays.CERTIFICATE)
        answer = await self._db.write(lambda conn: self.capsule_tx(conn, text))
        fp("pickup.paper_committed")
        self._outbox.kick()
        await self._changed()
        return answer

    def capsule_tx(self, conn: sqlite3.Connection, text: str) -> PaperAnswer:
        """End the capsule's grants, and with them what was given away from them, in one commit with the report."""
        try:
            capsule, signature = decode(text)
        except InvalidError:
            return PaperAnswer(PaperSays.FORGED)
        if refusal := self._refusal_tx(conn, capsule, signature):
            return PaperAnswer(refusal)
        at, before = self._clock.wall(), withdrawn.epoch_tx(conn)
        news = withdrawn.withdraw_tx(conn, capsule.grant_ids, epoch=capsule.epoch, at_ms=to_ms(at))
        self._grants.reconcile_all_tx(conn)
        if news or capsule.epoch > before:
            body = RevocationApplied(epoch=capsule.epoch, grant_ids=capsule.grant_ids)
            self._outbox.append_tx(conn, body, occurred_at=at)
        says = PaperSays.APPLIED if news or capsule.epoch > before else PaperSays.KNOWN
        return PaperAnswer(says, capsule.part, capsule.parts)

    def _refusal_tx(
        self, conn: sqlite3.Connection, capsule: Capsule, signature: bytes
    ) -> PaperSays | None:
        if not self._qr.is_ours(capsule.station_id):
            return PaperSays.FOREIGN
        if not self._qr.holds_tx(conn, capsule.kid, capsule.message(), signature):
            return PaperSays.FORGED
        if capsule.epoch < withdrawn.epoch_tx(conn):
            return PaperSays.OLD
        # An unsure clock is no hindrance to shutting something: only what has certainly passed is over.
        return PaperSays.OVER if self._clock.is_over(capsule.expires_at_ms) else None
