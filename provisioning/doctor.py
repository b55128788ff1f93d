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
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from common.kit.clock import to_ms
from common.kit.errors import LinliError
from edge.check import check_station
from edge.config import StationConfig
from edge.findings import Finding, Level, found
from edge.hardware.line import is_tcp
from edge.peripherals import without_secrets
from provisioning.job import Job
from provisioning.lease import daemon_runs
from provisioning.ports import serial_ports
from provisioning.record import RECORD_FILE
from provisioning.station_file import load_settings

_LATENCY = "/sys/bus/usb-serial/devices/{name}/latency_timer"
_SYNCED = Path("/run/systemd/timesync/synchronized")
_MARKS = {Level.OK: "ok", Level.UNKNOWN: "??"}
_PACKAGES = (
    "linli",
    "pymodbus",
    "pyserial",
    "aiohttp",
    "pydantic",
    "cryptography",
    "opencv-python-headless",
)


async def doctor_step(job: Job, config: Path | None, bundle: Path | None) -> bool:
    """Look at everything, say it, pack it; False when something is wrong."""
    seen = [*machine(), *ports(None if config is None else _settings(config)), _clock()]
    seen += [one async for one in _station(job, config)]
    for one in seen:
        about = one.record if job.talk.as_json else {"what": one.text}
        mark = _MARKS.get(one.level, "!!")
        shown = mark if job.talk.as_json else f"{mark:<4}"
        job.talk.tell("finding", "%(mark)s %(what)s", ok=one.level is Level.OK, mark=shown, **about)
    if bundle is not None:
        pack(bundle, seen, job, config)
        job.talk.tell("packed", "%(path)s holds all of this, and no secret", path=str(bundle))
    wrong = sum(one.level.exit_code > 0 for one in seen)
    job.talk.tell("examined", "%(wrong)s thing(s) to mend", wrong=wrong)
    return not wrong


def machine() -> Iterator[Finding]:
    """Say what this computer is and whether its user may use serial ports."""
    kind = platform.machine()
    system = f"{platform.system()} {platform.release()} {kind}"
    text, python = "%(system)s, Python %(python)s", platform.python_version()
    yield found(Level.OK, "machine.seen", text, system=system, python=python)
    if kind not in ("x86_64", "aarch64"):
        text = "%(kind)s is not tried: take a 64-bit ARM or x86-64"
        yield found(Level.WRONG, "machine.unknown", text, kind=kind)


def ports(settings: StationConfig | None) -> Iterator[Finding]:
    """Look at every serial port, and at those that the settings name."""
    named = [] if settings is None else [b.port for b in settings.bus if not is_tcp(b.port)]
    there = serial_ports()
    if not there and not named:
        text = "no serial port: plug the adapter in; lsusb must show it"
        yield found(Level.WRONG, "port.none", text)
    for port in dict.fromkeys([*named, *there]):
        yield _port(Path(port))
        if (slow := _latency(Path(port))) is not None:
            yield slow
    for port in named:
        if port.startswith("/dev/tty") and any(one.startswith("/dev/serial/") for one in there):
            text = (
                "%(port)s: name it by /dev/serial/by-id/…:"
                " the number may change when it is plugged in again"
            )
            yield found(Level.WRONG, "port.numbered", text, port=port)


def _port(port: Path) -> Finding:
    if not port.exists():
        text = "%(port)s is not there: plug the adapter in, or correct `port`"
        return found(Level.WRONG, "port.missing", text, port=str(port))
    if os.access(port, os.R_OK | os.W_OK):
        return found(Level.OK, "port.usable", "%(port)s may be used", port=str(port))
    text = "%(port)s may not be opened: sudo usermod -aG %(group)s $USER, then log in again"
    return found(Level.WRONG, "port.forbidden", text, port=str(port), group=_group(port))


def _group(port: Path) -> str:
    try:
        return grp.getgrgid(port.stat().st_gid).gr_name
    except KeyError:
        return "dialout"


def _latency(port: Path) -> Finding | None:
    """An FTDI adapter hands bytes over every 16 ms unless told otherwise."""
    try:
        waits_ms = int(Path(_LATENCY.format(name=port.resolve().name)).read_text())
    except (OSError, ValueError):
        return None
    if waits_ms <= 1:
        text = "%(port)s: latency timer %(waits_ms)s ms"
        return found(Level.OK, "port.quick", text, port=str(port), waits_ms=waits_ms)
    rule = 'ACTION=="add", SUBSYSTEM=="usb-serial", DRIVER=="ftdi_sio", ATTR{latency_timer}="1"'
    text = "%(port)s: latency timer %(waits_ms)s ms makes every answer late; udev rule: %(rule)s"
    return found(Level.WRONG, "port.slow", text, port=str(port), waits_ms=waits_ms, rule=rule)


def _clock() -> Finding:
    if _SYNCED.exists():
        return found(Level.OK, "clock.synced", "the clock is set by the network")
    return found(
        Level.UNKNOWN,
        "clock.unknown",
        "not known whether the clock is set by the network"
        " (timedatectl set-ntp true; without it the station believes its hub alone)",
    )


async def _station(job: Job, config: Path | None) -> AsyncIterator[Finding]:
    if daemon_runs(job.data):
        yield found(Level.OK, "daemon.runs", "the station daemon runs")
    else:
        yield found(Level.OK, "daemon.stopped", "no station daemon runs here")
    if config is None:
        text = "settings are not looked at: give --config"
        yield found(Level.OK, "settings.not_given", text)
        return
    try:
        settings = load_settings(config)
    except LinliError as error:
        yield found(Level.USAGE, "settings.wrong", "settings: %(detail)s", detail=error.detail)
        return
    for one in await check_station(settings, job.data, job.clock):
        held = one.key == "data.held" and daemon_runs(job.data)
        yield replace(one, level=Level.OK) if held else one


def _settings(config: Path) -> StationConfig | None:
    try:
        return load_settings(config)
    except LinliError:
        return None  # said with the station's findings


def pack(bundle: Path, seen: list[Finding], job: Job, config: Path | None) -> None:
    """Write findings, settings, record and versions; keys, databases, pictures and a camera's password stay."""
    parts = {
        "findings.txt": "\n".join(f"{one.level.value:<7} {one.text}" for one in seen),
        "versions.json": json.dumps({name: _version(name) for name in _PACKAGES}, indent=1),
    }
    for path in (config, job.data / RECORD_FILE):
        if path is not None and path.exists():
            parts[path.name] = without_secrets(path.read_text(encoding="utf-8", errors="replace"))
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
