"""Drivers of serial scales: each asks in its own way, or only listens; what they keep is in latest_weight.py.

When a weight counts is not known here: weighing.py.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from edge.config import BusSection
from edge.hardware.latest_weight import POLL_S, STALE_S, LatestWeight
from edge.hardware.line import Line
from edge.hardware.serial_port import SerialPort
from edge.peripherals import ScaleSection
from firmware_protocols import cas, mt_sics, toledo
from firmware_protocols.weights import SCALES, Weight

ANSWER_S = 0.5


class SerialScale(LatestWeight, ABC):
    """A scale on a port of its own."""

    def __init__(
        self, settings: ScaleSection, section: BusSection, line: Line, told: Callable[[], None]
    ) -> None:
        """`told()` is called whenever `state` has changed."""
        super().__init__(SCALES[settings.kind].doubt, told)
        self.settings = settings
        self.port = SerialPort(section, line, self._port_moved)

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
                self.take(weight)
            silent_s = 0.0 if found else silent_s + loop.time() - asked_s
            if silent_s > STALE_S:
                detail = "says no weight; check power, wires, speed and its output"
                self.say(up=False, sound=False, detail=detail)

    def _port_moved(self, is_open: bool, detail: str) -> None:
        if not is_open:
            self.say(up=False, sound=False, detail=detail)


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


SCALE_DRIVERS: Mapping[str, type[SerialScale]] = {
    "toledo": ToledoScale,
    "mt_sics": SicsScale,
    "cas": CasScale,
}
"""Kind in `station.toml` → its driver."""
