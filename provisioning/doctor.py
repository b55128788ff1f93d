"""The step `doctor`: what is wrong with this computer, its lines and its settings, and what to do; nothing moves.

`edge check` says what the station needs; this adds the machine beneath it, and packs all of it for whoever helps,
without a secret.
"""

import grp
import io
import json
import os
import platform
import tarfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from common.kit.clock import to_ms
from common.kit.errors import LinliError
from edge.check import Level, check_station
from edge.config import StationConfig
from edge.hardware.line import is_tcp
from provisioning.job import Job
from provisioning.lease import daemon_runs
from provisioning.ports import serial_ports
from provisioning.record import RECORD_FILE
from provisioning.station_file import load_settings

_LATENCY = "/sys/bus/usb-serial/devices/{name}/latency_timer"
_SYNCED = Path("/run/systemd/timesync/synchronized")
_PACKAGES = ("linli", "pymodbus", "pyserial", "aiohttp", "pydantic", "cryptography")


@dataclass(frozen=True, slots=True)
class Symptom:
    """One finding: `ok`, or what is wrong and what to do."""

    ok: bool
    what: str


async def doctor_step(job: Job, config: Path | None, bundle: Path | None) -> bool:
    """Look at everything, say it, pack it; False when something is wrong."""
    found = [*machine(), *ports(None if config is None else _settings(config)), _clock()]
    found += [symptom async for symptom in _station(job, config)]
    for one in found:
        job.talk.tell(
            "finding",
            "%(mark)s %(what)s",
            mark="ok  " if one.ok else "!!  ",
            ok=one.ok,
            what=one.what,
        )
    if bundle is not None:
        pack(bundle, found, job, config)
        job.talk.tell("packed", "%(path)s holds all of this, and no secret", path=str(bundle))
    wrong = sum(not one.ok for one in found)
    job.talk.tell("examined", "%(wrong)s thing(s) to mend", wrong=wrong)
    return not wrong


def machine() -> Iterator[Symptom]:
    """Say what this computer is and whether its user may use serial ports."""
    said = f"{platform.system()} {platform.release()} {platform.machine()}, Python {platform.python_version()}"
    yield Symptom(True, said)
    if platform.machine() not in ("x86_64", "aarch64"):
        yield Symptom(False, f"{platform.machine()} is not tried: take a 64-bit ARM or x86-64")


def ports(settings: StationConfig | None) -> Iterator[Symptom]:
    """Look at every serial port, and at those that the settings name."""
    named = [] if settings is None else [b.port for b in settings.bus if not is_tcp(b.port)]
    there = serial_ports()
    if not there and not named:
        yield Symptom(False, "no serial port: plug the adapter in; lsusb must show it")
    for port in dict.fromkeys([*named, *there]):
        yield _port(Path(port))
        if (slow := _latency(Path(port))) is not None:
            yield slow
    for port in named:
        if port.startswith("/dev/tty") and any(one.startswith("/dev/serial/") for one in there):
            advice = (
                "name it by /dev/serial/by-id/…: the number may change when it is plugged in again"
            )
            yield Symptom(False, f"{port}: {advice}")


def _port(port: Path) -> Symptom:
    if not port.exists():
        return Symptom(False, f"{port} is not there: plug the adapter in, or correct `port`")
    if os.access(port, os.R_OK | os.W_OK):
        return Symptom(True, f"{port} may be used")
    group = _group(port)
    return Symptom(
        False, f"{port} may not be opened: sudo usermod -aG {group} $USER, then log in again"
    )


def _group(port: Path) -> str:
    try:
        return grp.getgrgid(port.stat().st_gid).gr_name
    except KeyError:
        return "dialout"


def _latency(port: Path) -> Symptom | None:
    """An FTDI adapter hands bytes over every 16 ms unless told otherwise."""
    try:
        waits_ms = int(Path(_LATENCY.format(name=port.resolve().name)).read_text())
    except (OSError, ValueError):
        return None
    if waits_ms <= 1:
        return Symptom(True, f"{port}: latency timer {waits_ms} ms")
    rule = 'ACTION=="add", SUBSYSTEM=="usb-serial", DRIVER=="ftdi_sio", ATTR{latency_timer}="1"'
    return Symptom(
        False, f"{port}: latency timer {waits_ms} ms makes every answer late; udev rule: {rule}"
    )


def _clock() -> Symptom:
    if _SYNCED.exists():
        return Symptom(True, "the clock is set by the network")
    advice = "timedatectl set-ntp true; without it the station believes its hub alone"
    return Symptom(True, f"not known whether the clock is set by the network ({advice})")


async def _station(job: Job, config: Path | None) -> AsyncIterator[Symptom]:
    yield Symptom(
        True, "the station daemon runs" if daemon_runs(job.data) else "no station daemon runs here"
    )
    if config is None:
        yield Symptom(True, "settings are not looked at: give --config")
        return
    try:
        settings = load_settings(config)
    except LinliError as error:
        yield Symptom(False, error.detail)
        return
    for one in await check_station(settings, job.data, job.clock):
        running = one.level is Level.AWAY and daemon_runs(job.data) and "in use" in one.text
        yield Symptom(one.level is Level.OK or running, one.text)


def _settings(config: Path) -> StationConfig | None:
    try:
        return load_settings(config)
    except LinliError:
        return None  # said with the station's findings


def pack(bundle: Path, found: list[Symptom], job: Job, config: Path | None) -> None:
    """Write findings, settings, record and versions; the data folder's keys and databases stay where they are."""
    parts = {
        "findings.txt": "\n".join(f"{'ok' if one.ok else '!!'} {one.what}" for one in found),
        "versions.json": json.dumps({name: _version(name) for name in _PACKAGES}, indent=1),
    }
    for path in (config, job.data / RECORD_FILE):
        if path is not None and path.exists():
            parts[path.name] = path.read_text(encoding="utf-8", errors="replace")
    with tarfile.open(bundle, "w:gz") as out:
        for name, text in parts.items():
            data = text.encode()
            member = tarfile.TarInfo(f"linli-doctor/{name}")
            member.size, member.mtime = len(data), to_ms(job.clock.wall()) // 1000
            out.addfile(member, io.BytesIO(data))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "–"
