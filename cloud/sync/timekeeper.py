"""The hub's own clock is watched before it ends anything: what time alone brings about cannot be taken back.

Each sweep compares with the time of the last one. A step of more than a day is refused until the clock is right
again, a station that counted for itself agrees, or an operator says so (`linli hub trust-clock`).
"""

import logging

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.sync.models import metadata
from common.contract.protocol import Hello
from common.kit.clock import Clock, to_ms

JUMP_MS = 24 * 3600 * 1000
AGREE_MS = 3600 * 1000
"""A station with a trusted clock that is within this of the hub's speaks for it."""
_log = logging.getLogger(__name__)

swept = sa.Table(
    "hub_clock",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("swept_ms", sa.BigInteger, nullable=False),
)


class Timekeeper:
    """Asked before every sweep; told of every hello."""

    def __init__(self, clock: Clock) -> None:
        """Watch the wall time of `clock`."""
        self._clock = clock
        self._vouched_ms: int | None = None
        self.off_ms = 0
        """How far the clock stands from the last sweep's while it is not believed, else 0."""

    def hear(self, hello: Hello) -> None:
        """Note a station that agrees; it speaks for the clock as it runs now, not for one set later."""
        if hello.clock_state != "trusted" or hello.time_ms is None:
            return
        now_ms = to_ms(self._clock.wall())
        if abs(now_ms - hello.time_ms) <= AGREE_MS:
            self._vouched_ms = now_ms - self._mono_ms()

    def judge_tx(self, conn: Connection) -> bool:
        """Return whether the time may end things now; when it may, this is the time of the last sweep."""
        now_ms = to_ms(self._clock.wall())
        last_ms = conn.execute(sa.select(swept.c.swept_ms)).scalar_one_or_none()
        off_ms = 0 if last_ms is None else now_ms - last_ms
        if abs(off_ms) > JUMP_MS and not self._is_vouched(now_ms):
            if not self.off_ms:
                _log.error(
                    "the clock stands %.1f days from the last sweep: nothing is ended by time until it is set"
                    " right, a station agrees, or an operator says `linli hub trust-clock`",
                    off_ms / JUMP_MS,
                )
            self.off_ms = off_ms
            return False
        if self.off_ms:
            _log.warning("the clock is believed again")
        self.off_ms = 0
        trust_tx(conn, now_ms)
        return True

    def _is_vouched(self, now_ms: int) -> bool:
        line_ms = now_ms - self._mono_ms()
        return self._vouched_ms is not None and abs(line_ms - self._vouched_ms) <= AGREE_MS

    def _mono_ms(self) -> int:
        return int(self._clock.monotonic_s() * 1000)


def trust_tx(conn: Connection, now_ms: int) -> None:
    """Take `now_ms` as the time of the last sweep: after a sweep, or because an operator looked at a watch."""
    if not conn.execute(sa.update(swept).values(swept_ms=now_ms)).rowcount:
        conn.execute(swept.insert().values(id=1, swept_ms=now_ms))
