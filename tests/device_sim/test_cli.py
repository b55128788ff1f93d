"""`linli sim run` as a process: it says where it is, stops on a signal, and names what is in its way."""

import asyncio
import re
import signal
import socket
import sys
from pathlib import Path

import pytest

from tests.device_sim.cabinets import CABINET_FILE, ROOT

pytestmark = [pytest.mark.timeout(30)]


async def start(*arguments: str | int | Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from linli.cli import main; main()",
        "sim",
        "run",
        *map(str, arguments),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def said(process: asyncio.subprocess.Process, pattern: str) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(20):
        while line := (await process.stdout.readline()).decode():
            if re.search(pattern, line):
                return line
    raise AssertionError(f"never said {pattern}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_says_where_it_is_and_stops_cleanly(
    tmp_path: Path, number: signal.Signals
) -> None:
    process = await start(
        "--config", CABINET_FILE, "--data", tmp_path, "--port", 0, "--modbus-port", 0
    )
    assert str(tmp_path / "bus0") in await said(process, "serial")
    assert (tmp_path / "bus0").is_symlink()
    await said(process, r"witness")
    process.send_signal(number)
    assert await process.wait() == 0
    assert not (tmp_path / "bus0").is_symlink()
    assert '"what": "start"' in (tmp_path / "witness.jsonl").read_text()


@pytest.mark.parametrize("option", ["--port", "--modbus-port"])
async def test_a_taken_port_is_named_and_exits_with_3(tmp_path: Path, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = holder.getsockname()[1]
        other = "--port" if option == "--modbus-port" else "--modbus-port"
        process = await start("--config", CABINET_FILE, "--data", tmp_path, option, taken, other, 0)
        _, errors = await process.communicate()
    assert process.returncode == 3
    assert str(taken) in errors.decode()
    assert "Traceback" not in errors.decode()


async def test_a_wrong_key_is_named_and_exits_with_2(tmp_path: Path) -> None:
    wrong = tmp_path / "cabinet.toml"
    wrong.write_text(CABINET_FILE.read_text().replace("ambient_c", "ambiant_c", 1))
    process = await start("--config", wrong, "--data", tmp_path)
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert "line 9" in errors.decode()
    assert "ambient_c" in errors.decode()


async def test_a_folder_that_cannot_be_written_exits_with_3(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    process = await start("--config", CABINET_FILE, "--data", tmp_path / "file/data")
    _, errors = await process.communicate()
    assert process.returncode == 3
    assert "--data" in errors.decode()


async def test_a_scripted_day_is_announced(tmp_path: Path) -> None:
    day = ROOT / "cabinets/scenarios/summer-day.toml"
    process = await start(
        "--config", CABINET_FILE, "--data", tmp_path, "--port", 0, "--modbus-port", 0,
        "--scenario", day,
    )  # fmt: skip
    assert "A day in July (x60)" in await said(process, "scenario")
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0


async def test_a_door_that_the_cabinet_has_not_is_named_and_exits_with_2(tmp_path: Path) -> None:
    wrong = tmp_path / "scenario.toml"
    day = (ROOT / "cabinets/scenarios/summer-day.toml").read_text(encoding="utf-8")
    wrong.write_text(day.replace('door = "A03"', 'door = "Z99"'), encoding="utf-8")
    process = await start("--config", CABINET_FILE, "--data", tmp_path, "--scenario", wrong)
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert "`visit.0.door`: no door 'Z99'" in errors.decode()
    assert re.search(r"scenario\.toml line \d+", errors.decode())
