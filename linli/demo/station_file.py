"""Writes the `station.toml` that fits a cabinet file: same doors, same places, the pty of the simulator."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from common.kit.errors import ConfigError
from common.kit.toml_text import table
from device_sim.camera_server import STREAM
from device_sim.config import BoardSection, CabinetConfig
from edge.instruments import OWN_PROBE_DRIVERS, shipped
from edge.wiring import CompartmentSection, FlapSection
from firmware_protocols.lock_boards import LOCK_BOARDS
from linli.demo.ports import Ports
from linli.demo.serial_file import serial_sections
from provisioning.limits import LIMITS_C, temperature_class

_PULSE_MS = CompartmentSection.model_fields["pulse_ms"].default


def station_toml(
    cabinet: CabinetConfig, *, station_id: str, ports: Ports, ptys: Path, tls: bool = False
) -> str:
    """Return the file's text; `ptys` is the folder with one link per bus, `tls`: the hub's TLS port is used."""
    hub = f"https://127.0.0.1:{ports.gateway}" if tls else f"http://127.0.0.1:{ports.hub}"
    return "\n".join(
        [
            f"# Made by `linli demo` from the cabinet {cabinet.cabinet.id}.",
            *_table("[station]", id=station_id, cabinet=cabinet.cabinet.id),
            *_table(
                "[hub]",
                url=hub,
                poll_wait_s=20.0,
                backoff_max_s=5.0,
                heartbeat_s=15.0,
            ),
            *_buses(cabinet, ptys),
            *_zones(cabinet),
            *_compartments(cabinet),
            *_devices(cabinet),
            *(
                line
                for head, keys in serial_sections(cabinet, ptys)
                for line in _table(head, **keys)
            ),
            *_camera(cabinet, ports.camera),
            *_table(
                "[screen]",
                kiosk_port=ports.kiosk,
                keeper_port=ports.keeper,
                **cabinet.screen.model_dump(),
            ),
            "",
        ]
    )


def _table(header: str, **values: object) -> Iterator[str]:
    return table(header, values)


def _buses(cabinet: CabinetConfig, ptys: Path) -> Iterator[str]:
    for bus in cabinet.bus:
        yield from _table("[[bus]]", name=bus.name, port=str(ptys / bus.name), baud=bus.baud)


def _zones(cabinet: CabinetConfig) -> Iterator[str]:
    for zone in cabinet.zone:
        probe = _probe(cabinet, zone.name)
        kind = temperature_class(zone.set_point_c)
        low_c, high_c = LIMITS_C[kind]
        yield from _table(
            "[[zone]]",
            name=zone.name,
            name_zh=zone.name_zh,
            name_en=zone.name_en,
            temperature_class=kind.value,
            probe_bus=probe.bus,
            probe_unit=probe.unit,
            probe_kind=probe.kind,
            probe_channel=probe.hangs_in.index(zone.name),
            min_c=low_c,
            max_c=high_c,
        )


def _probe(cabinet: CabinetConfig, zone: str) -> BoardSection:
    """Return the first probe that hangs in a zone; ConfigError when there is none, or no driver for it."""
    drivers = " or ".join(repr(kind) for kind in OWN_PROBE_DRIVERS)
    hanging = [
        (n, one)
        for n, one in enumerate(cabinet.board)
        if zone in one.hangs_in and one.lock_kind is None and _measures(one, zone)
    ]
    index, found = next(iter(hanging), (0, None))
    if found is None:
        raise ConfigError(
            "demo.no_probe",
            f"zone {zone!r} has no probe: add a [[board]] with `zone` = {zone!r}, `kind` = {drivers}"
            " or a register profile that measures air",
        )
    if found.profile_kind is None and found.kind not in OWN_PROBE_DRIVERS:
        raise ConfigError(
            "demo.no_driver",
            f"`board.{index}.kind` = {found.kind!r}: the station has no driver for it; it has {drivers}",
        )
    return found


def _measures(board: BoardSection, zone: str) -> bool:
    """Tell whether a board has a probe there; a device on a profile need not."""
    kind = board.profile_kind
    return kind is None or board.hangs_in.index(zone) in shipped(kind).probes


def _devices(cabinet: CabinetConfig) -> Iterator[str]:
    """Name every controller, meter and scale; modules of probes are the zones' probes and no more."""
    for board in cabinet.board:
        if (kind := board.profile_kind) is None or shipped(kind).device.family == "probes":
            continue
        if shipped(kind).weight is not None:
            figures = {"capacity_g": board.capacity_g, "division_g": board.division_g}
            yield from _table("[scale]", kind=kind, bus=board.bus, unit=board.unit, **figures)
            continue
        zone = {"zone": board.hangs_in[0]} if board.hangs_in else {}
        name = f"{shipped(kind).device.family} {board.unit}"
        yield from _table(
            "[[device]]", name=name, kind=kind, bus=board.bus, unit=board.unit, **zone
        )


def _camera(cabinet: CabinetConfig, port: int) -> Iterator[str]:
    camera = cabinet.camera
    if camera is None:
        return
    name = f"{quote(camera.user, '')}:{quote(camera.password, '')}@" if camera.user else ""
    size = {"width_px": camera.width_px, "height_px": camera.height_px}
    yield from _table("[camera]", source=f"http://{name}127.0.0.1:{port}{STREAM}", **size)


def _compartments(cabinet: CabinetConfig) -> Iterator[str]:
    boards = {board.unit: board for board in cabinet.board}
    for door in cabinet.door:
        record = door.model_dump(exclude={"board", "sensor_board", "flap"}, exclude_none=True)
        record["unit"] = door.board
        record["board_kind"] = kind = boards[door.board].lock_kind
        if kind is not None and (step_ms := LOCK_BOARDS[kind].pulse.step_ms) > _PULSE_MS:
            record["pulse_ms"] = step_ms
        if door.sensor_board is not None:
            record["sensor_unit"] = door.sensor_board
            record["sensor_kind"] = boards[door.sensor_board].kind
        if door.flap:
            record = {
                key: value for key, value in record.items() if key in FlapSection.model_fields
            }
        head = "[[flap]]" if door.flap else "[[compartment]]"
        yield from _table(head, **record, bus=boards[door.board].bus)
    for fill in cabinet.fill:
        record = {"name": fill.name, "unit": fill.board, "channel": fill.channel}
        yield from _table("[[fill]]", **record, bus=boards[fill.board].bus)
