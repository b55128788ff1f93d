"""The boards of a cabinet in a technician's hands: the daemon's bus owners, drivers, allow-lists and pulse caps.

One pulse at a time for the whole cabinet, each coil within its duty.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from common.kit.errors import UnavailableError
from edge.config import BusSection
from edge.hardware.build import PROBE_DRIVERS
from edge.hardware.bus import BusOwner
from edge.hardware.errors import DeviceRefusedError, NoReplyError, NotSentError
from edge.hardware.lending import ended
from edge.hardware.line import open_line
from edge.hardware.lock_drivers import LOCK_DRIVERS, SPEECHES
from edge.hardware.ports import LockBoard, Probe, PulseResult
from edge.hardware.profiled import ProfiledDevice, ProfiledProbe
from edge.hardware.speech import BoardRule
from firmware_protocols import waveshare_relay
from firmware_protocols.lock_boards import LOCK_BOARDS, LockKind
from provisioning.coils import Coils
from provisioning.job import Job
from provisioning.profiled import PROFILES, is_profiled
from provisioning.record import FoundBus, FoundUnit

GAP_S = 0.15
Place = tuple[int, int]
"""Unit and input (or channel) on one bus."""


@dataclass(frozen=True, slots=True)
class Board:
    """One lock board: where it is, what it is, and how it is driven."""

    bus: str
    unit: int
    kind: LockKind
    channels: int
    inputs: int
    driver: LockBoard

    def pulse_ms(self, wanted_ms: int) -> int:
        """Return a length that this board can time: its own, or whole steps of at least one."""
        facts = LOCK_BOARDS[self.kind].pulse
        if not facts.step_ms:
            return facts.own_ms
        return max(facts.step_ms, wanted_ms // facts.step_ms * facts.step_ms)


class Workbench:
    """Boards and probes of the buses that are open; made by `open_bench`."""

    def __init__(self, job: Job, owners: Mapping[str, BusOwner[Any, Any]], coils: Coils) -> None:
        """Drive what hangs on `owners`."""
        self.coils, self.owners = coils, owners
        self._job = job
        self._free_at_s = self.sent_s = 0.0
        """`sent_s`: when the last pulse was given to the wire."""
        self.boards = {
            (bus.name, unit.unit): _board(bus, unit, owners[bus.name])
            for bus in job.record.buses
            for unit in bus.units
            if bus.name in owners and unit.kind in LOCK_BOARDS and not unit.shared
        }

    def of_bus(self, bus: str) -> tuple[Board, ...]:
        """Return the boards of a bus."""
        return tuple(board for board in self.boards.values() if board.bus == bus)

    def probe(self, bus: str, unit: int, kind: str, zone: str, channel: int = 0) -> Probe:
        """Return a driver of a probe, of the place `channel` where a unit has several."""
        if is_profiled(kind):
            device = ProfiledDevice(self.owners[bus], unit, PROFILES[kind])
            return ProfiledProbe(device, zone, channel)
        return PROBE_DRIVERS[kind](self.owners[bus], unit, zone)

    async def inputs(self, bus: str) -> dict[Place, bool | None]:
        """Return what every door input of a bus says; None where its board does not answer."""
        said: dict[Place, bool | None] = {}
        for board in self.of_bus(bus):
            if not board.inputs:
                continue
            try:
                states = await board.driver.read_doors(urgent=True)
            except (NotSentError, NoReplyError, DeviceRefusedError):
                states = (None,) * board.inputs
            said |= {(board.unit, place): states[place] for place in range(board.inputs)}
        return said

    async def pulse(self, board: Board, channel: int, ms: int) -> PulseResult:
        """Send one pulse when supply and coil have rested; it is in the record before it leaves."""
        loop = asyncio.get_running_loop()
        await self.coils.rested(board.bus, board.unit, channel)
        await asyncio.sleep(max(0.0, self._free_at_s - loop.time()))
        self.coils.pulsed(board.bus, board.unit, channel)
        self._job.keep(pulses=self.coils.rows)
        self.sent_s = loop.time()
        try:
            return await board.driver.pulse(channel, ms)
        finally:
            own_ms = LOCK_BOARDS[board.kind].pulse.own_ms
            self._free_at_s = loop.time() + max(ms, own_ms) / 1000 + GAP_S


def _board(bus: FoundBus, unit: FoundUnit, owner: BusOwner[Any, Any]) -> Board:
    kind: LockKind = unit.kind  # type: ignore[assignment] # looked up in LOCK_BOARDS before
    facts = LOCK_BOARDS[kind]
    channels = min(unit.channels or facts.channels, facts.channels)
    inputs = min(unit.inputs or facts.inputs, facts.inputs)
    driver = LOCK_DRIVERS[kind].make(owner, unit.unit)
    return Board(bus.name, unit.unit, kind, channels, inputs, driver)


@asynccontextmanager
async def open_bench(job: Job, buses: Iterable[str]) -> AsyncIterator[Workbench]:
    """Borrow the buses of a running daemon, open their ports and hand the boards over; all is given back."""
    coils = Coils(job.record.pulses, job.clock)
    chosen = [bus for bus in job.record.buses if bus.name in set(buses)]
    owners: dict[str, BusOwner[Any, Any]] = {}
    try:
        for bus in chosen:
            if (said := await job.leases.take(bus.port)) is not None:
                coils.take_over(bus.name, said)
            owners[bus.name] = _owner(bus)
        tasks = [asyncio.create_task(owner.run(), name=name) for name, owner in owners.items()]
        try:
            await _until_open(owners)
            yield Workbench(job, owners, coils)
        finally:
            await ended(*tasks)
    finally:
        for bus in chosen:
            await job.leases.give_back(bus.port, coils.cool_s(bus.name))


def _owner(bus: FoundBus) -> BusOwner[Any, Any]:
    section = BusSection(name=bus.name, port=bus.port, baud=bus.baud, local_echo=bus.local_echo)
    rules: dict[int, BoardRule[Any]] = {}
    for unit in bus.units:
        if unit.kind in LOCK_BOARDS and not unit.shared:
            kind: LockKind = unit.kind  # type: ignore[assignment] # just looked up
            how = LOCK_DRIVERS[kind]
            for channel in range(LOCK_BOARDS[kind].channels):
                rules[how.opened_at(unit.unit, channel)] = _with_modes(kind, how.rule)
    units = frozenset(unit.unit for unit in bus.units)
    return BusOwner(section, open_line(section), SPEECHES[bus.protocol](), rules=rules, units=units)


def _with_modes(kind: LockKind, rule: BoardRule[Any]) -> BoardRule[Any]:
    """Let a (D) be put into the mode in which no input drives a relay; nothing else is added to the allow-list."""
    if kind != "waveshare_8ch_d":
        return rule
    normal = waveshare_relay.set_all_modes(waveshare_relay.Mode.NORMAL)
    return BoardRule(lambda request: request == normal or rule.allows(request), rule.all_off)


async def _until_open(owners: Mapping[str, BusOwner[Any, Any]]) -> None:
    for owner in owners.values():
        await owner.tried()
        if not owner.up:
            raise UnavailableError("bus.down", owner.detail, bus=owner.name)
