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
from common.kit.said import Said
from edge.access.pairing import SECRETS_FILE
from edge.camera_check import camera_findings
from edge.config import StationConfig
from edge.data_folder import lock
from edge.device_check import device_findings
from edge.findings import Finding, Level, found
from edge.hardware.build import BusState, Hardware, build_hardware
from edge.hardware.inputs import BoardInput
from edge.hardware.line import is_tcp, open_line
from edge.hardware.peripherals import look_at
from edge.hardware.ports import DeviceState, ProbeReading
from edge.hardware.serial_hints import hints
from edge.hardware.twins import TWIN_REMEDY
from edge.hub_check import hub_finding
from firmware_protocols.lock_boards import LOCK_BOARDS

__all__ = ["Finding", "Level", "check_station", "hub_finding"]
OPEN_WITHIN_S = 3.0  # a serial adapter answers at once, a gateway within a second


async def check_station(config: StationConfig, data: Path, clock: Clock) -> list[Finding]:
    """Return every finding; a running daemon keeps the ports, so then the boards are not asked."""
    findings = [
        found(
            Level.OK, "settings.read", "settings: %(compartments)s compartments on %(buses)s bus(es)",
            compartments=len(config.compartment), buses=len(config.bus),
        )
    ]  # fmt: skip
    findings += _secrets(config, data)
    findings.append(hub_finding(config, data, clock))
    findings += await camera_findings(config)
    try:
        held = lock(data)
    except LinliError as error:
        text = "data: %(detail)s; its boards are not asked"
        return [*findings, found(Level.AWAY, "data.held", text, detail=error.detail)]
    except OSError as error:
        text = "data: %(path)s: %(cause)s; give a folder that this user may write with --data"
        cause = error.strerror or str(error)
        return [
            *findings, found(Level.USAGE, "data.unwritable", text, path=str(data), cause=cause)
        ]  # fmt: skip
    with held:
        findings.append(
            found(Level.OK, "data.writable", "data: %(path)s is writable", path=str(data))
        )
        findings.append(_disk(config, data))
        findings += _pages(config)
        findings += await _boards(config)
        findings += [_own_port(one) for one in await look_at(config, open_line)]
    return findings


def _own_port(state: DeviceState) -> Finding:
    if state.sound:
        return found(Level.OK, "own_port.sound", "%(said)s", said=state.text)
    if state.up:
        return found(Level.WRONG, "own_port.unsound", "%(said)s", said=state.text)
    return found(Level.AWAY, "own_port.away", "%(said)s", said=state.text)


def _disk(config: StationConfig, data: Path) -> Finding:
    space, part = FolderSpace(data), config.disk
    free_mib = space.free_bytes() // MIB
    if space.is_readonly():  # only root gets here: the lock is a file already
        text = "disk: %(path)s is read-only: no door can be opened; check the disk"
        return found(Level.AWAY, "disk.readonly", text, path=str(data))
    if free_mib < part.low_mib:
        text = "disk: %(free_mib)s MiB free; make room, see disk.low_mib"
        return found(Level.WRONG, "disk.low", text, free_mib=free_mib)
    return found(Level.OK, "disk.free", "disk: %(free_mib)s MiB free", free_mib=free_mib)


def _secrets(config: StationConfig, data: Path) -> Iterator[Finding]:
    path = data / SECRETS_FILE
    try:
        secrets = StationSecrets.load(path)
    except LinliError as error:
        text = "secrets: %(detail)s (linli edge init)"
        yield found(Level.USAGE, "secrets.unusable", text, detail=error.detail)
        return
    except OSError as error:
        text, cause = "secrets: %(path)s: %(cause)s", error.strerror or str(error)
        yield found(Level.USAGE, "secrets.unusable", text, path=str(path), cause=cause)
        return
    if secrets.station_id != config.station.id:
        yield found(
            Level.USAGE,
            "secrets.foreign",
            "secrets: %(path)s is of station %(owner)s, the settings say %(station)s",
            path=str(path),
            owner=secrets.station_id,
            station=config.station.id,
        )
    elif stat.S_IMODE(path.stat().st_mode) & 0o077:
        text = "secrets: others may read %(path)s: chmod 600 %(path)s"
        yield found(Level.USAGE, "secrets.readable", text, path=str(path))
    else:
        yield found(Level.OK, "secrets.paired", "secrets: paired with the hub")


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
                yield found(
                    Level.AWAY,
                    "page.taken",
                    "%(name)s page: port %(port)s on %(host)s: %(cause)s;"
                    " stop what holds it or set screen.%(name)s_port",
                    name=name,
                    port=port,
                    host=host,
                    cause=os.strerror(error.errno or 0),
                )
            else:
                text = "%(name)s page: port %(port)s is free"
                yield found(Level.OK, "page.free", text, name=name, port=port)


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
    findings = [_bus_finding(name, state) for name, state in buses.items()]
    findings += bus_findings(config, buses)
    findings += _door_findings(config, doors, up)
    findings += [_input_finding(one, now, one in hardware.flaps) for one, now in inputs.items()]
    if lying := [label for label, there in goods.items() if there]:
        text = "goods sensors: something lies in %(doors)s"
        findings.append(found(Level.OK, "goods.lying", text, doors=", ".join(lying)))
    findings += _probe_findings(config, readings, up)
    findings += device_findings(config, devices, up)
    return findings


def _probe_findings(
    config: StationConfig, readings: Mapping[str, ProbeReading], up: Mapping[str, bool]
) -> Iterator[Finding]:
    for zone in config.zone:
        if not up[zone.probe_bus]:
            continue
        reading, unit = readings[zone.name], zone.probe_unit
        if reading.quality is Quality.GOOD and reading.temperature_c is not None:
            text, warm_c = "probe %(zone)s (unit %(unit)s): %(warm_c)s °C", reading.temperature_c
            yield found(
                Level.OK, "probe.good", text, zone=zone.name, unit=unit, warm_c=warm_c
            )  # fmt: skip
        else:
            text = (
                "probe %(zone)s (unit %(unit)s): %(quality)s; check its power, wiring and address"
            )
            quality = reading.quality.value
            yield found(
                Level.WRONG, "probe.bad", text, zone=zone.name, unit=unit, quality=quality
            )  # fmt: skip


def _input_finding(one: BoardInput, now: bool | None, is_flap: bool) -> Finding:
    what, words = ("flap", ("shut", "open")) if is_flap else ("fill level", ("not full", "full"))
    if now is None:
        text = "%(what)s %(name)s: cannot be told; check power, wiring and address of its board"
        return found(Level.WRONG, "input.unknown", text, what=what, name=one.name)
    text = "%(what)s %(name)s: %(state)s"
    return found(Level.OK, "input.said", text, what=what, name=one.name, state=words[now])


def _bus_finding(name: str, state: BusState) -> Finding:
    if state.up:
        return _on_bus(Level.OK, "bus.up", name, state.detail)
    return _on_bus(Level.AWAY, "bus.away", name, state.detail)


def bus_findings(config: StationConfig, buses: Mapping[str, BusState]) -> Iterator[Finding]:
    """Say what a technician should know of the lines: names that do not last, slow adapters, twins, figures."""
    for section in config.bus:
        name, state = section.name, buses[section.name]
        for hint in () if is_tcp(section.port) else hints(section.port):
            yield _on_bus(Level.OK, "bus.hint", name, hint)
        for unit in state.twins:
            text = "two boards answer as unit %(unit)s; %(remedy)s"
            said = Said(text, unit=unit, remedy=TWIN_REMEDY)
            yield _on_bus(Level.WRONG, "bus.twins", name, said)
        for line in state.figures if state.up else ():
            yield _on_bus(Level.OK, "bus.figures", name, line)


def _on_bus(level: Level, key: str, bus: str, said: str) -> Finding:
    if said.startswith("bus "):
        return found(level, key, "%(said)s", said=said)
    return found(level, key, "bus %(bus)s: %(said)s", bus=bus, said=said)


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
        name = Said("%(kind)s unit %(unit)s on bus %(bus)s", kind=kind, unit=unit, bus=bus)
        if doubt := LOCK_BOARDS[kind].doubt:
            text = (
                "%(board)s: experimental, not sure is %(doubt)s: try every door by hand before use"
            )
            yield found(Level.OK, "board.doubt", text, board=name, doubt=doubt)
        if (bus, unit) in sensors:
            yield _sensed(name, _labels(config, bus, unit), doors)
        else:
            text = "%(board)s: has no door inputs, so it is not asked"
            yield found(Level.OK, "board.no_inputs", text, board=name)


def _labels(config: StationConfig, bus: str, unit: int) -> list[str]:
    return [p.label for p in config.compartment if (p.bus, p.sensed_by[0]) == (bus, unit)]


def _sensed(name: Said, labels: list[str], doors: Mapping[str, bool | None]) -> Finding:
    missing = [label for label in labels if doors.get(label) is None]
    if len(missing) == len(labels):
        text = "%(board)s does not answer; check power, wiring, address and board_kind"
        return found(Level.WRONG, "board.silent", text, board=name)
    if missing:
        text = "%(board)s cannot tell %(doors)s; check the wires of their contacts"
        return found(Level.WRONG, "board.partly", text, board=name, doors=", ".join(missing))
    count, standing = len(labels), ", ".join(label for label in labels if doors[label])
    if not standing:
        text = "%(board)s: %(count)s doors, all shut"
        return found(Level.OK, "board.doors", text, board=name, count=count)
    text = "%(board)s: %(count)s doors, open: %(open)s"
    return found(Level.OK, "board.doors", text, board=name, count=count, open=standing)
