"""The scale in a test: it stands still at nothing, and a known weight weighs what it should."""

import asyncio

from common.contract.words import Quality
from edge.hardware.latest_weight import NOTHING
from edge.hardware.ports import Scale
from edge.hardware.weighing import ZERO_DIVISIONS, Stillness
from edge.peripherals import ScaleSection
from firmware_protocols.weights import Flaw
from provisioning.talk import Talk
from provisioning.tried import DeviceTried, DeviceWhy

SETTLE_S = 10.0
_OF_FLAW: dict[Flaw, DeviceWhy] = {
    Flaw.RANGE: "scale_range",
    Flaw.UNIT: "scale_unit",
    Flaw.BUSY: "scale_busy",
    Flaw.SETTING: "scale_setting",
}
_IN_SERVICE = ((500, 1), (2000, 2))
"""Up to so many divisions of load an error of so many is allowed to a scale in use (OIML R 76, class III)."""
_MOST_IN_SERVICE = 3


def allowed_g(load_g: float, division_g: float) -> float:
    """Return by how much a weight may be wrong."""
    divisions = next(
        (error for most, error in _IN_SERVICE if load_g <= most * division_g), _MOST_IN_SERVICE
    )
    return divisions * division_g


class WeighTrial:
    """One trial of one scale."""

    def __init__(self, talk: Talk, part: ScaleSection, scale: Scale) -> None:
        """Try `scale`, which runs."""
        self._talk, self._part, self._scale = talk, part, scale

    async def run(self) -> DeviceTried:
        """Ask for an empty scale, then for a known weight; the first thing that is wrong ends it."""
        await self._talk.ask(
            "scale_empty", "Take everything off the scale and shut its flap, then press Enter."
        )
        zero_g = await self._still_g()
        if not isinstance(zero_g, float):
            return zero_g
        if (wrong := self._off_zero(zero_g, "scale_not_zero")) is not None:
            return wrong
        known_g = await self._known_g()
        if known_g is None:
            return _tried("well", "scale_zero", zero_g=zero_g)
        return await self._weigh(zero_g, known_g)

    async def _weigh(self, zero_g: float, known_g: float) -> DeviceTried:
        shown_g = await self._still_g()
        if not isinstance(shown_g, float):
            return shown_g
        read_g, may_g = shown_g - zero_g, allowed_g(known_g, self._part.division_g)
        if abs(read_g - known_g) > may_g:
            return _tried("bad", "scale_wrong", known_g=known_g, read_g=read_g, allowed_g=may_g)
        await self._talk.ask("scale_clear", "Take the weight off again, then press Enter.")
        back_g = await self._still_g()
        if not isinstance(back_g, float):
            return back_g
        if (wrong := self._off_zero(back_g, "scale_not_back")) is not None:
            return wrong
        return _tried(
            "well", "scale_weighed", zero_g=zero_g, known_g=known_g, read_g=read_g, allowed_g=may_g
        )

    def _off_zero(self, shown_g: float, why: DeviceWhy) -> DeviceTried | None:
        may_g = ZERO_DIVISIONS * self._part.division_g
        if abs(shown_g) <= may_g:
            return None
        return _tried("bad", why, zero_g=shown_g, allowed_g=may_g)

    async def _known_g(self) -> float | None:
        """Return what the technician has laid on it; None: she has no weight."""
        low_g, high_g = self._part.minimum_mg / 1000, self._part.capacity_g
        answer = await self._talk.ask(
            "known_weight",
            "Lay a known weight on it (%(low_g)s to %(high_g)s g) and type its grams; Enter leaves it out.",
            low_g=low_g, high_g=high_g,
        )  # fmt: skip
        while answer:
            try:
                grams = float(answer.replace(",", "."))
            except ValueError:
                grams = -1.0
            if low_g <= grams <= high_g:
                return grams
            answer = await self._talk.ask(
                "known_weight_again",
                "%(answer)s is no number from %(low_g)s to %(high_g)s. Grams, or Enter to leave it out:",
                answer=answer, low_g=low_g, high_g=high_g,
            )  # fmt: skip
        return None

    async def _still_g(self) -> float | DeviceTried:
        """Return the weight once it stands still, or why it does not."""
        loop, still = asyncio.get_running_loop(), Stillness(round(1000 * self._part.division_g))
        until_s, last = loop.time() + SETTLE_S, NOTHING
        while loop.time() < until_s:
            last = await self._scale.next()
            if (settled_mg := still.settled_mg(last, loop.time())) is not None:
                return settled_mg / 1000
            self._talk.progress("  the scale shows %(now_g)s g", now_g=last.gross_g)
        if not self._scale.state.up:
            return _tried("bad", "away", detail=self._scale.state.detail)
        if last.flaw is not None:
            return _tried("bad", _OF_FLAW[last.flaw])
        if last.quality is not Quality.GOOD:
            return _tried("bad", "scale_silent")
        return _tried("bad", "scale_moving", within_s=SETTLE_S)


def _tried(outcome: str, why: DeviceWhy, **figures: str | float) -> DeviceTried:
    shown = {name: one if isinstance(one, str) else _plain(one) for name, one in figures.items()}
    return DeviceTried.of("scale", outcome, why, **shown)


def _plain(number: float) -> int | float:
    """Return a number as a person writes it: 20, not 20.0."""
    return int(number) if number == int(number) else round(number, 3)
