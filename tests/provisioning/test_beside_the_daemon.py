"""The technician works while the station's own process runs: it lends its line, and serves as before afterwards."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from common.kit.identity import StationSecrets
from device_sim.app import Sim
from tests.parts import ROOT
from tests.provisioning.site import at_cabinet
from tests.provisioning.small import drawing, small
from tests.provisioning.technician import Technician

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]
STATION = "01K0YANGGVANG0000000000003"


async def _daemon(station: Path, data: Path) -> asyncio.subprocess.Process:
    env = {name: value for name, value in os.environ.items() if not name.startswith("LINLI_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "linli", "edge", "run", "--config", str(station), "--data", str(data),
        env=env | {"PYTHONUNBUFFERED": "1"}, cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(30):
        while b"keeper" not in (line := await process.stdout.readline()):
            assert line, "the daemon ended"
    return process


async def _hears(process: asyncio.subprocess.Process, words: bytes) -> None:
    assert process.stdout is not None
    async with asyncio.timeout(30):
        while words not in (line := await process.stdout.readline()):
            assert line, "the daemon ended"


def test_doors_are_tried_beside_a_running_daemon(tmp_path: Path) -> None:
    station = tmp_path / "station.toml"
    layout = tmp_path / "layout.toml"
    layout.write_text(drawing(small()), "utf-8")

    async def body(technician: Technician, sim: Sim) -> None:
        StationSecrets(STATION, b"\1" * 32, b"\2" * 32, b"\3" * 16, b"\4" * 32).save(
            technician.data / "secrets.json"
        )
        link = str(sim.serial[0].link)
        assert await technician.run("scan", "--port", link, "--units", "1-5") == 0
        assert await technician.run("learn", "--cabinet", str(layout)) == 0
        settings = ("screen.kiosk_port=0", "screen.keeper_port=0", "hub.url=http://127.0.0.1:9")
        also = [word for one in settings for word in ("--set", one)]
        assert await technician.run("config", "--out", str(station), *also) == 0
        daemon = await _daemon(station, technician.data)
        try:
            pulses = len(sim.cabinet.state().pulses)
            door = ("--door", "A01", "--cycles", "1")
            code = await technician.run("test", *door)
            assert technician.steps("door_tested"), technician.errors
            assert (code, len(sim.cabinet.state().pulses)) == (1, pulses + 1), "two were not tried"
            await _hears(daemon, b"is lent to a technician")
            await _hears(daemon, b"is back")
            sim.cabinet.pull(
                "A02"
            )  # the daemon watches again: a door that is open is no quiet moment
            assert await technician.run("scan", "--port", link, "--units", "1-2") == 0
        finally:
            daemon.terminate()
            await daemon.wait()

    at_cabinet(tmp_path, small(), body)
