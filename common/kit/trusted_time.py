"""Trusted time: what a station takes for the time, whatever its wall clock says (decision 0025).

A lower bound that the hub has vouched for is kept on the disk and grows with the monotonic clock. The wall
clock is looked at once, after a cold boot, and only believed where it could be true. Rooms are handed this
instead of the machine's clock, so that a wall clock that jumps moves nothing.
"""

import logging
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from common.kit.clock import Clock, from_ms, to_ms

DAY_MS = 86_400_000
OFF_MS = 7 * DAY_MS
"""After a cold boot a wall clock this far ahead of the lower bound may be right: the machine was off. Not more."""
STORED_MS = 90 * DAY_MS
"""After a cold boot the hub may be this far ahead: the station was stored. More needs an operator's word."""
PUSH_MS = DAY_MS
"""Within one boot, where the monotonic clock proves what passed, the hub may push the time by this in all."""
ODD_MS = 5 * 60_000
"""A wall clock that is further off than this is told to people."""
BORN = datetime(2026, 1, 1, tzinfo=UTC)  # it cannot be earlier than this program
LAST = datetime(2200, 1, 1, tzinfo=UTC)

DDL = (
    """CREATE TABLE trusted_time (
        id INTEGER PRIMARY KEY CHECK (id = 1), boot_id TEXT NOT NULL, mono_s REAL NOT NULL,
        floor_ms INTEGER NOT NULL, line_ms INTEGER NOT NULL, ahead_ms INTEGER NOT NULL,
        pushed_ms INTEGER NOT NULL, state TEXT NOT NULL)""",
)
_log = logging.getLogger(__name__)


class ClockState(StrEnum):
    """How far the station's time can be relied on."""

    TRUSTED = (
        "trusted"  # the hub has said it in this boot; since then the monotonic clock has counted
    )
    HOLDOVER = "holdover"  # a cold boot lies between: not earlier than this, perhaps later
    UNTRUSTED = "untrusted"  # no hub has ever said it


@dataclass(frozen=True, slots=True)
class TimeView:
    """What people are shown: the state, how far the machine's clock is off, and a hub that was not believed."""

    state: ClockState
    system_off_ms: int
    hub_off_ms: int | None

    @property
    def system_is_odd(self) -> bool:
        """Tell whether somebody should set the machine's clock."""
        return abs(self.system_off_ms) > ODD_MS


@dataclass(slots=True)
class _Line:
    """Where the time stood at one monotonic moment."""

    mono_s: float
    floor_ms: int  # never goes back
    line_ms: int  # the hub's own time; below the floor after the hub was set back a little
    ahead_ms: int  # what the wall clock claims beyond it, believed until the hub is heard
    pushed_ms: int
    state: ClockState


class TrustedTime:
    """A `Clock` whose wall time is trusted time; `load_tx` once at start, `save_tx` now and then."""

    def __init__(self, clock: Clock) -> None:
        """Stand in for `clock`; before `load_tx` and on a fresh disk its wall time is taken as it is."""
        self._clock = clock
        self._hub_off_ms: int | None = None
        self._told_odd = False
        self._line = _Line(clock.monotonic_s(), 0, 0, 0, 0, ClockState.UNTRUSTED)

    @property
    def boot_id(self) -> str:
        """Identify this boot of the machine."""
        return self._clock.boot_id

    def monotonic_s(self) -> float:
        """Return the machine's monotonic seconds."""
        return self._clock.monotonic_s()

    def wall(self) -> datetime:
        """Return the best time there is; within a boot it only steps when the hub says so."""
        if self._line.state is ClockState.UNTRUSTED:
            return max(self._clock.wall(), BORN)
        return from_ms(self.proven_ms() + self._line.ahead_ms)

    def proven_ms(self) -> int:
        """Return the lower bound: it is certainly this late. What ends for good, ends by this."""
        line = self._line
        gone_ms = int(max(0.0, self._clock.monotonic_s() - line.mono_s) * 1000)
        return max(line.floor_ms, line.line_ms + gone_ms)

    def is_over(self, at_ms: int) -> bool:
        """Tell whether `at_ms` has certainly passed, so that what ended then may be ended for good."""
        return self.proven_ms() >= at_ms

    def allows_until(self, at_ms: int) -> bool:
        """Tell whether something valid until `at_ms` may be accepted now (I9); never by an untrusted clock."""
        return self._line.state is not ClockState.UNTRUSTED and to_ms(self.wall()) < at_ms

    def view(self) -> TimeView:
        """Return what people are shown; synchronous."""
        off_ms = to_ms(self._clock.wall()) - to_ms(self.wall())
        return TimeView(self._line.state, off_ms, self._hub_off_ms)

    def hear(self, hub_ms: int) -> bool:
        """Take the hub's time where it can be true; return whether it was believed. `save_tx` should follow."""
        now_ms, line, mono_s = self.proven_ms(), self._line, self._clock.monotonic_s()
        off_ms = hub_ms - now_ms
        if not to_ms(BORN) <= hub_ms < to_ms(LAST):
            return self._disbelieved(off_ms)
        if line.state is ClockState.UNTRUSTED:
            self._line = _Line(mono_s, hub_ms, hub_ms, 0, 0, ClockState.TRUSTED)
            return self._believed()
        step_ms = max(0, off_ms)
        pushed_ms = line.pushed_ms + step_ms if line.state is ClockState.TRUSTED else 0
        room_ms = STORED_MS if line.state is ClockState.HOLDOVER else PUSH_MS - line.pushed_ms
        if off_ms < -DAY_MS or step_ms > room_ms:
            return self._disbelieved(off_ms)
        self._line = _Line(mono_s, max(now_ms, hub_ms), hub_ms, 0, pushed_ms, ClockState.TRUSTED)
        return self._believed()

    def load_tx(self, conn: sqlite3.Connection) -> None:
        """Go on from what is stored: in the same boot by the monotonic clock, after a cold boot from the bound."""
        row = conn.execute("SELECT * FROM trusted_time").fetchone()
        if row is None:
            return
        kept = _Line(
            row["mono_s"], row["floor_ms"], row["line_ms"], row["ahead_ms"], row["pushed_ms"],
            ClockState(row["state"]),
        )  # fmt: skip
        if row["boot_id"] == self.boot_id:
            self._line = kept
            return
        off_ms = to_ms(self._clock.wall()) - kept.floor_ms
        ahead_ms = off_ms if 0 <= off_ms <= OFF_MS else 0
        mono_s = self._clock.monotonic_s()
        self._line = _Line(mono_s, kept.floor_ms, kept.floor_ms, ahead_ms, 0, ClockState.HOLDOVER)
        if not ahead_ms:
            _log.warning(
                "after a cold boot the clock is %d s off and not believed: time goes on from %s",
                off_ms // 1000, from_ms(kept.floor_ms),
            )  # fmt: skip

    def save_tx(self, conn: sqlite3.Connection) -> None:
        """Keep the bound; nothing is kept before a hub was heard."""
        self._tell_when_odd()
        line = self._line
        if line.state is ClockState.UNTRUSTED:
            return
        mono_s = self._clock.monotonic_s()
        gone_ms = int(max(0.0, mono_s - line.mono_s) * 1000)
        conn.execute(
            "INSERT OR REPLACE INTO trusted_time VALUES (1, ?, ?, ?, ?, ?, ?, ?)",
            (
                self.boot_id, mono_s, max(line.floor_ms, line.line_ms + gone_ms),
                line.line_ms + gone_ms, line.ahead_ms, line.pushed_ms, line.state.value,
            ),
        )  # fmt: skip

    def _believed(self) -> bool:
        self._hub_off_ms = None
        return True

    def _disbelieved(self, off_ms: int) -> bool:
        if self._hub_off_ms is None:
            _log.error(
                "the hub's clock is %d s off what this station has counted and is not believed;"
                " see docs/operations/station.md, Time", off_ms // 1000,
            )  # fmt: skip
        self._hub_off_ms = off_ms
        return False

    def _tell_when_odd(self) -> None:
        view = self.view()
        if view.system_is_odd and not self._told_odd:
            _log.error(
                "this computer's clock is %d s off; time goes on without it",
                view.system_off_ms // 1000,
            )
        elif self._told_odd and not view.system_is_odd:
            _log.warning("this computer's clock is right again")
        self._told_odd = view.system_is_odd


def forget_tx(conn: sqlite3.Connection) -> bool:
    """Let the next word of the hub be believed, whatever it says: an operator's act. False when nothing was kept."""
    return conn.execute("DELETE FROM trusted_time").rowcount > 0
