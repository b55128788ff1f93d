"""A bus as a serial port: a pseudo-terminal whose other end a client opens through a link with a fixed name.

Bytes leave at the line's speed; pulling the adapter closes the terminal and takes the link away.
"""

import asyncio
import errno
import logging
import os
import tty
from collections import deque
from pathlib import Path

from common.kit.clock import Clock
from common.kit.errors import UnavailableError
from common.kit.work import Work
from device_sim.bus import Bus, Reply
from device_sim.cabinet import Cabinet

MAX_AHEAD_S = 0.25
"""A client that sends faster than the line can carry is read no further than this."""
_READ_BYTES = 512

_log = logging.getLogger(__name__)


class PtyPort:
    """Serves one bus at `link` until cancelled."""

    def __init__(self, cabinet: Cabinet, bus: Bus, link: Path, clock: Clock, work: Work) -> None:
        """`link` is made when `run` starts and taken away when it ends."""
        self.link = link
        self.is_open = asyncio.Event()
        self.clock = clock
        self._cabinet, self._bus, self._work = cabinet, bus, work
        self._plug_moved = asyncio.Event()
        self._next: _Terminal | None = None
        cabinet.on_plug.append(self._plug_moved.set)

    async def run(self) -> None:
        """Keep the port there while the adapter is plugged in."""
        try:
            while True:
                if self._cabinet.is_plugged(self._bus):
                    await self._serve()
                else:
                    await self._next_move()
        finally:
            if self._next is not None:
                self._next.close()
                self._next = None

    async def _next_move(self) -> None:
        await self._plug_moved.wait()
        self._plug_moved.clear()

    async def _serve(self) -> None:
        terminal = self._next or _Terminal(self._bus, self.clock)
        self._next = None
        terminal.listen()
        try:
            await self._work.run(_link, self.link, terminal.path)
            self.is_open.set()
            _log.info("bus %s: serial port %s at %s", self._bus.name, self.link, terminal.path)
            while self._cabinet.is_plugged(self._bus):
                await self._next_move()
            # taken before the old one is let go: an adapter comes back under another number
            self._next = _Terminal(self._bus, self.clock)
        finally:
            self.is_open.clear()
            try:  # the name goes first: its number may be given to another terminal at once
                await self._work.run(_unlink, self.link, terminal.path)
            finally:
                terminal.close()


class _Terminal:
    """An open pseudo-terminal: reads what comes, writes each byte when its time has come."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus, self._clock = bus, clock
        self._loop = asyncio.get_running_loop()
        self._queue: deque[tuple[Reply, int]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._pause: asyncio.TimerHandle | None = None
        self._ours, self._theirs = os.openpty()
        # Our hold on the far side keeps the terminal alive between two clients.
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self.path = os.ttyname(self._theirs)

    def listen(self) -> None:
        self._loop.add_reader(self._ours, self._readable)
        self._bus.listeners.append(self._unasked)

    def close(self) -> None:
        if self._unasked in self._bus.listeners:
            self._bus.listeners.remove(self._unasked)
        for handle in (self._timer, self._pause):
            if handle is not None:
                handle.cancel()
        self._loop.remove_reader(self._ours)
        os.close(self._ours)
        os.close(self._theirs)

    def _readable(self) -> None:
        try:
            data = os.read(self._ours, _READ_BYTES)
        except BlockingIOError:
            return
        now_s = self._clock.monotonic_s()
        for reply in self._bus.feed(data, now_s):
            self._queue.append((reply, 0))
        self._schedule()
        ahead_s = self._bus.ahead_s(now_s)
        if ahead_s > MAX_AHEAD_S:
            self._loop.remove_reader(self._ours)
            self._pause = self._loop.call_later(ahead_s, self._resume)

    def _unasked(self, reply: Reply) -> None:
        self._queue.append((reply, 0))
        self._schedule()

    def _resume(self) -> None:
        self._pause = None
        self._loop.add_reader(self._ours, self._readable)

    def _schedule(self) -> None:
        if self._timer is None and self._queue:
            reply, sent = min(self._queue, key=lambda waiting: waiting[0].arrives_s(waiting[1] + 1))
            due_s = reply.arrives_s(sent + 1) - self._clock.monotonic_s()
            self._timer = self._loop.call_later(max(0.0, due_s), self._send_due)

    def _send_due(self) -> None:
        self._timer = None
        now_s = self._clock.monotonic_s()
        waiting, self._queue = self._queue, deque()
        for reply, sent in waiting:
            until = sent
            while until < len(reply.data) and reply.arrives_s(until + 1) <= now_s:
                until += 1
            self._write(reply.data[sent:until])
            if until < len(reply.data):
                self._queue.append((reply, until))
        self._schedule()

    def _write(self, data: bytes) -> None:
        try:
            os.write(self._ours, data)
        except BlockingIOError:
            _log.debug("bus %s: nobody reads, bytes lost as on a wire", self._bus.name)


def _link(link: Path, target: str) -> None:
    """Point `link` at the terminal in one step, so that a client never finds half a name."""
    fresh = link.with_name(f".{link.name}.new")
    try:
        if link.exists() and not link.is_symlink():
            raise FileExistsError(errno.EEXIST, "a file that is not our link is in the way")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(target)
        fresh.replace(link)
    except OSError as error:
        detail = f"serial port {link}: {error.strerror}; give another folder with --data"
        raise UnavailableError("sim.no_link", detail, path=str(link)) from error


def _unlink(link: Path, target: str) -> None:
    if link.is_symlink() and os.readlink(link) == target:  # noqa: PTH115 - the raw text is compared
        link.unlink()
