"""Looks at a station before it opens: one finding a line, each with what to do. Reads only; no relay is touched."""

import asyncio
import os
import socket
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from common.contract.words import Quality
from common.kit.clock import Clock
from common.kit.disk import MIB, FolderSpace
from common.kit.errors import LinliError
from common.kit.identity import StationSecrets
from edge.access.pairing import SECRETS_FILE
from edge.config import StationConfig
from edge.data_folder import CA_FILE, lock
from edge.device_check import device_findings
from edge.findings import Finding, Level
from edge.hardware.build import BusState, Hardware, build_hardware
from edge.hardware.inputs import BoardInput
from edge.hardware.line import is_tcp, open_line
from edge.hardware.peripherals import look_at
from edge.hardware.serial_hints import hints
from edge.hardware.twins import TWIN_REMEDY
from firmware_protocols.lock_boards import LOCK_BOARDS

__all__ = ["Finding", "Level", "check_station", "hub_finding"]
OPEN_WITHIN_S = 3.0  # a serial adapter answers at once, a gateway within a second


async def check_station(config: StationConfig, data: Path, clock: Clock) -> list[Finding]:
    """Return every finding; a running daemon keeps the ports, so then the boards are not asked."""
    findings = [
        Finding(
            Level.OK,
            f"settings: {len(config.compartment)} compartments on {len(config.bus)} bus(es)",
        )
    ]
    findings += _secrets(config, data)
    findings.append(hub_finding(config, data, clock))
    try:
        held = lock(data)
    except LinliError as error:
        return [*findings, Finding(Level.AWAY, f"data: {error.detail}; its boards are not asked")]
    except OSError as error:
        advice = "give a folder that this user may write with --data"
        return [*findings, Finding(Level.USAGE, f"data: {data}: {error.strerror}; {advice}")]
    with held:
        findings.append(Finding(Level.OK, f"data: {data} is writable"))
        findings.append(_disk(config, data))
        findings += _pages(config)
        findings += await _boards(config)
        findings += [
            Finding(Level.OK if one.sound else Level.WRONG if one.up else Level.AWAY, one.text)
            for one in await look_at(config, open_line)
        ]
    return findings


def _disk(config: StationConfig, data: Path) -> Finding:
    space, part = FolderSpace(data), config.disk
    free_mib = space.free_bytes() // MIB
    if space.is_readonly():  # only root gets here: the lock is a file already
        return Finding(
            Level.AWAY, f"disk: {data} is read-only: no door can be opened; check the disk"
        )
    if free_mib < part.low_mib:
        return Finding(Level.WRONG, f"disk: {free_mib} MiB free; make room, see disk.low_mib")
    return Finding(Level.OK, f"disk: {free_mib} MiB free")


def _secrets(config: StationConfig, data: Path) -> Iterator[Finding]:
    path = data / SECRETS_FILE
    try:
        secrets = StationSecrets.load(path)
    except LinliError as error:
        yield Finding(Level.USAGE, f"secrets: {error.detail} (linli edge init)")
        return
    except OSError as error:
        yield Finding(Level.USAGE, f"secrets: {path}: {error.strerror}")
        return
    if secrets.station_id != config.station.id:
        said = f"secrets: {path} is of station {secrets.station_id}, the settings say {config.station.id}"
        yield Finding(Level.USAGE, said)
    elif stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield Finding(Level.USAGE, f"secrets: others may read {path}: chmod 600 {path}")
    else:
        yield Finding(Level.OK, "secrets: paired with the hub")


def hub_finding(config: StationConfig, data: Path, clock: Clock) -> Finding:
    """Say how the hub is reached; it is not asked: a station must open without it."""
    url = config.hub.url
    if not url.startswith("https:"):
        return Finding(Level.OK, f"hub: {url}, without TLS")
    if not (data / CA_FILE).exists():
        said = f"hub: {url}, believed by the authorities of this machine (linli edge trust pins its own)"
        return Finding(Level.OK, said)
    from common.kit.certificates import fingerprint
    from edge.sync.certificate import Papers, days_left

    try:
        papers = Papers.load(data, StationSecrets.load(data / SECRETS_FILE))
    except LinliError as error:
        return Finding(Level.USAGE, f"hub: {error.detail}")
    pinned, held = f"hub: {url}, pinned authority {fingerprint(papers.authority)}", papers.held()
    if held is None:
        return Finding(Level.OK, f"{pinned}; no certificate yet: it comes with the first contact")
    left = days_left(held, clock.wall())
    if left < 0:
        said = (
            f"{pinned}; the certificate ended {-left} day(s) ago and is renewed at the next contact"
        )
        return Finding(Level.OK, said)
    return Finding(Level.OK, f"{pinned}; certificate until {held.until:%Y-%m-%d}, {left} days left")


def _pages(config: StationConfig) -> Iterator[Finding]:
    screen = config.screen
    for name, host, port in (
        ("kiosk", "127.0.0.1", screen.kiosk_port),
        ("keeper", screen.keeper_host, screen.keeper_port),
    ):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                text = f"{name} page: port {port} on {host}: {os.strerror(error.errno or 0)}"
                yield Finding(Level.AWAY, f"{text}; stop what holds it or set screen.{name}_port")
            else:
                yield Finding(Level.OK, f"{name} page: port {port} is free")


async def _boards(config: StationConfig) -> list[Finding]:
    hardware = build_hardware(config, open_line)
    task = asyncio.create_task(hardware.run())
    try:
        doors = await _read_doors(hardware)
        goods = await hardware.door_bus.read_goods()
        inputs = {one: await one.read() for one in (*hardware.flaps, *hardware.fills)}
        readings = {probe.zone: await probe.read() for probe in hardware.probes}
        devices = {one.name: await one.read() for one in hardware.instruments}
        buses = hardware.bus_state
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    up = {name: state.up for name, state in buses.items()}
    findings = [
        Finding(Level.OK if state.up else Level.AWAY, _named(name, state.detail))
        for name, state in buses.items()
    ]
    findings += bus_findings(config, buses)
    findings += _door_findings(config, doors, up)
    findings += [_input_finding(one, now, one in hardware.flaps) for one, now in inputs.items()]
    if lying := [label for label, there in goods.items() if there]:
        findings.append(Finding(Level.OK, f"goods sensors: something lies in {', '.join(lying)}"))
    for zone in config.zone:
        if not up[zone.probe_bus]:
            continue
        reading, place = readings[zone.name], f"probe {zone.name} (unit {zone.probe_unit})"
        if reading.quality is Quality.GOOD:
            findings.append(Finding(Level.OK, f"{place}: {reading.temperature_c} °C"))
        else:
            advice = "check its power, wiring and address"
            findings.append(Finding(Level.WRONG, f"{place}: {reading.quality.value}; {advice}"))
    findings += device_findings(config, devices, up)
    return findings


def _input_finding(one: BoardInput, now: bool | None, is_flap: bool) -> Finding:
    name, words = ("flap", ("shut", "open")) if is_flap else ("fill level", ("not full", "full"))
    if now is None:
        said = "cannot be told; check power, wiring and address of its board"
        return Finding(Level.WRONG, f"{name} {one.name}: {said}")
    return Finding(Level.OK, f"{name} {one.name}: {words[now]}")


def bus_findings(config: StationConfig, buses: Mapping[str, BusState]) -> Iterator[Finding]:
    """Say what a technician should know of the lines: names that do not last, slow adapters, twins, figures."""
    for section in config.bus:
        state = buses[section.name]
        for hint in () if is_tcp(section.port) else hints(section.port):
            yield Finding(Level.OK, _named(section.name, hint))
        for unit in state.twins:
            said = f"two boards answer as unit {unit}; {TWIN_REMEDY}"
            yield Finding(Level.WRONG, _named(section.name, said))
        for line in state.figures if state.up else ():
            yield Finding(Level.OK, _named(section.name, line))


def _named(bus: str, detail: str) -> str:
    return detail if detail.startswith("bus ") else f"bus {bus}: {detail}"


async def _read_doors(hardware: Hardware) -> Mapping[str, bool | None]:
    """Read until every bus is open or the time is over."""
    doors: Mapping[str, bool | None] = {}
    try:
        async with asyncio.timeout(OPEN_WITHIN_S):
            while True:
                doors = await hardware.door_bus.read_doors()
                if all(state.up for state in hardware.bus_state.values()):
                    return doors
                await asyncio.sleep(0.1)
    except TimeoutError:
        return doors


def _door_findings(
    config: StationConfig, doors: Mapping[str, bool | None], up: Mapping[str, bool]
) -> Iterator[Finding]:
    boards = {(p.bus, p.unit): p.board_kind for p in config.compartment if up[p.bus]}
    sensors = {(p.bus, p.sensed_by[0]): p.sensed_by[1] for p in config.compartment if up[p.bus]}
    for (bus, unit), kind in sorted({**boards, **sensors}.items()):
        name = f"{kind} unit {unit} on bus {bus}"
        if doubt := LOCK_BOARDS[kind].doubt:
            said = f"experimental, not sure is {doubt}: try every door by hand before use"
            yield Finding(Level.OK, f"{name}: {said}")
        if (bus, unit) in sensors:
            yield _sensed(name, _labels(config, bus, unit), doors)
        else:
            yield Finding(Level.OK, f"{name}: has no door inputs, so it is not asked")


def _labels(config: StationConfig, bus: str, unit: int) -> list[str]:
    return [p.label for p in config.compartment if (p.bus, p.sensed_by[0]) == (bus, unit)]


def _sensed(name: str, labels: list[str], doors: Mapping[str, bool | None]) -> Finding:
    missing = [label for label in labels if doors.get(label) is None]
    if len(missing) == len(labels):
        advice = "check power, wiring, address and board_kind"
        return Finding(Level.WRONG, f"{name} does not answer; {advice}")
    if missing:
        advice = "check the wires of their contacts"
        return Finding(Level.WRONG, f"{name} cannot tell {', '.join(missing)}; {advice}")
    standing = [label for label in labels if doors[label]]
    said = f", open: {', '.join(standing)}" if standing else ", all shut"
    return Finding(Level.OK, f"{name}: {len(labels)} doors{said}")
