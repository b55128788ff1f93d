"""`linli bench bus`: doors polled a second beside what the wire carries, a transaction beside its floors, codecs.

The boards answer at the speed of the line. CPU is measured against a peer in another process that answers at once:
raw reads and writes, bare pymodbus, and our owner, in the same run.
"""

import asyncio
import multiprocessing
import os
import random
import select
import tempfile
import time
import tty
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pymodbus.client import AsyncModbusSerialClient

from common.kit.clock import SystemClock
from common.kit.work import ThreadWork
from device_sim.board import TURNAROUND_S
from device_sim.cabinet import Cabinet
from device_sim.pty_port import PtyPort
from edge.config import BusSection
from edge.hardware.bus import BusOwner
from edge.hardware.jobs import Priority
from edge.hardware.line import open_line
from edge.hardware.modbus import ModbusSpeech
from firmware_protocols import modbus_rtu, waveshare_relay
from linli.bench.codecs import throughput
from linli.bench.figures import Sheet, median
from linli.bench.wire import READ_INPUTS_BYTES, wire_s
from linli.drill.busnoise.stand import LINE, cabinet_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BAUDS = (9600, 19_200, 115_200)
POLL_FOR_S = 3.0
DOORS_A_BOARD = 8
_UNIT = 1
_ASK = modbus_rtu.encode(_UNIT, waveshare_relay.read_inputs().pdu())
_SAY = modbus_rtu.encode(_UNIT, b"\x02\x01\x00")
_ROUNDS = 5
Ask = Callable[[], Awaitable[object]]


async def bench_bus(n: int) -> Sheet:
    """Return the figures; `n` transactions for each way of asking."""
    sheet = Sheet("bus", n)
    for baud in BAUDS:
        reads, seconds = await _poll(baud)
        limit = 1 / (wire_s(*READ_INPUTS_BYTES, baud) + sum(TURNAROUND_S) / 2)
        sheet.add(f"doors_polled_{baud}_per_s", reads * DOORS_A_BOARD / seconds)
        sheet.add(f"doors_limit_{baud}_per_s", limit * DOORS_A_BOARD)
        sheet.add(f"of_the_limit_{baud}_percent", reads / seconds / limit * 100)
    raw_us, bare_us, ours_us = await _cpu(n)
    sheet.add("raw_socket_cpu_us", raw_us)
    sheet.add("bare_pymodbus_cpu_us", bare_us)
    sheet.add("our_stack_cpu_us", ours_us)
    sheet.add("ours_over_raw_us", ours_us - raw_us)
    sheet.add("ours_to_pymodbus_ratio", ours_us / bare_us)
    for name, frames_per_s in throughput().items():
        sheet.add(f"codec_{name}_frames_per_s", frames_per_s)
    sheet.load()
    return sheet


async def _poll(baud: int) -> tuple[int, float]:
    """Return how often one board's doors were read on a paced line, and in how many seconds."""
    clock, work = SystemClock(), ThreadWork()
    made = cabinet_of("waveshare_8ch_d")
    made = made.model_copy(update={"bus": (made.bus[0].model_copy(update={"baud": baud}),)})
    cabinet = Cabinet(made, clock, random.Random(1))
    with tempfile.TemporaryDirectory(prefix="linli-bench-") as folder:
        port = PtyPort(cabinet, cabinet.bus(), Path(folder) / LINE, clock, work)
        serving = asyncio.create_task(port.run())
        await port.is_open.wait()
        try:
            async with _owner(str(port.link), baud) as ask:
                count, began_s = 0, time.perf_counter()
                while (took_s := time.perf_counter() - began_s) < POLL_FOR_S:
                    await ask()
                    count += 1
                return count, took_s
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            work.close()


@asynccontextmanager
async def _owner(port: str, baud: int) -> "AsyncIterator[Ask]":
    """Run our owner of a port and give out the question that reads one board's doors."""
    section = BusSection(name="bench", port=port, baud=baud, local_echo=False)
    owner: BusOwner[Any, Any] = BusOwner(
        section, open_line(section), ModbusSpeech(), rules={}, units=frozenset({_UNIT})
    )
    running = asyncio.create_task(owner.run())

    async def ask() -> object:
        return await owner.call(Priority.SNAPSHOT, _UNIT, waveshare_relay.read_inputs())

    try:
        await ask()
        yield ask
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _cpu(n: int) -> tuple[float, float, float]:
    """Return the CPU microseconds of a transaction: raw, by bare pymodbus, by our owner."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    peer = context.Process(target=_answer_at_once, args=(theirs,), daemon=True)
    peer.start()
    path = ours.recv()
    try:
        raw_us = _raw(path, n)
        client = AsyncModbusSerialClient(path, baudrate=115_200, timeout=1, retries=0)
        await client.connect()

        async def bare() -> object:
            return await client.read_discrete_inputs(0, count=8, device_id=_UNIT)

        bare_us = await _median_us(bare, n)
        client.close()
        async with _owner(path, 115_200) as ask:
            ours_us = await _median_us(ask, n)
    finally:
        peer.terminate()
        peer.join()
    return raw_us, bare_us, ours_us


async def _median_us(ask: Ask, n: int) -> float:
    """Return the median over a few rounds of the CPU time of one transaction."""
    rounds = []
    for _ in range(_ROUNDS):
        began_s = time.process_time()
        for _ in range(n // _ROUNDS):
            await ask()
        rounds.append((time.process_time() - began_s) / (n // _ROUNDS) * 1e6)
    return median(rounds)


def _raw(path: str, n: int) -> float:
    """Return the CPU microseconds of one write and the reads of its answer, nothing else."""
    port = os.open(path, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(port)
    began_s = time.process_time()
    for _ in range(n):
        os.write(port, _ASK)
        heard = b""
        while len(heard) < len(_SAY):
            select.select([port], [], [])
            heard += os.read(port, 64)
    took_s = time.process_time() - began_s
    os.close(port)
    return took_s / n * 1e6


def _answer_at_once(pipe: Connection) -> None:
    """Be a board without a line: eight bytes in, the answer out (in a process of its own)."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    pipe.send(os.ttyname(theirs))
    heard = b""
    while True:
        heard += os.read(ours, 64)
        while len(heard) >= len(_ASK):
            asked, heard = heard[: len(_ASK)], heard[len(_ASK) :]
            if asked == _ASK:  # silent to our owner's first questions
                os.write(ours, _SAY)
