"""The serial port as a foreign client meets it: pymodbus and bare bytes on a real pseudo-terminal."""

import asyncio
import os
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pymodbus.client import AsyncModbusSerialClient
from pymodbus.exceptions import ModbusIOException
from pymodbus.pdu.bit_message import WriteSingleCoilRequest

from common.kit.errors import UnavailableError
from device_sim.app import Sim
from device_sim.faults import AdapterUnplugged, LateAnswer, NoAnswer
from device_sim.pty_port import PtyPort

PULSE_1_3 = bytes.fromhex("01 05 02 03 00 04 3D B1")
READ_1 = bytes.fromhex("01 02 00 00 00 08 79 CC")
ALL_SHUT_1 = bytes.fromhex("01 02 01 00 A1 88")


class Flash(WriteSingleCoilRequest):
    """The timed pulse as pymodbus sends it."""

    ticks = 4

    def encode(self) -> bytes:
        return struct.pack(">HH", self.address, self.ticks)


@asynccontextmanager
async def client_of(sim: Sim) -> AsyncIterator[AsyncModbusSerialClient]:
    link = str(sim.serial[0].link)
    client = AsyncModbusSerialClient(link, baudrate=9600, timeout=0.5, retries=0)
    assert await client.connect()
    try:
        yield client
    finally:
        client.close()


class RawPort:
    """A file descriptor on the port, read without any library."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    def write(self, data: bytes) -> None:
        os.write(self._fd, data)

    async def read(self, count: int, timeout_s: float = 2.0) -> bytes:
        loop = asyncio.get_running_loop()
        heard = b""
        while len(heard) < count:
            there = asyncio.Event()
            loop.add_reader(self._fd, there.set)
            try:
                async with asyncio.timeout(timeout_s):
                    await there.wait()
            except TimeoutError:
                break
            finally:
                loop.remove_reader(self._fd)
            if not (data := os.read(self._fd, 256)):
                break  # hung up
            heard += data
        return heard

    def close(self) -> None:
        os.close(self._fd)


@pytest.fixture
def port(sim: Sim) -> Iterator[RawPort]:
    raw = RawPort(sim.serial[0].link)
    yield raw
    raw.close()


async def test_pymodbus_reads_doors_relays_and_temperatures(sim: Sim) -> None:
    sim.cabinet.pull("B03")
    async with client_of(sim) as client:
        doors = await client.read_discrete_inputs(0, count=8, device_id=2)
        assert doors.bits == [False, False, True, False, False, False, False, False]
        relays = await client.read_coils(0, count=8, device_id=1)
        assert relays.bits == [False] * 8
        air = await client.read_input_registers(1, count=2, device_id=3)
        assert air.registers[0] == pytest.approx(40, abs=1)


async def test_pymodbus_pulses_a_door(sim: Sim) -> None:
    async with client_of(sim) as client:
        reply = await client.execute(False, Flash(address=0x0203, bits=[True], dev_id=1))
        assert not reply.isError()
        assert reply.address == 0x0203
        assert [(one.board, one.channel, one.ms) for one in sim.cabinet.witness.pulses] == [
            (1, 3, 400)
        ]


async def test_an_absent_unit_times_out_and_the_next_is_heard(sim: Sim) -> None:
    async with client_of(sim) as client:
        with pytest.raises(ModbusIOException):
            await client.read_discrete_inputs(0, count=8, device_id=9)
        doors = await client.read_discrete_inputs(0, count=8, device_id=1)
        assert not doors.isError()


async def test_bare_bytes_one_at_a_time(sim: Sim, port: RawPort) -> None:
    for byte in READ_1:
        port.write(bytes([byte]))
    assert await port.read(6) == ALL_SHUT_1


@pytest.mark.parametrize("noise", [b"\x00", b"\xff", b"\x00\xff\x00", b"\x01", b"\x01\x02"])
async def test_noise_before_a_frame(sim: Sim, port: RawPort, noise: bytes) -> None:
    port.write(noise + READ_1)
    assert await port.read(6) == ALL_SHUT_1


async def test_answers_come_at_the_speed_of_the_line(sim: Sim, port: RawPort) -> None:
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    port.write(PULSE_1_3)
    assert await port.read(8) == PULSE_1_3
    # 16 characters of 10 bits, the silence behind the request and the board's turnaround
    assert loop.time() - started_s >= 16 * 10 / 9600 + 0.004 + 0.002


async def test_the_terminal_passes_every_byte_unchanged(sim: Sim, port: RawPort) -> None:
    # what a terminal in its usual mode would eat or turn into something else
    port.write(bytes([0x03, 0x04, 0x0A, 0x0D, 0x11, 0x13, 0x1A, 0x1C, 0x7F]) + READ_1)
    assert await port.read(6) == ALL_SHUT_1


async def test_a_silent_unit_and_a_late_one(sim: Sim, port: RawPort) -> None:
    sim.cabinet.lay(NoAnswer(kind="no_answer", target=1))
    port.write(READ_1)
    assert await port.read(6, timeout_s=0.2) == b""
    sim.cabinet.lift_all()
    sim.cabinet.lay(LateAnswer(kind="late_answer", target=1, delay_s=0.3))
    port.write(READ_1)
    assert await port.read(6, timeout_s=0.2) == b""
    assert await port.read(6) == ALL_SHUT_1


async def test_unplugged_the_port_is_gone_and_comes_back(sim: Sim, port: RawPort) -> None:
    serial = sim.serial[0]
    number = serial.link.readlink()
    fault = AdapterUnplugged(kind="adapter_unplugged", target="bus0")
    sim.cabinet.lay(fault)
    assert await port.read(1) == b""
    with pytest.raises(OSError, match="Input/output error"):
        port.write(READ_1)
    assert not serial.link.is_symlink()
    sim.cabinet.lift(fault)
    async with asyncio.timeout(2):
        await serial.is_open.wait()
    assert serial.link.readlink() != number
    again = RawPort(serial.link)
    again.write(READ_1)
    assert await again.read(6) == ALL_SHUT_1
    again.close()


async def test_a_flood_is_read_no_faster_than_the_line_carries(sim: Sim, port: RawPort) -> None:
    port.write(READ_1 * 60)
    heard = await port.read(6 * 60, timeout_s=0.7)
    assert heard == ALL_SHUT_1 * 60


async def test_a_file_in_the_way_is_not_overwritten(sim: Sim, tmp_path: Path) -> None:
    link = tmp_path / "mine"
    link.write_text("keep me")
    subject = PtyPort(sim.cabinet, sim.cabinet.bus(0), link, sim.serial[0].clock, sim.work)
    with pytest.raises(UnavailableError, match="in the way"):
        await subject.run()
    assert link.read_text() == "keep me"


@pytest.fixture
def left_behind(tmp_path: Path) -> None:
    """The link of a simulator that was killed."""
    (tmp_path / "bus0").symlink_to("/dev/pts/99999")


async def test_a_link_left_behind_is_replaced(left_behind: None, sim: Sim, port: RawPort) -> None:
    port.write(READ_1)
    assert await port.read(6) == ALL_SHUT_1
