"""Modbus TCP as a foreign client meets it: pymodbus, an absent unit, and bytes that are no Modbus."""

import asyncio

import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusIOException

from common.kit.errors import UnavailableError
from device_sim.app import Sim
from device_sim.tcp_port import BareTcpPort, TcpPort
from firmware_protocols import wkly
from firmware_protocols.modbus_tcp import TcpFrame, split
from tests.device_sim.cabinets import Rig, lock_cabinet

READ_INPUTS = bytes.fromhex("02 0000 0008")


def port_of(sim: Sim) -> int:
    assert sim.tcp is not None
    return sim.tcp.port


async def test_pymodbus_reads_doors_and_temperatures(sim: Sim) -> None:
    sim.cabinet.pull("A08")
    client = AsyncModbusTcpClient("127.0.0.1", port=port_of(sim), timeout=0.5, retries=0)
    assert await client.connect()
    doors = await client.read_discrete_inputs(0, count=8, device_id=1)
    assert doors.bits == [False] * 7 + [True]
    air = await client.read_input_registers(1, count=2, device_id=4)
    assert air.registers[0] == pytest.approx(240, abs=1)
    refused = await client.read_coils(0, count=9, device_id=1)
    assert refused.exception_code == 2
    with pytest.raises(ModbusIOException):
        await client.read_discrete_inputs(0, count=8, device_id=9)
    client.close()


async def test_messages_at_once_are_answered_in_turn_with_their_numbers(sim: Sim) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(sim))
    sent = [TcpFrame(number, 1 + number % 2, READ_INPUTS) for number in range(6)]
    writer.write(b"".join(frame.encode() for frame in sent))
    heard = b""
    while len(heard) < 6 * 10:
        heard += await reader.read(100)
    frames, rest = split(heard)
    assert [(frame.transaction, frame.unit) for frame in frames] == [
        (frame.transaction, frame.unit) for frame in sent
    ]
    assert rest == b""
    writer.close()


async def test_the_line_is_shared_with_the_serial_port_and_takes_its_time(sim: Sim) -> None:
    loop = asyncio.get_running_loop()
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(sim))
    started_s = loop.time()
    writer.write(TcpFrame(1, 1, READ_INPUTS).encode())
    await reader.readexactly(10)
    assert loop.time() - started_s >= 14 * 10 / 9600
    writer.close()


async def test_what_is_no_modbus_ends_the_connection_only(sim: Sim) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(sim))
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert await reader.read() == b""
    writer.close()
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(sim))
    writer.write(TcpFrame(7, 2, READ_INPUTS).encode())
    assert await reader.readexactly(10)
    writer.close()


async def test_a_taken_port_says_which_and_what_to_do(sim: Sim) -> None:
    second = TcpPort(sim.cabinet.bus(0), "127.0.0.1", port_of(sim), sim.serial[0].clock)
    with pytest.raises(UnavailableError, match=rf"{port_of(sim)}.*--modbus-port"):
        await second.run()


async def test_a_line_that_is_not_modbus_passes_bare_bytes_also_unasked() -> None:
    rig = Rig(lock_cabinet("wkly"))
    port = BareTcpPort(rig.bus, "127.0.0.1", 0, rig.clock)
    await port.listen()
    job = asyncio.create_task(port.run())
    reader, writer = await asyncio.open_connection("127.0.0.1", port.port)
    asked = wkly.encode(1, wkly.read_all())
    writer.write(asked[:3])
    writer.write(asked[3:])
    async with asyncio.timeout(5):
        said = await reader.readexactly(34)
    assert wkly.pick_answer(asked, said)[0] == said
    rig.cabinet.pull("A02")
    async with asyncio.timeout(5):
        assert await reader.readexactly(10) == bytes.fromhex("57 4B 4C 59 0A 01 85 01 00 86")
    writer.close()
    job.cancel()
    await asyncio.gather(job, return_exceptions=True)
