"""Drivers of serial scales: each asks in its own way, or only listens; all keep the latest weight.

When a weight counts is not known here: weighing.py.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from common.contract.words import Quality
from common.kit.said import Said
from edge.config import BusSection
from edge.hardware.line import Line
from edge.hardware.ports import DeviceState, ScaleReading
from edge.hardware.serial_port import SerialPort
from edge.peripherals import ScaleSection
from firmware_protocols import cas, mt_sics, toledo
from firmware_protocols.weights import SCALES, Flaw, ScaleKind, Weight

STALE_S = 1.5
POLL_S = 0.2
ANSWER_S = 0.5
NOTHING = ScaleReading(None, stable=False, quality=Quality.STALE)

log = logging.getLogger(__name__)


class SerialScale(ABC):
    """A scale on a port of its own."""

    def __init__(
        self, settings: ScaleSection, section: BusSection, line: Line, told: Callable[[], None]
    ) -> None:
        """`told()` is called whenever `state` has changed."""
        self.settings = settings
        self.port = SerialPort(section, line, self._port_moved)
        self._told = told
        self._last: tuple[ScaleReading, float] | None = None
        self._news: asyncio.Event = asyncio.Event()
        self.state = self._state(up=False, sound=False, detail="not tried yet")

    def reading(self) -> ScaleReading:
        """Return the latest weight; STALE without a number when it is too old."""
        now_s = asyncio.get_running_loop().time()
        if self._last is None or now_s - self._last[1] > STALE_S:
            return NOTHING
        return self._last[0]

    async def next(self) -> ScaleReading:
        """Wait for the next weight; silence is STALE."""
        news = self._news
        try:
            async with asyncio.timeout(STALE_S):
                await news.wait()
        except TimeoutError:
            return NOTHING
        return self.reading()

    def said(self) -> str:
        """Return what it reads now, for people."""
        now = self.reading()
        if now.gross_g is None:
            return self.state.detail
        motion = "stable" if now.stable else "moving"
        return Said("%(weight_g)s g, %(motion)s", weight_g=f"{now.gross_g:g}", motion=motion)

    async def run(self) -> None:
        """Keep the port open and the weight fresh until cancelled."""
        await self.port.keep(self._serve)

    @abstractmethod
    def begin(self) -> None:
        """Forget what an earlier opening of the port has left."""

    @abstractmethod
    async def weights(self) -> list[Weight]:
        """Return what the scale says within ANSWER_S; none: silence."""

    async def _serve(self) -> None:
        self.begin()
        silent_s, loop = 0.0, asyncio.get_running_loop()
        while True:
            asked_s = loop.time()
            found = await self.weights()
            for weight in found:
                self._take(weight)
            silent_s = 0.0 if found else silent_s + loop.time() - asked_s
            if silent_s > STALE_S:
                detail = "says no weight; check power, wires, speed and its output"
                self._say(up=False, sound=False, detail=detail)

    def _take(self, weight: Weight) -> None:
        good = weight.flaw is None
        reading = ScaleReading(
            weight.gross_mg if good else None,
            stable=good and weight.is_stable,
            quality=Quality.GOOD if good else Quality.BAD,
            flaw=weight.flaw,
        )
        self._last = reading, asyncio.get_running_loop().time()
        self._news.set()
        self._news = asyncio.Event()
        # somebody who stands on it is no matter for a technician, pounds are
        sound = weight.flaw is not Flaw.UNIT
        self._say(
            up=True,
            sound=sound,
            detail="weighs" if sound else "weighs in another unit than kg or g; set it to kg",
        )

    def _port_moved(self, is_open: bool, detail: str) -> None:
        if not is_open:
            self._say(up=False, sound=False, detail=detail)

    def _say(self, *, up: bool, sound: bool, detail: str) -> None:
        state = self._state(up=up, sound=sound, detail=detail)
        if state != self.state:
            self.state = state
            self._told()

    def _state(self, *, up: bool, sound: bool, detail: str) -> DeviceState:
        doubt = SCALES[self.settings.kind].doubt
        return DeviceState("scale", up=up, sound=sound, detail=detail, doubt=doubt)


class ToledoScale(SerialScale):
    """Listens."""

    def begin(self) -> None:
        """Start at no frame."""
        self._parser = toledo.Parser(checksum=self.settings.checksum)

    async def weights(self) -> list[Weight]:
        """Return what came since the last time."""
        return self._parser.feed(await self.port.read(ANSWER_S))


class _AskedScale(SerialScale):
    """Is asked again and again; the pause is the rest of POLL_S."""

    async def weights(self) -> list[Weight]:
        """Ask once and return the answer; what comes later than ANSWER_S is not taken for the next one's."""
        loop = asyncio.get_running_loop()
        asked_s = loop.time()
        found = await self.ask()
        if not found:
            await self.port.read(ANSWER_S)
            self.begin()
        await asyncio.sleep(max(0.0, asked_s + POLL_S - loop.time()))
        return found

    @abstractmethod
    async def ask(self) -> list[Weight]:
        """Ask once."""


class SicsScale(_AskedScale):
    """Asks for the weight of now, moving or not."""

    def begin(self) -> None:
        """Start at the beginning of a line."""
        self._parser = mt_sics.Parser()

    async def ask(self) -> list[Weight]:
        """Send SI and return what it says."""
        self.port.write(mt_sics.NOW)
        until_s = asyncio.get_running_loop().time() + ANSWER_S
        while (left_s := until_s - asyncio.get_running_loop().time()) > 0:
            answers = self._parser.feed(await self.port.read(left_s))
            if found := [one.weight for one in answers if one.weight is not None]:
                return found
        return []


class CasScale(_AskedScale):
    """Asks whether the scale is there, then for its weight."""

    def begin(self) -> None:
        """Start at no frame."""
        self._parser = cas.Parser()

    async def ask(self) -> list[Weight]:
        """Send ENQ, wait for ACK, send DC1 and return the frame."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + ANSWER_S
        self.port.write(cas.ENQ)
        while cas.ACK not in await self.port.read(until_s - loop.time()):
            if loop.time() >= until_s:
                return []
        self.port.write(cas.DC1)
        until_s = loop.time() + ANSWER_S
        while (left_s := until_s - loop.time()) > 0:
            if found := self._parser.feed(await self.port.read(left_s)):
                return found
        return []


SCALE_DRIVERS: Mapping[ScaleKind, type[SerialScale]] = {
    "toledo": ToledoScale,
    "mt_sics": SicsScale,
    "cas": CasScale,
}
"""Kind in `station.toml` → its driver."""
