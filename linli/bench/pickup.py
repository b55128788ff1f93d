"""`linli bench pickup`: from the last digit to the pulse frame on the wire, and on to the door's read back.

Each unit is one whole pickup of the unmodified daemon; the floor is measured between the units.
"""

import asyncio
import os
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from edge.doors.duty import WINDOW_S
from edge.hardware.pace import AFTER_WRITE_GAP_S
from edge.pickup.views import Accepted, Step
from linli.bench.figures import Sheet, median
from linli.bench.floor import Floor
from linli.bench.station import BenchStation, bench_station
from linli.bench.wire import PULSE_BYTES, READ_INPUTS_BYTES, wire_s
from linli.demo.ports import Ports
from linli.journey.hands import BenchHands, shut

BAUD = 9600
WIRE_GOAL = 1.2
_UNIT_S = 20.0
_WARM_UP = 2
_MS = 1000.0


@dataclass(slots=True)
class Samples:
    """What each unit took, in seconds."""

    argon2_wall: list[float] = field(default_factory=list)
    argon2_cpu: list[float] = field(default_factory=list)
    to_wire: list[float] = field(default_factory=list)
    to_wire_cpu: list[float] = field(default_factory=list)
    to_read_back: list[float] = field(default_factory=list)
    on_wire: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)
    floor_cpu: list[float] = field(default_factory=list)


async def bench_pickup(units: int, grants: int, port_base: int) -> Sheet:
    """Measure `units` pickups with `grants` live grants in the replica."""
    ports = Ports.from_base(port_base)
    ports.require_free()
    with tempfile.TemporaryDirectory(prefix="linli-bench-") as name:
        folder = Path(name)
        async with (
            bench_station(folder, ports) as station,
            aiohttp.ClientSession() as session,
        ):
            hands = BenchHands(session, f"http://127.0.0.1:{ports.simulator}")
            samples = await _measure(
                station, hands, Floor(folder / "floor.db", grants), units, grants
            )
    return _sheet(samples, units, grants)


async def _measure(
    station: BenchStation, hands: BenchHands, floor: Floor, units: int, grants: int
) -> Samples:
    samples = Samples()
    codes = await station.issue(grants, units + _WARM_UP)
    for unit, code in enumerate(codes):
        if unit == _WARM_UP:
            samples = Samples()
        wall_s, cpu_s = floor.once()
        samples.floor.append(wall_s)
        samples.floor_cpu.append(cpu_s)
        async with asyncio.timeout(_UNIT_S):
            await _unit(station, hands, samples, unit, code)
    floor.close()
    return samples


async def _unit(
    station: BenchStation, hands: BenchHands, samples: Samples, unit: int, code: str
) -> None:
    """Do one pickup; everything before the code and after the read back is not measured."""
    label = await station.place(unit)
    station.clock.skip(WINDOW_S)
    station.tap.arm()
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    accepted = asyncio.create_task(station.edge.pickup.submit(code))
    await station.tap.pulsed.wait()
    spent_s = time.process_time() - cpu_s
    await station.tap.read_back.wait()
    assert isinstance(await accepted, Accepted)
    _note(samples, station, wall_s, spent_s)
    await _until(station, Step.OPEN)
    await shut(hands, label)
    await _until(station, Step.CLOSED)
    await station.edge.pickup.finish()


def _note(samples: Samples, station: BenchStation, started_s: float, spent_s: float) -> None:
    """Take one unit apart: Argon2, the way to the wire, the wire itself, and what we add between the frames."""
    tap, work = station.tap, station.work
    to_wire_s = tap.pulse_s - started_s - work.wall_s
    on_wire_s = (tap.echo_s - tap.pulse_s) + (tap.read_back_s - tap.ask_s)
    samples.argon2_wall.append(work.wall_s)
    samples.argon2_cpu.append(work.cpu_s)
    samples.to_wire.append(to_wire_s)
    samples.to_wire_cpu.append(spent_s - work.cpu_s)
    samples.to_read_back.append(tap.read_back_s - started_s - work.wall_s)
    samples.on_wire.append(on_wire_s)
    samples.ours.append(to_wire_s + tap.ask_s - tap.echo_s - AFTER_WRITE_GAP_S)


async def _until(station: BenchStation, step: Step) -> None:
    flow = station.edge.pickup
    version = -1
    while (session := flow.session()) is None or session.step is not step:
        version = await flow.watch.wait(version)


def _sheet(samples: Samples, units: int, grants: int) -> Sheet:
    sheet = Sheet("pickup", units)
    sheet.add("live_grants", grants)
    sheet.spread("last_digit_to_wire", "ms", [one * _MS for one in samples.to_wire])
    sheet.add("last_digit_to_wire_cpu_ms", median(samples.to_wire_cpu) * _MS)
    sheet.spread("argon2", "ms", [one * _MS for one in samples.argon2_wall])
    sheet.add("argon2_cpu_ms", median(samples.argon2_cpu) * _MS)
    sheet.spread("floor", "ms", [one * _MS for one in samples.floor])
    sheet.add("floor_cpu_ms", median(samples.floor_cpu) * _MS)
    sheet.add("wall_ratio_to_floor", median(samples.to_wire) / median(samples.floor))
    sheet.add("cpu_ratio_to_floor", median(samples.to_wire_cpu) / median(samples.floor_cpu))
    wire = (wire_s(*PULSE_BYTES, BAUD) + wire_s(*READ_INPUTS_BYTES, BAUD)) * _MS
    sheet.add("wire_of_pulse_and_read_back_ms", wire)
    sheet.add("rest_after_a_write_ms", AFTER_WRITE_GAP_S * _MS)
    sheet.spread("wire_and_boards", "ms", [one * _MS for one in samples.on_wire])
    sheet.spread("check_to_read_back", "ms", [one * _MS for one in samples.to_read_back])
    sheet.spread("ours", "ms", [one * _MS for one in samples.ours])
    for percent in ("p50", "p99"):
        sheet.add(f"share_of_wire_{percent}", 1 + sheet.figures[f"ours_{percent}_ms"] / wire)
    sheet.add("to_wire_stdev_ms", statistics.pstdev(samples.to_wire) * _MS)
    sheet.add("load_average", os.getloadavg()[0])
    sheet.goal("share_of_wire_p99", WIRE_GOAL)
    return sheet
