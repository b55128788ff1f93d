"""PickupFlow: what the kiosk calls. Eight digits in, a door open, everything taken, the door shut.

The session lives in the database; the view is a copy in memory that is made anew after every change.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from common.contract.words import DoorState
from common.kit.clock import Clock
from common.kit.errors import ConflictError
from common.kit.failpoints import fp
from common.kit.sqlite import Db
from edge.access.code_check import CodeCheck, clean_code
from edge.access.limiter import Empty, Limiter
from edge.config import StationConfig
from edge.doors import Doors, Watch
from edge.parcels import Parcels
from edge.pickup import session_store
from edge.pickup.judge import CodeJudge
from edge.pickup.keypad import Keypad
from edge.pickup.live import Live, LiveReader
from edge.pickup.sessions import Sessions
from edge.pickup.steady import Steady
from edge.pickup.verdict import Hindrance, raise_hindrance
from edge.pickup.views import Accepted, KeypadView, Refused, SessionView, Step
from edge.sync.outbox import Outbox

DONE_SHOWN_S = 10.0  # how long "done" stays on the screen
TICK_S = 1.0
T = TypeVar("T")


class PickupFlow:
    """One session at a time on the station's screen."""

    def __init__(
        self,
        config: StationConfig,
        clock: Clock,
        db: Db,
        doors: Doors,
        parcels: Parcels,
        sessions: Sessions,
        judge: CodeJudge,
        limiter: Limiter,
        check: CodeCheck,
        outbox: Outbox,
    ) -> None:
        """Take the collaborators that `build_edge` made; `start()` before the first view."""
        self.watch = Watch()
        self._clock, self._db, self._doors, self._sessions = clock, db, doors, sessions
        self._reader = LiveReader(config, doors, parcels, sessions)
        self._judge = judge
        self._limiter, self._check, self._outbox = limiter, check, outbox
        self._steady = Steady()
        self._copy: Live | None = None
        self._touched_s = 0.0
        self._done: tuple[SessionView, float] | None = None
        self._keypad = Keypad(clock)

    async def submit(self, code: str, phone_tail: str | None = None) -> Accepted | Refused:
        """Check eight digits; wrong, expired, used and foreign codes get the same answer in the same time.

        While the keypad asks for a second factor, `phone_tail` is needed; given, it must fit.
        InvalidError: not eight digits (costs nothing). ConflictError: somebody is at the screen.
        UnavailableError: the code is right and its door is gone from `station.toml` (costs nothing).
        """
        digits = clean_code(code)
        return await self._steady.do(lambda: self._submit(digits, phone_tail))

    async def submit_qr(self, text: str) -> Accepted | Refused:
        """Check a scanned QR code; neither counted nor stopped by the keypad's limiter, else as `submit`."""
        return await self._steady.do(lambda: self._submit_qr(text))

    def session(self) -> SessionView | None:
        """Return the session on the screen as of now; no I/O."""
        if self._copy is not None:
            return self._reader.view(self._copy)
        if self._done and self._clock.monotonic_s() < self._done[1]:
            return self._done[0]
        return None

    async def again(self) -> None:
        """Pulse the same door once more; ConflictError when no pulse is left or it is on its way."""
        await self._act(self._sessions.again_tx)

    async def reopen(self) -> None:
        """Open the shut door once more; ConflictError outside the window or used up."""
        await self._act(self._sessions.reopen_tx)

    async def proceed(self) -> None:
        """Open the next compartment, or finish when there is none; an open door is to be shut first."""
        if self._copy is None:
            return
        if not await self._act(self._sessions.proceed_tx) and not self._door_moves():
            await self.finish()

    async def finish(self) -> None:
        """End the session; what was never opened stays collectable with the same code."""
        await self._steady.do(self._finish)

    def stay(self) -> None:
        """Give the person in front of the screen as long again as when the step began."""
        self._touched_s = self._clock.monotonic_s()

    def locked_for_s(self) -> int:
        """Return the seconds until the keypad takes a code again, 0: now."""
        return self._keypad.locked_for_s()

    def keypad(self) -> KeypadView:
        """Return what the keypad asks for; no I/O."""
        return self._keypad.view()

    async def start(self) -> None:
        """Rebuild session and lock from the database; `doors.start()` comes first."""
        self._keypad.note(await self._db.write(self._limiter.standing_tx))
        await self.refresh()
        # After a power cut whoever stood here may be gone: only an open door keeps the session.
        old = self._copy is not None and self._copy.session.boot_id != self._clock.boot_id
        if self._copy and old and self._copy.in_hand.door_state is not DoorState.OPEN:
            await self._finish()

    async def refresh(self) -> None:
        """Read the live session anew and wake the screen; one of which nothing can be served any more ends."""
        fresh, lost = await self._db.read(self._look_tx)
        if fresh != self._copy:
            self._copy, self._touched_s = fresh, self._clock.monotonic_s()
        self.watch.bump()
        if lost:
            await self._db.write(self._finish_lost_tx)

    async def run(self) -> None:
        """Follow the doors and end sessions that nobody ends, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._steady.run(), name="pickup acts")
            group.create_task(self._follow_doors(), name="pickup doors")
            group.create_task(self._tick(), name="pickup idle")

    async def _submit(self, digits: str, phone_tail: str | None) -> Accepted | Refused:
        if self._copy is not None:
            raise ConflictError("pickup.busy", "a pickup is under way at this screen")
        self._done = None
        second = phone_tail is not None
        taken = await self._db.write(lambda c: self._limiter.take_tx(c, second_factor=second))
        fp("pickup.token_taken")
        if isinstance(taken, Empty):
            self._keypad.note(await self._db.write(self._limiter.standing_tx))
            return Refused(taken.wait_s, second_factor=not taken.wait_s)
        self._doors.expect_request()
        tag = await self._check.tag(digits)
        fp("pickup.code_checked")
        verdict = await self._db.write(
            lambda conn: self._judge.check_tx(conn, tag, taken, phone_tail)
        )
        fp("pickup.intent_committed")
        raise_hindrance(verdict.hindrance)
        if verdict.standing is not None:
            self._outbox.kick()
            self._keypad.note(verdict.standing)
            return Refused(verdict.standing.wait_s)
        return await self._accepted()

    async def _submit_qr(self, text: str) -> Accepted | Refused:
        if self._copy is not None:
            raise ConflictError("pickup.busy", "a pickup is under way at this screen")
        self._done = None
        self._doors.expect_request()
        verdict = await self._db.write(lambda conn: self._judge.check_qr_tx(conn, text))
        fp("pickup.qr_intent_committed")
        if verdict is False:
            return Refused(0)
        raise_hindrance(verdict if isinstance(verdict, Hindrance) else None)
        return await self._accepted()

    async def _accepted(self) -> Accepted:
        self._doors.kick()
        await self.refresh()
        view = self.session()
        assert view is not None
        return Accepted(view)

    def _door_moves(self) -> bool:
        """Tell whether the door in hand is open or on its way."""
        return self._copy is not None and self._reader.step(self._copy) in (Step.OPENING, Step.OPEN)

    async def _finish(self) -> None:
        # "Picked up" is true once the door was seen shut: whoever leaves an open one is not thanked for it.
        shut = self._copy and self._copy.in_hand.closed_at_ms and not self._door_moves()
        view = self.session() if shut else None
        await self._db.write(self._sessions.finish_tx)
        fp("pickup.finish_committed")
        self._outbox.kick()
        if view is not None and view.took_s is not None:
            done = replace(view, step=Step.DONE)
            self._done = done, self._clock.monotonic_s() + DONE_SHOWN_S
        await self.refresh()

    def _look_tx(self, conn: sqlite3.Connection) -> tuple[Live | None, bool]:
        """Return the live session, and whether there is one of which nothing can be served."""
        live = self._reader.read_tx(conn)
        return live, live is None and session_store.live_session(conn) is not None

    def _finish_lost_tx(self, conn: sqlite3.Connection) -> None:
        if self._look_tx(conn)[1]:  # somebody else may stand there by now
            self._sessions.finish_tx(conn)

    async def _follow_doors(self) -> None:
        version = -1
        while True:
            version = await self._doors.watch.wait(version)
            await self.refresh()

    async def _tick(self) -> None:
        while True:
            if self._copy is None and self._done is None:  # nothing runs out: wait for somebody
                await self.watch.wait(self.watch.version)
            await asyncio.sleep(TICK_S)
            idle_s = self._clock.monotonic_s() - self._touched_s
            if self._copy is not None and self._reader.is_over(self._copy, idle_s):
                await self.finish()
            elif self._done and self._clock.monotonic_s() >= self._done[1]:
                self._done = None
                self.watch.bump()

    async def _act(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        async def act() -> T:
            result = await self._db.write(fn)
            fp("pickup.act_committed")
            self._doors.kick()
            await self.refresh()
            return result

        return await self._steady.do(act)
