"""Real ports: a pseudo-terminal at 9600 baud, a TCP socket, and every way a port can be wrong."""

import asyncio
import errno
import os
import random
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from common.contract.words import Quality
from common.kit.clock import SystemClock
from common.kit.errors import UnavailableError
from common.kit.work import InlineWork
from device_sim.cabinet import Cabinet
from device_sim.faults import AdapterUnplugged
from device_sim.pty_port import PtyPort
from device_sim.tcp_port import TcpPort
from edge.config import BusSection, StationConfig
from edge.hardware import Hardware, PulseResult, build_hardware, open_line
from edge.hardware.line import port_error, tcp_address
from tests.device_sim.cabinets import config as cabinet_config
from tests.edge.cable import station_config

CLOCK = SystemClock()
CABINET = cabinet_config()
STATION = station_config()


@pytest.fixture
def cabinet() -> Cabinet:
    return Cabinet(CABINET, CLOCK, random.Random(1))


@pytest.fixture
def port(cabinet: Cabinet, tmp_path: Path) -> PtyPort:
    return PtyPort(cabinet, cabinet.bus(), tmp_path / "bus0", CLOCK, InlineWork())


def _config(port: str, **bus: object) -> StationConfig:
    section = STATION.bus[0].model_copy(update={"port": port, **bus})
    return STATION.model_copy(update={"bus": (section,)})


@asynccontextmanager
async def _running(*jobs: Coroutine[None, None, None]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ends), ends


async def _use(hardware: Hardware, cabinet: Cabinet) -> None:
    doors = await hardware.door_bus.read_doors()
    assert set(doors.values()) == {False}
    assert len(doors) == 16
    assert await hardware.door_bus.pulse("B02") is PulseResult.ACKED
    await asyncio.sleep(0.1)
    assert (await hardware.door_bus.read_doors(urgent="B02"))["B02"] is True
    assert [(p.board, p.channel, p.ms) for p in cabinet.witness.pulses] == [(2, 1, 400)]
    chilled = await hardware.probes[0].read()
    assert chilled.quality is Quality.GOOD
    assert chilled.temperature_c == pytest.approx(4.0, abs=1)


async def test_a_whole_cabinet_on_a_serial_port(cabinet: Cabinet, port: PtyPort) -> None:
    hardware = build_hardware(_config(str(port.link)), open_line)
    async with _running(port.run()):
        await port.is_open.wait()
        async with _running(hardware.run()):
            await _use(hardware, cabinet)


async def test_the_adapter_is_pulled_and_put_back(cabinet: Cabinet, port: PtyPort) -> None:
    hardware = build_hardware(_config(str(port.link)), open_line)
    moved: asyncio.Queue[bool] = asyncio.Queue()

    def tell(_bus: str, unit: int | None, up: bool, _detail: str) -> None:
        if unit is None:
            moved.put_nowait(up)

    hardware.on_bus_change(tell)
    async with _running(port.run(), hardware.run()):
        assert await _until(moved, wanted=True)
        gone = AdapterUnplugged(kind="adapter_unplugged", target="bus0")
        cabinet.lay(gone)
        assert await _until(moved, wanted=False)
        assert await hardware.door_bus.pulse("A01") is PulseResult.NOT_SENT
        cabinet.lift(gone)
        assert await _until(moved, wanted=True)
        assert set((await hardware.door_bus.read_doors()).values()) == {False}


async def _until(moved: "asyncio.Queue[bool]", *, wanted: bool) -> bool:
    async with asyncio.timeout(5):
        while await moved.get() is not wanted:
            pass
    return True


async def test_a_whole_cabinet_on_modbus_tcp(cabinet: Cabinet) -> None:
    port = TcpPort(cabinet.bus(), "127.0.0.1", 0, CLOCK)
    await port.listen()
    hardware = build_hardware(_config(f"tcp://127.0.0.1:{port.port}"), open_line)
    async with _running(port.run(), hardware.run()):
        await _use(hardware, cabinet)


async def test_a_port_that_is_not_there_is_named_and_waited_for(tmp_path: Path) -> None:
    link = tmp_path / "bus0"
    hardware = build_hardware(_config(str(link)), open_line)
    async with _running(hardware.run()):
        assert set((await hardware.door_bus.read_doors()).values()) == {None}
        state = hardware.bus_state["bus0"]
        assert not state.up
        assert "bus bus0" in state.detail
        assert str(link) in state.detail
        assert "plug the adapter in" in state.detail


async def test_a_port_in_use_is_not_shared(cabinet: Cabinet, port: PtyPort) -> None:
    config = _config(str(port.link))
    first, second = build_hardware(config, open_line), build_hardware(config, open_line)
    async with _running(port.run()):
        await port.is_open.wait()
        async with _running(first.run()):
            await first.door_bus.read_doors()
            async with _running(second.run()):
                assert set((await second.door_bus.read_doors()).values()) == {None}
                assert "is in use" in second.bus_state["bus0"].detail
                assert await second.door_bus.pulse("A01") is PulseResult.NOT_SENT
            assert set((await first.door_bus.read_doors()).values()) == {False}
    assert cabinet.witness.pulses == []


async def test_a_gateway_that_is_not_there_is_named() -> None:
    section = BusSection(name="bus0", port="tcp://127.0.0.1:1")
    with pytest.raises(UnavailableError) as caught:
        await open_line(section).connect(asyncio.Protocol)
    assert caught.value.key == "bus.gateway_unreachable"
    assert "tcp://127.0.0.1:1" in caught.value.detail


@pytest.mark.parametrize(
    ("number", "key", "words"),
    [
        (errno.ENOENT, "bus.port_missing", "plug the adapter in"),
        (errno.ENODEV, "bus.port_missing", "plug the adapter in"),
        (errno.EACCES, "bus.port_forbidden", "usermod -aG"),
        (errno.EBUSY, "bus.port_busy", "stop the other program"),
        (errno.EIO, "bus.port_failed", "cannot be opened"),
    ],
)
def test_each_cause_has_its_remedy(tmp_path: Path, number: int, key: str, words: str) -> None:
    section = BusSection(name="bus7", port=str(tmp_path))
    error = port_error(section, OSError(number, os.strerror(number)))
    assert error.key == key
    assert error.detail.startswith(f"bus bus7: {tmp_path} ")
    assert words in error.detail


def test_the_group_that_owns_the_port_is_named(tmp_path: Path) -> None:
    import grp

    port = tmp_path / "ttyUSB0"
    port.touch()
    dialout = grp.getgrnam("dialout").gr_gid
    if os.geteuid() == 0:
        os.chown(port, -1, dialout)
    name = grp.getgrgid(port.stat().st_gid).gr_name
    error = port_error(BusSection(name="b", port=str(port)), PermissionError(13, "denied"))
    assert f"add the user to group {name} " in error.detail


def test_a_gateway_address_without_a_port_means_502() -> None:
    assert tcp_address("tcp://10.0.0.5") == ("10.0.0.5", 502)
    assert tcp_address("tcp://10.0.0.5:5020") == ("10.0.0.5", 5020)


def test_what_is_plugged_in_is_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = tmp_path / "usb-FTDI-port0"
    adapter.touch()
    monkeypatch.setattr("edge.hardware.line._BY_ID", tmp_path)
    gone = FileNotFoundError(errno.ENOENT, "no such file")
    error = port_error(BusSection(name="b", port="/dev/serial/by-id/old"), gone)
    assert f"set `port` to one of {adapter}" in error.detail


def test_a_port_nobody_can_look_at_is_most_likely_of_group_dialout(tmp_path: Path) -> None:
    section = BusSection(name="b", port=str(tmp_path / "gone"))
    assert "group dialout " in port_error(section, PermissionError(errno.EACCES, "no")).detail


async def test_a_character_format_that_a_port_does_not_take_is_said(
    cabinet: Cabinet, port: PtyPort
) -> None:
    section = BusSection(name="scale", port=str(port.link), bits=7, parity="even")
    async with _running(port.run()):
        await port.is_open.wait()
        with pytest.raises(UnavailableError, match="check `baud`, `bits` and `parity`"):
            await open_line(section).connect(asyncio.Protocol)


@pytest.mark.parametrize(("parity", "asked"), [("none", "N"), ("even", "E"), ("odd", "O")])
async def test_a_port_is_opened_with_the_parity_of_its_line(
    parity: str, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []

    async def refuse(*_: object, **how: object) -> None:
        opened.append(how["parity"])
        raise FileNotFoundError(errno.ENOENT, "no such port")

    monkeypatch.setattr("edge.hardware.line.create_serial_connection", refuse)
    section = BusSection.model_validate({"name": "bus1", "port": "/dev/none", "parity": parity})
    with pytest.raises(UnavailableError):
        await open_line(section).connect(asyncio.Protocol)
    assert opened == [asked]
