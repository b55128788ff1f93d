"""Driver of a scale on a bus: read as its register profile says, seldom while nobody weighs; it never writes.

Doors share the wire and go first; a weight that comes late for that is simply a gap, which `weighing.py` judges.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any

from common.contract.words import Quality
from edge.config import BusSection, StationConfig
from edge.hardware.build import Hardware, build_hardware
from edge.hardware.latest_weight import POLL_S, STALE_S, LatestWeight
from edge.hardware.line import Line
from edge.hardware.ports import PointSeen, ScaleReading
from edge.hardware.profiled import ProfiledDevice
from edge.hardware.weighing import LONGEST_GAP_S
from firmware_protocols.profile import Role
from firmware_protocols.weights import Flaw, Weight

IDLE_S = 1.0
"""Between two readings while nobody waits for one; less than STALE_S, so that the latest weight is never too old."""


class BusScale(LatestWeight):
    """One unit that weighs."""

    def __init__(
        self,
        device: ProfiledDevice,
        told: Callable[[], None],
        own_line: Callable[[], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        """`own_line` keeps the wire open where no station does; `told()` is called whenever `state` has changed."""
        super().__init__(device.profile.device.doubt, told)
        self._device, self._own_line = device, own_line
        self._waiting = 0
        self._wanted = asyncio.Event()

    async def next(self) -> ScaleReading:
        """Wait for the next weight; silence is STALE. While somebody waits it is asked five times a second."""
        self._waiting += 1
        self._wanted.set()
        try:
            return await super().next()
        finally:
            self._waiting -= 1

    async def run(self) -> None:
        """Keep the weight fresh until cancelled.

        What needed repeats until it was whole is passed over: its weight is older than it seems.
        """
        async with asyncio.TaskGroup() as group:
            if self._own_line is not None:
                group.create_task(self._own_line(), name="the scale's line")
            group.create_task(self._poll(), name="scale")

    async def _poll(self) -> None:
        loop = asyncio.get_running_loop()
        heard_s = loop.time()
        while True:
            asked_s = loop.time()
            weight = weight_of(await self._device.read())
            if weight is not None:
                heard_s = loop.time()
                if heard_s - asked_s <= LONGEST_GAP_S:
                    self.take(weight)
            elif loop.time() - heard_s > STALE_S:
                detail = "does not answer; check power, wiring, address and speed of its bus"
                self.say(up=False, sound=False, detail=detail)
            await asyncio.sleep(max(0.0, asked_s + POLL_S - loop.time()))
            if not self._waiting:
                self._wanted.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(asked_s + IDLE_S):
                        await self._wanted.wait()


def weight_of(seen: Mapping[str, PointSeen]) -> Weight | None:
    """Return what the points of a scale say together; None: it was silent at one of them.

    A map without a word on stillness says *still*: then the rules of `weighing.py` alone decide.
    """
    points = tuple(seen.values())
    if any(one.quality is Quality.STALE for one in points):
        return None
    if any(one.value for one in points if one.role is Role.OVERLOAD):
        return Weight(0, is_stable=False, flaw=Flaw.RANGE)
    (gross,) = (one for one in points if one.role is Role.GROSS_WEIGHT)
    if gross.value is None or any(one.quality is Quality.BAD for one in points):
        return Weight(0, is_stable=False, flaw=Flaw.SETTING)
    is_stable = all(one.value for one in points if one.role is Role.STABLE)
    return Weight(round(gross.value * 1000), is_stable)


def hardware_of_the_scale(
    config: StationConfig, open_line: Callable[[BusSection], Line]
) -> Hardware:
    """Return the wire of the scale with nothing else on it, for a look while no station runs."""
    assert config.scale is not None
    nothing = dict.fromkeys(("zone", "compartment", "flap", "fill", "device"), ())
    lines = tuple(bus for bus in config.bus if bus.name == config.scale.bus)
    return build_hardware(config.model_copy(update={**nothing, "bus": lines}), open_line)
