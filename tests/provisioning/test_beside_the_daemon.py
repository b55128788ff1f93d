"""The technician works while the station's own process runs: it lends its line, and serves as before afterwards."""

import asyncio
import fcntl
import os
import re
import subprocess
import sys
import termios
from pathlib import Path
from typing import Self

import pytest

from common.kit.identity import StationSecrets
from device_sim.app import Sim
from device_sim.iron_faults import SensorOffset
from linli.demo.ports import Ports
from linli.demo.station_file import station_toml
from provisioning.parts import DEVICES, ON_PORTS
from tests.parts import ROOT
from tests.provisioning.site import at_cabinet
from tests.provisioning.small import drawing, small
from tests.provisioning.technician import Technician
from tests.provisioning.test_equipment import SERIAL

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]
STATION = "01K0YANGGVANG0000000000003"
QUICK = ("calibration.steady_s=1", "screen.kiosk_port=0", "screen.keeper_port=0")


class Terminal:
    """`linli provision calibrate` on a pseudo-terminal, as a person sees it."""

    def __init__(self, data: Path) -> None:
        self.seen, self._from = "", 0
        ours, theirs = os.openpty()
        self._ours = ours
        command = (
            sys.executable,
            "-m",
            "linli",
            "provision",
            "calibrate",
            "--data",
            str(data),
            "--lang",
            "zh",
        )
        self._process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # Ctrl-C goes to it
        )  # fmt: skip
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nobody behind who waits: a thread would read the terminal for ever."""
        self._process.kill()
        self._process.wait()

    def type(self, line: str) -> None:
        self.press(line.encode() + b"\n")

    def press(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    async def until(self, words: str) -> None:
        """Wait until this is on the screen, behind what was waited for before."""
        async with asyncio.timeout(30):
            while (at := self.seen.find(words, self._from)) < 0:
                more = await self._more()
                assert more, self.seen
        self._from = at + len(words)

    async def end(self) -> int:
        async with asyncio.timeout(30):
            while await self._more():
                pass
        os.close(self._ours)
        return self._process.wait()

    async def _more(self) -> bool:
        try:
            data = await asyncio.to_thread(os.read, self._ours, 4096)
        except OSError:  # its other end is closed
            return False
        self.seen += data.decode(errors="replace")
        return bool(data)


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


def test_devices_are_tried_beside_a_running_daemon(tmp_path: Path) -> None:
    cabinet, station = small(serial=list(SERIAL)), tmp_path / "station.toml"
    made = station_toml(
        cabinet, station_id=STATION, ports=Ports.from_base(8800), ptys=tmp_path / "sim"
    )
    for port in ("kiosk_port", "keeper_port"):
        made = re.sub(rf"^{port} = \d+$", f"{port} = 0", made, flags=re.MULTILINE)
    station.write_text(made, "utf-8")

    async def body(technician: Technician, sim: Sim) -> None:
        StationSecrets(STATION, b"\1" * 32, b"\2" * 32, b"\3" * 16, b"\4" * 32).save(
            technician.data / "secrets.json"
        )
        daemon = await _daemon(station, technician.data)
        try:
            words = [word for part in DEVICES for word in ("--part", part.value)]
            words += ["--config", str(station), "--bench", sim.bench.url]
            assert await technician.run("test", *words) == 0, technician.errors
            for part in ON_PORTS:
                await _hears(daemon, f"device:{part.value} is lent".encode())
            await _hears(daemon, b"device:card_reader is back")
        finally:
            daemon.terminate()
            await daemon.wait()

    at_cabinet(tmp_path, cabinet, body)


def test_a_probe_is_calibrated_in_a_terminal_beside_a_running_daemon(tmp_path: Path) -> None:
    """In Chinese, interrupted by Ctrl-C first; a daemon that starts again goes on with the offset."""
    station = tmp_path / "station.toml"
    layout = tmp_path / "layout.toml"
    layout.write_text(drawing(small()), "utf-8")

    async def body(technician: Technician, sim: Sim) -> None:
        StationSecrets(STATION, b"\1" * 32, b"\2" * 32, b"\3" * 16, b"\4" * 32).save(
            technician.data / "secrets.json"
        )
        sim.cabinet.lay(SensorOffset(kind="sensor_offset", target=3, offset_k=-0.9))
        link = str(sim.serial[0].link)
        assert await technician.run("calibrate", "--list") == 3
        assert "systemctl start linli-edge" in technician.errors
        assert await technician.run("scan", "--port", link, "--units", "1-5") == 0
        assert await technician.run("learn", "--cabinet", str(layout)) == 0
        also = [word for one in (*QUICK, "hub.url=http://127.0.0.1:9") for word in ("--set", one)]
        assert await technician.run("config", "--out", str(station), *also) == 0
        daemon = await _daemon(station, technician.data)
        try:
            with Terminal(technician.data) as terminal:
                await terminal.until("序号或名称")
                terminal.type("bus0/3")
                await terminal.until("显示多少")
                terminal.press(b"\x03")
                assert await terminal.end() == 130
            with Terminal(technician.data) as terminal:
                await terminal.until("从未校准")
                for wait_for, answer in (
                    ("序号或名称", "bus0/3"), ("显示多少", "22.0"), ("什么标准器", "冰水"),
                    ("有效期至", ""), ("姓名", "张敏"), ("写入吗", "y"), ("挂回", ""),
                ):  # fmt: skip
                    await terminal.until(wait_for)
                    terminal.type(answer)
                assert await terminal.end() == 0
                assert "已写入，记录号 1" in terminal.seen
        finally:
            daemon.terminate()
            await daemon.wait()
        daemon = await _daemon(station, technician.data)
        try:
            assert await technician.run("calibrate", "--list") == 0
            (probe,) = [one for one in technician.steps("probe") if one["probe"] == "bus0/3"]
            assert probe["by"] == "张敏"
        finally:
            daemon.terminate()
            await daemon.wait()

    at_cabinet(tmp_path, small(), body)
