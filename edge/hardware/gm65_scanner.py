"""Driver of GM65-type code scanners: sets them up, keeps an eye on them, hands over codes.

What a code opens is not known here. Codes come as they like, so one job reads the port and asks between them.
"""

import asyncio
import logging
from collections.abc import Callable

from common.kit.said import Said
from edge.config import BusSection
from edge.hardware.debounce import Debounce
from edge.hardware.line import Line
from edge.hardware.ports import DeviceState
from edge.hardware.serial_port import SerialPort
from edge.peripherals import ScannerSection
from firmware_protocols import gm65 as wire

REPLY_S = 0.5
HEARTBEAT_S = 10.0
QUIET_S = 0.3
"""Silence after an answer that did not come, so that it is not taken for the next one's."""
MISSED_BEATS = 3
_MOST_WAITING = 4
"""Codes that nobody has taken yet; further ones are dropped: who stands there will hold it again."""

log = logging.getLogger(__name__)


class Gm65Scanner:
    """One scanner on a port of its own."""

    def __init__(
        self, settings: ScannerSection, section: BusSection, line: Line, told: Callable[[], None]
    ) -> None:
        """`told()` is called whenever `state` has changed."""
        assert settings.kind != "wedge"
        self._facts = wire.SCANNERS[settings.kind]
        self._mode = wire.Mode[settings.mode.upper()]
        self._port = SerialPort(section, line, self._port_moved)
        self._told = told
        self._same = Debounce(settings.same_code_s)
        self._codes: asyncio.Queue[str | None] = asyncio.Queue(_MOST_WAITING)
        self._parser = wire.Parser()
        self._answers = False
        self.state = DeviceState(section.name, up=False, sound=False, detail="not tried yet")

    @property
    def name(self) -> str:
        """Return what it is called."""
        return self.state.name

    def said(self) -> str:
        """Return how it is doing."""
        return self.state.detail

    async def next(self) -> str | None:
        """Return the next code; None: something that cannot be one of ours was scanned."""
        return await self._codes.get()

    async def run(self) -> None:
        """Keep the port open and listen until cancelled."""
        await self._port.keep(self._serve)

    async def _serve(self) -> None:
        """Set it up and listen; return when it has fallen silent, so that the port is opened afresh."""
        self._parser, self._answers = wire.Parser(), False
        await self._set_up()
        missed = 0
        while missed < MISSED_BEATS:
            await self._listen(HEARTBEAT_S)
            alive = await self._ask(wire.heartbeat(), beat=True) is not None
            if alive and not self._answers:
                await self._set_up()
            # one that never said anything is listened to all the same: its answers may only not be wired
            missed = 0 if alive or not self._answers else missed + 1
        said = Said("%(name)s: the scanner has fallen silent; check its cable", name=self.name)
        self._port_moved(False, said)

    async def _set_up(self) -> None:
        """Check the zones, set what differs, read it back."""
        wanted = [wire.mode_setting(self._mode), self._facts.tail]
        wanted += [self._facts.closed] if self._facts.closed else []
        changed = False
        for setting in wanted:
            present = await self._read(setting.zone)
            if present is None:
                return self._say_silent()
            if (value := setting.of(present)) != present:
                changed = True
                await self._ask(wire.write_zone(setting.zone, value))
        if changed:
            await self._ask(wire.save())
        seen = [await self._read(setting.zone) for setting in wanted]
        self._answers = None not in seen
        kept = all(now == one.of(now or 0) for now, one in zip(seen, wanted, strict=True))
        return self._say_set_up(kept=kept, changed=changed)

    def _say_set_up(self, *, kept: bool, changed: bool) -> None:
        if not kept:
            text = "does not keep its settings; a printed code may change them: replace it"
        elif changed:
            text = "its settings were put right"
        else:
            text = "set up"
        log.info("%s: %s", self.name, text)
        self._say(up=True, sound=kept, detail=text)

    def _say_silent(self) -> None:
        text = "its port is open, but it answers no command; check power and wires, and its serial mode"
        self._say(up=False, sound=False, detail=text)

    async def _read(self, zone: int) -> int | None:
        reply = await self._ask(wire.read_zone(zone))
        return reply.data[0] if reply is not None and len(reply.data) == 1 else None

    async def _ask(self, frame: bytes, *, beat: bool = False) -> wire.Reply | None:
        """Send a command and return its answer, None when none came; codes that come meanwhile count."""
        self._port.write(frame)
        reply = await self._listen(REPLY_S, wait_for=beat)
        if reply is None:
            await self._listen(QUIET_S)
        return reply

    async def _listen(self, for_s: float, *, wait_for: bool | None = None) -> wire.Reply | None:
        """Take codes for `for_s`, or until an answer comes: `wait_for` says to a heartbeat or not."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + for_s
        found: wire.Reply | None = None
        while found is None and (left_s := until_s - loop.time()) > 0:
            patience_s = min(left_s, wire.IDLE_S) if self._parser.pending else left_s
            data = await self._port.read(patience_s)
            for heard in self._parser.feed(data) if data else self._silence(patience_s):
                if not isinstance(heard, wire.Reply):
                    self._scanned(heard)
                elif heard.beat is wait_for:
                    found = heard
        return found

    def _silence(self, for_s: float) -> list[wire.Heard]:
        return self._parser.idle() if for_s >= wire.IDLE_S else []

    def _scanned(self, heard: wire.Code | wire.Unreadable) -> None:
        text = heard.text if isinstance(heard, wire.Code) else None
        if not self._same.is_new(text, asyncio.get_running_loop().time()):
            return
        if self._codes.full():
            log.debug("%s: a code is dropped, earlier ones wait", self.name)
        else:
            self._codes.put_nowait(text)

    def _port_moved(self, is_open: bool, detail: str) -> None:
        if not is_open:
            self._say(up=False, sound=False, detail=detail)

    def _say(self, *, up: bool, sound: bool, detail: str) -> None:
        state = DeviceState(self.name, up=up, sound=sound, detail=detail, doubt=self._facts.doubt)
        if state != self.state:
            self.state = state
            self._told()
