"""`linli bench footprint`: memory and start-up of the real daemon, its hub away.

The floor is the same interpreter with the daemon's libraries imported and nothing of ours.
"""

import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from common.kit.chance import system_chance
from common.kit.codes import new_code
from edge.access.pairing import SECRETS_FILE
from linli.bench.figures import Sheet, median
from linli.bench.station import bench_site, new_secrets
from linli.demo.ports import Ports
from linli.demo.stage import Stage
from linli.journey.forms import Browser
from linli.journey.kiosk import Resident

IDLE_GOAL_MIB = 60.0
PEAK_GOAL_MIB = 90.0
_SETTLE_S = 5.0
"""After the start: the first probes are sampled, the first look at every door is done."""
_CODES = 3
"""Wrong codes, each one Argon2id check; two more would lock the keypad."""
_KIB = 1024.0
_LIBRARIES = (
    "asyncio, sqlite3, aiohttp.web, pydantic, cryptography.hazmat.primitives.asymmetric.ed25519,"
    " jinja2, argon2, pymodbus.client"
)
_FLOOR = f"""
import sys, {_LIBRARIES}
class One(pydantic.BaseModel): number: int
sys.stdout.write(open("/proc/self/status").read())
"""


@dataclass(slots=True)
class Samples:
    """What each start of the daemon showed."""

    floor_mib: list[float] = field(default_factory=list)
    idle_mib: list[float] = field(default_factory=list)
    after_mib: list[float] = field(default_factory=list)
    peak_mib: list[float] = field(default_factory=list)
    first_page_s: list[float] = field(default_factory=list)
    start_cpu_s: list[float] = field(default_factory=list)


async def bench_footprint(starts: int, port_base: int) -> Sheet:
    """Start the daemon `starts` times; look at it idle, then while codes are checked at the kiosk."""
    ports = Ports.from_base(port_base)
    ports.require_free()
    samples = Samples()
    with tempfile.TemporaryDirectory(prefix="linli-bench-") as name:
        site = bench_site(Path(name), ports)
        new_secrets(system_chance()).save(site.station / SECRETS_FILE)
        stage = Stage(site)
        try:
            await stage.simulator.start()
            for _ in range(starts):
                samples.floor_mib.append(await _floor_mib())
                await _one(stage, samples)
        finally:
            await stage.stop()
    return _sheet(samples, starts)


async def _one(stage: Stage, samples: Samples) -> None:
    started_s = time.perf_counter()
    await stage.edge.start()
    async with aiohttp.ClientSession() as session:
        kiosk = Browser(session, stage.kiosk_url)
        await kiosk.load()
        samples.first_page_s.append(time.perf_counter() - started_s)
        process = stage.edge.process
        assert process is not None
        samples.start_cpu_s.append(_cpu_s(process.pid))
        await asyncio.sleep(_SETTLE_S)
        samples.idle_mib.append(_status_mib(process.pid)["VmRSS"])
        for _ in range(_CODES):
            await Resident(kiosk).type_code(new_code(system_chance()))
        samples.peak_mib.append(_status_mib(process.pid)["VmHWM"])
        samples.after_mib.append(_status_mib(process.pid)["VmRSS"])
    await stage.edge.stop()


async def _floor_mib() -> float:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _FLOOR, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    return memory_mib(said.decode())["VmRSS"]


def _status_mib(pid: int) -> dict[str, float]:
    return memory_mib(Path(f"/proc/{pid}/status").read_text())


def memory_mib(status: str) -> dict[str, float]:
    """Return the Vm… lines of a /proc/PID/status in MiB."""
    rows = (line.split() for line in status.splitlines() if line.startswith("Vm"))
    return {name.rstrip(":"): int(kib) / _KIB for name, kib, _ in rows}


def _cpu_s(pid: int) -> float:
    """Return user and system time of a process (fields 14 and 15 of /proc/PID/stat, 100 ticks a second)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _sheet(samples: Samples, starts: int) -> Sheet:
    sheet = Sheet("footprint", starts)
    sheet.add("rss_idle_mib", median(samples.idle_mib))
    sheet.add("rss_idle_worst_mib", max(samples.idle_mib))
    sheet.add("rss_peak_mib", max(samples.peak_mib))
    sheet.add("rss_after_codes_mib", median(samples.after_mib))
    sheet.add("rss_libraries_alone_mib", median(samples.floor_mib))
    sheet.add("idle_ratio_to_libraries", median(samples.idle_mib) / median(samples.floor_mib))
    sheet.add("first_page_s", median(samples.first_page_s))
    sheet.add("first_page_worst_s", max(samples.first_page_s))
    sheet.add("start_cpu_s", median(samples.start_cpu_s))
    sheet.goal("rss_idle_mib", IDLE_GOAL_MIB)
    sheet.goal("rss_peak_mib", PEAK_GOAL_MIB)
    return sheet
