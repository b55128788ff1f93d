"""Finds what hangs on the lines: reads only, every address of every protocol, until one protocol has answered.

A line speaks one protocol, so the first that answers ends the search at its port. Twice the same address shows as
rubbish at that address alone (reference hardware C.4.6).
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from common.kit.errors import ConflictError
from common.kit.said import Said
from edge.config import BusSection
from edge.hardware.line import is_tcp, open_line
from firmware_protocols import kerong_cu16, kerong_cu48, qianming, wkly, xor_8a80
from firmware_protocols.errors import WireError
from firmware_protocols.lock_boards import LOCK_BOARDS, MODBUS_UNITS, LineProtocol
from firmware_protocols.modbus_pdu import (
    BIT_READS,
    DataReply,
    Function,
    ReadRequest,
    bits,
    registers,
)
from provisioning.families import Reader, framed_unit, question, recognise
from provisioning.record import FoundBus, FoundUnit
from provisioning.wire import ModbusCodec, Wire

LOOK_S = 0.08
"""A board answers within some 10 ms; FTDI adapters add 16, the longest answer at 9600 baud takes 35."""
CLOSER_S = 0.3
ASKED_AGAIN = 5
LISTENED, LISTEN_S = 4, 0.3
"""Heard in so many pieces of time in a row without a question: a scale says its weight three times a second or more."""
GHOSTS, RUBBISH = 3, "rubbish only"
"""So many addresses at which only rubbish is heard are no boards."""
TRIES = 3
_FRAMED: dict[LineProtocol, ModuleType] = {
    LineProtocol.WKLY: wkly,
    LineProtocol.KERONG_CU16: kerong_cu16,
    LineProtocol.QIANMING: qianming,
    LineProtocol.XOR_8A80: xor_8a80,
    LineProtocol.KERONG_CU48: kerong_cu48,
}
_LIKELY = {
    LineProtocol.MODBUS: range(1, 5),
    LineProtocol.QIANMING: range(1, 2),
    LineProtocol.XOR_8A80: range(1, 4),
}
"""Looked at first, with every protocol: most cabinets have the addresses of the factory."""
_BOX_STEP = 4
Progress = Callable[[str, int, LineProtocol, int, int], None]
"""Port, baud, protocol, how many addresses of how many."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where and how to look."""

    ports: tuple[str, ...]
    bauds: tuple[int, ...] = ()
    """None: each protocol at its factory's speed, Modbus at 9600 and 19200."""
    units: range | None = None
    look_s: float = LOOK_S


@dataclass(frozen=True, slots=True)
class _Try:
    protocol: LineProtocol
    baud: int

    @property
    def units(self) -> range:
        if self.protocol is LineProtocol.QIANMING:
            return range(1, qianming.UNITS[-1], _BOX_STEP)
        codec = _FRAMED.get(self.protocol)
        return MODBUS_UNITS if codec is None else codec.UNITS

    @property
    def likely(self) -> range:
        return _LIKELY.get(self.protocol, range(2))


async def scan_port(port: str, wanted: Wanted, progress: Progress) -> FoundBus | None:
    """Return the line at a port, not named yet; None: nothing answers. LinliError or OSError: it cannot be used.

    ConflictError `provision.talks`: something speaks there without being asked.
    """
    tries = _tries(port, wanted.bauds)
    async with _wire(port, tries[0]) as wire:
        if await wire.talks_by_itself(LISTENED, LISTEN_S):
            raise _talks()
    for quick in (True, False) if wanted.units is None else (False,):
        for one in tries:
            units = one.likely if quick else _within(one.units, wanted.units)
            if not units:
                continue
            async with _wire(port, one) as wire:
                answered = await _who_answers(wire, one, units, wanted, port, progress)
                if answered and quick:  # this is the protocol: now every address
                    answered = await _who_answers(wire, one, one.units, wanted, port, progress)
                if answered:
                    return await _line(wire, port, one, answered)
    return None


async def _line(wire: Wire[Any, Any], port: str, one: _Try, answered: Sequence[int]) -> FoundBus:
    units = await _look_closer(wire, one, answered)
    if len(units) >= GHOSTS and all(unit.seen == RUBBISH for unit in units):
        raise _talks()
    return FoundBus(
        name="", port=port, baud=one.baud, protocol=one.protocol, local_echo=wire.echoes,
        units=tuple(units),
    )  # fmt: skip


def _talks() -> ConflictError:
    said = Said(
        "something talks there without being asked: a scale, or another program or master. Name the lines of the locks"
        " with --port; what has a port of its own is set in station.toml"
    )
    return ConflictError("provision.talks", said)


def _tries(port: str, bauds: Sequence[int]) -> list[_Try]:
    """Return protocols and speeds in the order of how often they are met."""
    if is_tcp(port):  # a gateway has its own speed
        return [_Try(protocol, 9600) for protocol in (LineProtocol.MODBUS, *_FRAMED)]
    tries = [_Try(LineProtocol.MODBUS, baud) for baud in bauds or (9600,)]
    for protocol in _FRAMED:
        factory = next(f.baud for f in LOCK_BOARDS.values() if f.protocol is protocol)
        tries += [_Try(protocol, baud) for baud in bauds or (factory,)]
    return tries if bauds else [*tries, _Try(LineProtocol.MODBUS, 19200)]


def _within(units: range, chosen: range | None) -> range:
    if chosen is None:
        return units
    return range(max(units.start, chosen.start), min(units.stop, chosen.stop), units.step)


def units_of(protocol: LineProtocol) -> range:
    """Return every address that a device may have on a line of a protocol."""
    return _Try(protocol, 9600).units


async def look_at(bus: FoundBus, wanted: Wanted) -> FoundUnit | None:
    """Return the one device at the first address of `wanted.units` on a known bus; None: nothing answers."""
    one = _Try(bus.protocol, bus.baud)
    assert wanted.units is not None
    async with _wire(bus.port, one, bus.name) as wire:
        found = await _look_closer(wire, one, list(wanted.units))
    return found[0] if found else None


async def find_units(
    wire: Wire[Any, Any], port: str, wanted: Wanted, progress: Progress
) -> list[FoundUnit]:
    """Return every Modbus device on an open line."""
    one = _Try(LineProtocol.MODBUS, wanted.bauds[0])
    units = _within(one.units, wanted.units)
    answered = await _who_answers(wire, one, units, wanted, port, progress)
    return await _look_closer(wire, one, answered)


@asynccontextmanager
async def _wire(port: str, one: _Try, name: str = "line") -> AsyncIterator[Wire[Any, Any]]:
    section = BusSection(name=name, port=port, baud=one.baud)
    codec = _FRAMED.get(one.protocol) or ModbusCodec(tcp=is_tcp(port))
    wire: Wire[Any, Any] = Wire(section, open_line(section), codec)
    await wire.open()
    try:
        if not is_tcp(port):
            await wire.find_echo(one.units[-1], LOOK_S)
        yield wire
    finally:
        wire.close()


async def _who_answers(
    wire: Wire[Any, Any],
    one: _Try,
    units: range,
    wanted: Wanted,
    port: str,
    progress: Progress,
) -> list[int]:
    answered: list[int] = []
    covered = -1
    for number, unit in enumerate(units):
        progress(port, one.baud, one.protocol, number, len(units))
        if unit <= covered:  # a 千鸣 board has answered for this box already
            continue
        heard = await wire.ask(unit, _question(one), wanted.look_s)
        if heard.late and number:
            answered.append(units[number - 1])
        if heard.answer is not None or heard.garbled:
            answered.append(unit)
        if isinstance(heard.answer, qianming.Answer):
            covered = heard.answer.first_box + len(heard.answer.states) - 1
    progress(port, one.baud, one.protocol, len(units), len(units))
    return sorted(set(answered))


def _question(one: _Try) -> object:
    codec = _FRAMED.get(one.protocol)
    if codec is None:
        return ReadRequest(Function.READ_HOLDING_REGISTERS, 0, 1)
    return question(codec)


async def _look_closer(wire: Wire[Any, Any], one: _Try, answered: Sequence[int]) -> list[FoundUnit]:
    found: dict[int, FoundUnit] = {}
    for unit in answered:
        garbled, answer = await _ask_again(wire, one, unit)
        if answer is None:
            if garbled:
                found[unit] = FoundUnit(unit=unit, seen=RUBBISH, shared=True)
            continue
        if one.protocol is LineProtocol.MODBUS:
            seen = await recognise(unit, read_of(wire, unit))
        else:
            seen = framed_unit(unit, answer)
        found[seen.unit] = seen.model_copy(update={"shared": garbled > 0})
    everywhere = len(found) > 1 and all(unit.shared for unit in found.values())
    if everywhere:  # a bad line, not two boards at every address
        return [unit.model_copy(update={"shared": False}) for unit in found.values()]
    return list(found.values())


async def _ask_again(wire: Wire[Any, Any], one: _Try, unit: int) -> tuple[int, object]:
    """Ask the same five times; return how often rubbish came, and the last answer."""
    garbled, answer = 0, None
    for _ in range(ASKED_AGAIN):
        heard = await wire.ask(unit, _question(one), CLOSER_S)
        garbled += heard.garbled
        answer = answer if heard.answer is None else heard.answer
    return garbled, answer


def read_of(wire: Wire[Any, Any], unit: int) -> Reader:
    """Return how the registers of one Modbus device are read, three times before it counts as silent."""

    async def read(function: Function, address: int, count: int) -> tuple[int, ...] | None:
        for _ in range(TRIES):
            heard = await wire.ask(unit, ReadRequest(function, address, count), CLOSER_S)
            if heard.answer is not None:
                return _values(heard.answer, function, count)
        return None

    return read


def _values(answer: object, function: Function, count: int) -> tuple[int, ...] | None:
    if not isinstance(answer, DataReply):
        return None
    try:
        if function in BIT_READS:
            return tuple(map(int, bits(answer.data, count)))
        return registers(answer.data)
    except WireError:
        return None
