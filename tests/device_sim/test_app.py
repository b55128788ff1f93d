"""The simulator as a whole in this process: start, stop by signal, and what may be left out."""

import asyncio
import signal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from common.kit.chance import seeded_chance
from common.kit.clock import SystemClock
from common.kit.errors import UnavailableError
from common.kit.work import ThreadWork
from device_sim import cli
from device_sim.app import Sim, SimPorts, build_sim
from device_sim.lock import Burn, Movement
from tests.device_sim.cabinets import CABINET_FILE, config


def ports() -> SimPorts:
    return SimPorts(SystemClock(), seeded_chance("app"), ThreadWork())


@pytest.fixture
def without_tcp(tmp_path: Path) -> Sim:
    read = config()
    silent = read.model_copy(
        update={"bus": tuple(bus.model_copy(update={"tcp": False}) for bus in read.bus)}
    )
    return build_sim(ports(), silent, tmp_path, port=0, modbus_port=0)


async def test_it_says_where_it_is_and_ends_on_a_signal(
    built: Sim, capsys: pytest.CaptureFixture[str]
) -> None:
    running = asyncio.create_task(cli._until_stopped(built))
    async with asyncio.timeout(5):
        await built.ready.wait()
        await asyncio.sleep(0)
    signal.raise_signal(signal.SIGTERM)
    async with asyncio.timeout(5):
        await running
    said = capsys.readouterr().out
    assert "阳光里 3 号柜" in said
    assert str(built.serial[0].link) in said
    assert built.bench.url in said
    assert said.endswith("stopped\n")


async def test_without_modbus_tcp(without_tcp: Sim) -> None:
    running = asyncio.create_task(without_tcp.run())
    async with asyncio.timeout(5):
        await without_tcp.ready.wait()
    assert without_tcp.tcp is None
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_second_one_in_the_same_folder_leaves_the_first_ones_port_alone(
    built: Sim, without_tcp: Sim
) -> None:
    running = asyncio.create_task(built.run())
    async with asyncio.timeout(5):
        await built.ready.wait()
        with pytest.raises(UnavailableError) as refused:
            await without_tcp.run()
    assert refused.value.key == "sim.in_use"
    assert built.serial[0].link.is_symlink()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_taken_port_ends_it_with_one_error(built: Sim, without_tcp: Sim) -> None:
    running = asyncio.create_task(built.run())
    async with asyncio.timeout(5):
        await built.ready.wait()
    without_tcp.bench.port = built.bench.port
    with pytest.raises(UnavailableError, match=str(built.bench.port)):
        await cli._until_stopped(without_tcp)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_door_springs_open_although_nobody_asks(built: Sim) -> None:
    moved = asyncio.Event()
    physics = built.cabinet.physics
    told = physics._saw

    def saw(event: Movement | Burn) -> None:
        told(event)
        moved.set()

    physics._saw = saw
    running = asyncio.create_task(built.run())
    async with asyncio.timeout(5):
        await built.ready.wait()
        now_s = asyncio.get_running_loop().time()
        built.cabinet.bus(0).feed(bytes.fromhex("01 05 02 03 00 04 3D B1"), now_s)
        await moved.wait()
    assert [one.label for one in built.cabinet.witness.movements] == ["A04"]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError, match="--data"):
        build_sim(ports(), config(), tmp_path / "file/data", port=0, modbus_port=0)


@pytest.mark.parametrize(("data", "text", "code"), [("file/data", "", 3), ("data", "x = 1\n", 2)])
def test_the_command_s_exit_codes(tmp_path: Path, data: str, text: str, code: int) -> None:
    (tmp_path / "file").touch()
    cabinet = tmp_path / "cabinet.toml"
    cabinet.write_text(text + CABINET_FILE.read_text(encoding="utf-8"), encoding="utf-8")
    result = CliRunner().invoke(
        cli.app, ["run", "--config", str(cabinet), "--data", str(tmp_path / data)]
    )
    assert result.exit_code == code
    assert result.output.startswith("linli sim: ")
