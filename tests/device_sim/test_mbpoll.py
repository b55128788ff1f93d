"""The `mbpoll` commands of the documentation, run as they stand there, against a running simulator."""

import asyncio
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.kit.chance import seeded_chance
from common.kit.clock import SystemClock
from common.kit.work import ThreadWork
from device_sim.app import Sim, SimPorts, build_sim
from device_sim.config import load
from firmware_protocols.modbus_pdu import signed
from tests.device_sim.cabinets import ROOT
from tests.parts import require

PAGE = (ROOT / "docs/hardware/simulator.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^mbpoll .*$", PAGE, re.MULTILINE)
_VALUE = re.compile(r"^\[(\d+)\]:\s+(\d+)", re.MULTILINE)


async def run(sim: Sim, command: str) -> str:
    """Run a command of the page against this simulator's port and link."""
    assert sim.tcp is not None
    words = shlex.split(command)
    words = [str(sim.tcp.port) if word == "5020" else word for word in words]
    words = [str(sim.serial[0].link) if word == ".demo/sim/bus0" else word for word in words]
    process = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


@pytest.fixture(autouse=True)
def mbpoll() -> None:
    require("mbpoll")


def test_the_page_has_both_ways() -> None:
    assert sum("-m tcp" in command for command in COMMANDS) == 2
    assert sum("-m rtu" in command for command in COMMANDS) == 2


@pytest.mark.parametrize("command", [one for one in COMMANDS if "-t 1" in one])
async def test_doors(sim: Sim, command: str) -> None:
    sim.cabinet.pull("A03")
    sim.cabinet.pull("B08")
    values = [int(value) for _, value in _VALUE.findall(await run(sim, command))]
    assert values == [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("command", [one for one in COMMANDS if "-t 3" in one])
async def test_temperatures(sim: Sim, command: str) -> None:
    values = [int(value) for _, value in _VALUE.findall(await run(sim, command))]
    assert values[0::2] == [pytest.approx(40, abs=1), pytest.approx(240, abs=1)]
    assert values[1::2] == [pytest.approx(700, abs=3), pytest.approx(600, abs=3)]


@pytest.fixture
def dongsi(tmp_path: Path) -> Iterator[Sim]:
    """Build the cabinet with the module, before the loop runs."""
    work = ThreadWork()
    ports = SimPorts(SystemClock(), seeded_chance("sim"), work)
    cabinet = load(ROOT / "cabinets/dongsi-5.toml", {})
    yield build_sim(ports, cabinet, tmp_path, port=0, modbus_port=0)
    work.close()


async def test_a_module_of_probes(dongsi: Sim) -> None:
    """The command of the page on the cabinet it names."""
    (command,) = re.findall(r"`(mbpoll [^`]*-a 11 [^`]*)`", PAGE)
    task = asyncio.create_task(dongsi.run())
    try:
        async with asyncio.timeout(5):
            await dongsi.ready.wait()
        link = next(one.link for one in dongsi.serial if one.link.name == "bus1")
        output = await run(dongsi, command.replace(".demo/sim/bus1", str(link)))
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    found = re.findall(r"^\[\d+\]:\s+0x([0-9A-F]{4})", output, re.MULTILINE)
    words = [int(word, 16) for word in found]
    assert signed(words[0]) == pytest.approx(-200, abs=3)
    assert words[1:3] == [pytest.approx(40, abs=3), pytest.approx(220, abs=3)]
    assert words[3:] == [0x8000] * 5


async def test_an_absent_unit_is_an_absent_unit(sim: Sim) -> None:
    command = COMMANDS[0].replace("-a 1,2", "-a 9 -o 0.3")
    with pytest.raises(AssertionError, match="timed out"):
        await run(sim, command)
