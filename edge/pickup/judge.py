"""What was typed or scanned is judged: it may open something, it is wrong, or nobody can say now.

Each `…_tx` is one commit with everything it touches: limiter, grant, intent, outbox.
"""

import sqlite3

from common.contract.events import KeypadLevelChanged, KeypadLocked
from common.kit.clock import Clock
from edge.access.limiter import Limiter, Standing, Taken
from edge.access.qr_check import QrCheck
from edge.pickup import store
from edge.pickup.doubt import is_held_tx, is_shown_in_vain_tx
from edge.pickup.grants import Grants
from edge.pickup.sessions import Sessions
from edge.pickup.verdict import Hindrance, Verdict
from edge.sync import fence
from edge.sync.outbox import Outbox


class CodeJudge:
    """Rules of the door's front: the fence, doubt after damage, the limiter, the grant."""

    def __init__(
        self,
        clock: Clock,
        grants: Grants,
        sessions: Sessions,
        limiter: Limiter,
        qr: QrCheck,
        outbox: Outbox,
    ) -> None:
        """Judge by `grants`, let `sessions` begin what is accepted."""
        self._clock, self._grants, self._sessions = clock, grants, sessions
        self._limiter, self._qr, self._outbox = limiter, qr, outbox

    def check_tx(
        self, conn: sqlite3.Connection, tag: bytes, taken: Taken, phone_tail: str | None = None
    ) -> Verdict:
        """Look the tag up and, when it may open something, use it: grant, intent, events, token in one commit.

        With `phone_tail` the digits must be those of the order's phone number as well.
        """
        if fence.why_tx(conn):
            self._limiter.give_back_tx(conn, taken)
            return Verdict(accepted=False, hindrance=Hindrance.FENCED)
        grant_id = store.grant_by_tag(conn, tag)
        if (doubt := self._doubt_tx(conn, grant_id, taken)) is not None:
            return Verdict(accepted=False, hindrance=doubt)
        use = self._grants.openable_tx(conn, grant_id)
        known = store.phone_tails(conn, use.grant_id if use else "")  # a wrong code costs the same
        if use is None or (phone_tail is not None and phone_tail not in known):
            return Verdict(accepted=False, standing=self._refused_tx(conn))
        self._limiter.give_back_tx(conn, taken)
        return self._sessions.start_tx(conn, use)

    def check_qr_tx(self, conn: sqlite3.Connection, text: str) -> bool | Hindrance:
        """Use the grant of a signed QR code, as its digits would; False: it opens nothing here."""
        if fence.why_tx(conn):
            return Hindrance.FENCED
        qr = self._qr.read_tx(conn, text)
        if qr and is_shown_in_vain_tx(conn, qr.grant_id):
            return Hindrance.HELD
        use = self._grants.acceptable_qr_tx(conn, qr) if qr else None
        if use is None:
            return False
        return self._sessions.start_tx(conn, use).hindrance or True

    def keypad_news_tx(self, conn: sqlite3.Connection) -> None:
        """Tell the hub when the keypad asks for more than before, or for less."""
        if news := self._limiter.news_tx(conn):
            body = KeypadLevelChanged(level=news.level, failures_24h=news.failures_24h)
            self._outbox.append_tx(conn, body, occurred_at=self._clock.wall())

    def _doubt_tx(
        self, conn: sqlite3.Connection, grant_id: str | None, taken: Taken
    ) -> Hindrance | None:
        """Return why nothing may be said of this code after damage; an unknown one still costs its attempt."""
        if not is_held_tx(conn, grant_id):
            return None
        if grant_id is None:
            return Hindrance.ROWS_LOST
        self._limiter.give_back_tx(conn, taken)
        return Hindrance.HELD

    def _refused_tx(self, conn: sqlite3.Connection) -> Standing:
        self.keypad_news_tx(conn)
        standing = self._limiter.standing_tx(conn)
        if standing.wait_s:
            body = KeypadLocked(wait_s=standing.wait_s, failures_24h=standing.failures_24h)
            self._outbox.append_tx(conn, body, occurred_at=self._clock.wall())
        return standing
