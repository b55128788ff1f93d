"""Independent masters and slaves agree: our owner with pymodbus' server and a libmodbus slave, libmodbus with us."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pymodbus.datastore import (
    ModbusDeviceContext,
    ModbusSequentialDataBlock,
    ModbusServerContext,
)
from pymodbus.server import ModbusSerialServer, ModbusTcpServer

from common.contract.words import Quality
from device_sim.app import Sim
from edge.config import StationConfig
from edge.hardware import Hardware, PulseResult, build_hardware, open_line
from firmware_protocols import modbus_rtu
from tests.device_sim.conftest import built, sim
from tests.edge.cable import station_config
from tests.interop.cable import null_modem
from tests.parts import require

__all__ = ["built", "sim"]
LIBMODBUS = Path(__file__).with_name("libmodbus.py")
UNITS = (1, 2, 3, 4)
STATION = station_config()
_BLOCK: Any = ModbusSequentialDataBlock  # pymodbus leaves it untyped
PULSE_OF_A04 = "10 00 12 00 02 04 00 02 00 04"


def station(port: str) -> StationConfig:
    """Return the demo's station with LC boards, whose pulse every Modbus slave can take: two registers."""
    made = STATION
    parts = [part.model_copy(update={"board_kind": "lc_8r"}) for part in made.compartment]
    bus = made.bus[0].model_copy(update={"port": port})
    return made.model_copy(update={"bus": (bus,), "compartment": tuple(parts)})


@asynccontextmanager
async def hardware_on(port: str) -> AsyncIterator[Hardware]:
    hardware = build_hardware(station(port), open_line)
    running = asyncio.create_task(hardware.run())
    try:
        async with asyncio.timeout(9):
            yield hardware
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


class Heard:
    """What a server heard."""

    def __init__(self) -> None:
        self.bytes = b""

    def __call__(self, sending: bool, data: bytes) -> bytes:
        self.bytes += b"" if sending else data
        return data


def slaves() -> ModbusServerContext:
    """Return four units whose third door stands open and whose air has 4.1 degC and 58.2 %RH."""

    def device() -> ModbusDeviceContext:
        return ModbusDeviceContext(
            di=_BLOCK(1, [0, 0, 1] + [0] * 13),
            co=_BLOCK(1, [0] * 512),
            hr=_BLOCK(1, [0] * 64),
            ir=_BLOCK(1, [0, 41, 582] + [0] * 13),
        )

    return ModbusServerContext(devices={unit: device() for unit in UNITS}, single=False)


async def agree(hardware: Hardware) -> None:
    """Doors, a pulse and a probe, as the slave has them."""
    doors = await hardware.door_bus.read_doors()
    assert [label for label, is_open in doors.items() if is_open] == ["A03", "B03"]
    assert None not in doors.values()
    assert await hardware.door_bus.pulse("A04") is PulseResult.ACKED
    reading = await hardware.probes[0].read()
    assert (reading.temperature_c, reading.humidity_pct) == (4.1, 58.2)
    assert reading.quality is Quality.GOOD


async def test_our_owner_and_a_pymodbus_server_on_a_serial_line() -> None:
    heard = Heard()
    async with null_modem() as (here, there):
        server: Any = ModbusSerialServer(slaves(), port=there, baudrate=9600, trace_packet=heard)
        serving = asyncio.create_task(server.serve_forever())
        try:
            async with hardware_on(here) as hardware:
                await agree(hardware)
        finally:
            await server.shutdown()
            await asyncio.gather(serving, return_exceptions=True)
    assert bytes.fromhex(PULSE_OF_A04) in heard.bytes


async def test_our_owner_and_a_pymodbus_server_over_tcp() -> None:
    heard = Heard()
    server: Any = ModbusTcpServer(slaves(), address=("127.0.0.1", 0), trace_packet=heard)
    serving = asyncio.create_task(server.serve_forever())
    try:
        async with asyncio.timeout(5):
            while server.transport is None:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0)
        port = server.transport.sockets[0].getsockname()[1]
        async with hardware_on(f"tcp://127.0.0.1:{port}") as hardware:
            await agree(hardware)
    finally:
        await server.shutdown()
        await asyncio.gather(serving, return_exceptions=True)
    assert bytes.fromhex(PULSE_OF_A04) in heard.bytes


async def libmodbus(*words: str) -> Process:
    require("libmodbus")
    return await asyncio.create_subprocess_exec(
        sys.executable, str(LIBMODBUS), *words, stdout=PIPE, stderr=PIPE
    )


async def test_our_owner_and_a_libmodbus_slave() -> None:
    require("libmodbus")
    async with null_modem() as (here, there):
        slave = await libmodbus("slave", there)
        assert slave.stdout is not None
        try:
            async with asyncio.timeout(9):
                assert await slave.stdout.readline() == b"ready\n"
                async with hardware_on(here) as hardware:
                    doors = await hardware.door_bus.read_doors(urgent="A03")
                    assert [label for label, is_open in doors.items() if is_open] == ["A03"]
                    assert await hardware.door_bus.pulse("A04") is PulseResult.ACKED
                pulse = modbus_rtu.encode(1, bytes.fromhex(PULSE_OF_A04)).hex(" ")
                while (await slave.stdout.readline()).decode().strip() != pulse:
                    pass
        finally:
            slave.kill()
            await slave.wait()


@pytest.mark.parametrize("how", ["tcp", "rtu"])
async def test_libmodbus_asks_the_simulator(sim: Sim, how: str) -> None:
    assert sim.tcp is not None
    where = str(sim.tcp.port) if how == "tcp" else str(sim.serial[0].link)
    sim.cabinet.pull("A03")
    client = await libmodbus(
        "ask", how, where, *["di", "1", "0", "8", "di", "2", "0", "8", "ir", "3", "1", "2"], "raw", "01 05 02 03 00 04",
        *["di", "1", "0", "8"],
    )  # fmt: skip
    said, wrong = await client.communicate()
    assert client.returncode == 0, wrong.decode()
    first, second, air, pulsed, _ = said.decode().splitlines()
    assert (first, second) == ("0 0 1 0 0 0 0 0", "0 0 0 0 0 0 0 0")
    temperature, humidity = map(int, air.split())
    assert temperature == pytest.approx(40, abs=1)
    assert humidity == pytest.approx(700, abs=3)
    assert "01 05 02 03 00 04" in pulsed
    (pulse,) = sim.cabinet.witness.pulses
    assert (pulse.board, pulse.channel, pulse.ms) == (1, 3, 400)
