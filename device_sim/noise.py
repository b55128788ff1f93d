"""Carries out the faults of one line: what is put on it and what is heard from it, damaged as laid on.

Chance is each fault's own, so equal orders give equal bytes.
"""

import random
from collections.abc import Iterator
from itertools import zip_longest
from typing import TypeVar

from common.kit.chance import seeded_chance
from device_sim.board import Answer
from device_sim.fault_base import FaultBase
from device_sim.faults import FaultBook
from device_sim.forge import FORGES, Forge
from device_sim.wire_faults import (
    AnswerToNext,
    BitFlips,
    Busy,
    Direction,
    ForeignFrame,
    ForeignFunction,
    Garbage,
    LateAnswer,
    LocalEcho,
    Place,
    SameAddress,
    SplitAnswer,
    Unsolicited,
    WireFaultBase,
)
from firmware_protocols import wkly
from firmware_protocols.lock_boards import LineProtocol

W = TypeVar("W", bound=WireFaultBase)
SOON_S = 0.001
"""How long after the next request a belated answer comes: before any board could have answered that one."""

_STRANGER = 7
"""So many boards further there is usually none: who forges a neighbour's address plays that board."""


class Noise:
    """One per bus."""

    def __init__(self, bus: str, forge: Forge, faults: FaultBook) -> None:
        """Damage what passes over `bus` as `faults` say."""
        self._bus, self._forge, self._faults = bus, forge, faults
        self._chances: dict[FaultBase, random.Random] = {}
        self._kept: list[tuple[int, Answer]] = []
        self._in_a_row: dict[int, int] = {}
        self.hits = 0
        """Frames that were not left as they were."""

    def asked(self, data: bytes) -> bytes:
        """Return what boards hear of bytes that the client sent."""
        heard = self._flipped(data, Direction.REQUESTS)
        self.hits += heard != data
        return heard

    def echoes(self) -> bool:
        """Tell whether the client hears itself."""
        return bool(self._faults.on(LocalEcho, self._bus))

    def belated(self) -> list[tuple[int, Answer]]:
        """Return the answers of units to earlier requests that come now that the next one is on the line."""
        kept, self._kept = self._kept, []
        return [(unit, Answer(SOON_S, one.data)) for unit, one in kept]

    def refusal(self, unit: int, data: bytes) -> list[Answer] | None:
        """Return what a busy unit says to `data` without having obeyed; None: it obeys."""
        busy = next(self._hitting(Busy, unit), None)
        if busy is None or not self._forge.is_for(data, unit):
            return None
        self.hits += 1
        said = self._forge.refusal(data, busy.code)
        return [Answer(SOON_S * 2, said)] if said else []

    def twin_of(self, unit: int) -> int | None:
        """Return the unit whose board listens at the address `unit` as well."""
        return next((one.other for one in self._faults.on(SameAddress, unit)), None)

    def is_twin(self, unit: int) -> bool:
        """Tell whether a board is at another's address, so nobody is at its own."""
        return any(
            isinstance(one, SameAddress) and one.other == unit for one in self._faults.active()
        )

    def for_twin(self, data: bytes, unit: int, other: int) -> bytes | None:
        """Return a request to `unit` as the board `other` must be given it; None: it is not for `unit`."""
        if not self._forge.is_for(data, unit):
            return None
        return self._forge.readdressed(data, other - unit)

    def as_unit(self, answer: Answer, by: int) -> Answer:
        """Return an answer with the address moved by `by`."""
        return Answer(answer.delay_s, self._forge.readdressed(answer.data, by))

    def pace(self, unit: int) -> tuple[int, float]:
        """Return how many bytes a client is handed at once, and the pause between; (0, 0): as they come."""
        split = next(self._hitting(SplitAnswer, unit), None)
        if split is None:
            return 0, 0.0
        self.hits += 1
        return split.burst_bytes, split.pause_s

    def said(self, unit: int, answer: Answer) -> Answer | None:
        """Return what comes of a unit's answer; None: nothing now, it comes after the next request."""
        data = self._damaged(unit, answer)
        self.hits += data != answer.data
        if self._held_back(unit):
            self.hits += data == answer.data
            self._kept.append((unit, Answer(answer.delay_s, data)))
            return None
        return Answer(answer.delay_s, data)

    def _held_back(self, unit: int) -> bool:
        """Tell whether a unit's answer waits for the next request; count how many in a row do."""
        behind, in_a_row = (
            next(self._hitting(AnswerToNext, unit), None),
            self._in_a_row.get(unit, 0),
        )
        held = behind is not None and in_a_row != behind.most_in_a_row
        self._in_a_row[unit] = in_a_row + 1 if held else 0
        return held

    def lateness_s(self, unit: int) -> float:
        """Return how much later than usual a unit's answer comes this time."""
        late_s = sum(one.delay_s for one in self._hitting(LateAnswer, unit))
        self.hits += late_s > 0
        return late_s

    def _damaged(self, unit: int, answer: Answer) -> bytes:
        frame, data = answer.data, b""  # forged of one sound frame each: of several, none is sound
        for other in self._hitting(ForeignFrame, unit):
            foreign = self._forge.readdressed(frame, other.by * self._forge.step)
            frame, data = (foreign, data) if other.instead else (frame, foreign + data)
        for wrong in self._hitting(ForeignFunction, unit):
            foreign = self._forge.other_function(frame)
            frame, data = (foreign, data) if wrong.instead else (frame, foreign + data)
        data += frame
        for sound in self._hitting(Unsolicited, unit):
            data = _placed(self._unasked(unit, answer.data), data, sound.place)
        for rubbish in self._hitting(Garbage, unit):
            chance = self._chance(rubbish)
            data = chance.randbytes(rubbish.before) + data + chance.randbytes(rubbish.after)
        return self._flipped(data, Direction.ANSWERS)

    def _hitting(self, kind: type[W], unit: int) -> Iterator[W]:
        """Yield the faults of a kind on a unit that hit this time."""
        for one in self._faults.on(kind, unit):
            if one.share >= 1 or self._chance(one).random() < one.share:
                yield one

    def _flipped(self, data: bytes, way: Direction) -> bytes:
        for fault in self._faults.on(BitFlips, self._bus):
            if fault.direction not in (way, Direction.BOTH):
                continue
            chance = self._chance(fault)
            if chance.random() >= fault.share:
                continue
            places = [bit for bit in range(len(data) * 8) if chance.random() < fault.rate]
            if fault.most_bits is not None and len(places) > fault.most_bits:
                places = chance.sample(places, fault.most_bits)
            flipped = int.from_bytes(data, "big") ^ sum(1 << bit for bit in places)
            data = flipped.to_bytes(len(data), "big")
        return data

    def _unasked(self, unit: int, data: bytes) -> bytes:
        """Return a sound frame that answers nothing: a WKLY board's own news, elsewhere a stranger's answer."""
        if self._forge is FORGES[LineProtocol.WKLY]:
            return wkly.encode(unit, wkly.Answer(wkly.Command.MOVED, b"\x18\x01"))
        return self._forge.readdressed(data, _STRANGER * self._forge.step)

    def _chance(self, fault: WireFaultBase) -> random.Random:
        if fault not in self._chances:
            self._chances[fault] = seeded_chance(f"{type(fault).__name__}|{fault.seed}").jitter
        return self._chances[fault]


def collided(one: Answer, other: Answer, character_s: float) -> Answer:
    """Return what is heard of two boards that answer over each other: where both drive the line, zeros win."""
    first, second = sorted((one, other), key=lambda answer: answer.delay_s)
    lag = round((second.delay_s - first.delay_s) / character_s * len(_bits(b"\0")))
    early, late = _bits(first.data), [1] * lag + _bits(second.data)
    line = [min(pair) for pair in zip_longest(early, late, fillvalue=1)]
    return Answer(first.delay_s, _heard(line))


def _bits(data: bytes) -> list[int]:
    """Return a character's bits in the order of the line: start 0, eight data bits from the lowest, stop 1."""
    return [bit for byte in data for bit in (0, *(byte >> n & 1 for n in range(8)), 1)]


def _heard(line: list[int]) -> bytes:
    """Return the characters that a receiver makes of a line: each begins at a 0 that follows a 1."""
    found, place = bytearray(), 0
    while place < len(line):
        if line[place]:
            place += 1
            continue
        eight = line[place + 1 : place + 9]
        found.append(sum(bit << n for n, bit in enumerate(eight)))
        place += 10
    return bytes(found)


def _placed(unasked: bytes, data: bytes, place: Place) -> bytes:
    if place is Place.BEFORE:
        return unasked + data
    if place is Place.AFTER:
        return data + unasked
    half = len(data) // 2
    return data[:half] + unasked + data[half:]
