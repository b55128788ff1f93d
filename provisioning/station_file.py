"""Writes `station.toml` from what was learnt; what a person has set besides the wiring stays as it was."""

import difflib
import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from common.kit.clock import Clock
from common.kit.config import load_toml, mistakes
from common.kit.durable import naming, write_whole
from common.kit.errors import ConfigError, ConflictError, InvalidError
from common.kit.said import Said, listed
from common.kit.toml_text import toml_text
from edge.access.pairing import SECRETS_FILE
from edge.config import StationConfig
from firmware_protocols.lock_boards import LOCK_BOARDS
from provisioning.limits import LIMITS_C, temperature_class
from provisioning.record import (
    DrawnDoor,
    DrawnZone,
    LearntDevice,
    LearntDoor,
    LearntProbe,
    Record,
)

_PAIRING_FILES = (SECRETS_FILE, "pairing.json")


def station_record(
    record: Record, base: Mapping[str, Any], chosen: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the settings as plain values; InvalidError names what is still missing."""
    if missing := _missing(record):
        said = Said("not known yet: %(parts)s", parts=listed(missing))
        raise InvalidError("provision.not_learnt", said)
    if strange := _strange(record):
        text = "not what was learnt: %(boards)s. Scan again, or learn these doors anew"
        said = Said(text, boards=listed(strange))
        raise ConflictError("provision.other_board", said)
    zones = {zone["name"]: zone for zone in base.get("zone", ())}
    screen = dict(base.get("screen", {})) | record.drawing.screen.model_dump()
    made: dict[str, Any] = {
        **{key: value for key, value in base.items() if not isinstance(value, list)},
        "station": {"cabinet": record.drawing.cabinet.id} | dict(base.get("station", {})),
        "screen": screen,
        "bus": [_bus(record, bus.name) for bus in record.buses if _used(record, bus.name)],
        "zone": [
            _zone(zone, probe) | _tuned(zones.get(zone.name, {}))
            for zone in record.drawing.zone
            for probe in record.probes
            if probe.zone == zone.name
        ],
        "compartment": [
            _compartment(drawn, door)
            for drawn in record.drawing.door
            if not drawn.flap and (door := record.door(drawn.label)) is not None
        ],
    }
    flaps = [
        _wires(door) for one in record.drawing.door if one.flap and (door := record.door(one.label))
    ]
    made |= {"flap": flaps} if flaps else {}
    made |= _devices(record, base)
    made |= {key: value for key, value in base.items() if key not in made}
    for key, value in chosen.items():
        _put(made, key, value)
    # a new section stands where it will stand when this file is the base
    return {key: value for key, value in made.items() if not isinstance(value, list)} | made


def _devices(record: Record, base: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sections of controllers, meters and a scale on a bus; one with a port is a person's word and stays."""
    made: dict[str, Any] = {}
    tuned = {(one["bus"], one["unit"], one["kind"]): one for one in base.get("device", ())}
    for one in record.devices:
        said = one.model_dump(exclude_none=True)
        if one.capacity_g is None:
            rows = made.setdefault("device", [])
            rows.append(said | tuned.get((one.bus, one.unit, one.kind), {}))
        elif not (old := base.get("scale", {})).get("port"):
            del said["name"]
            is_same = all(old.get(key) == said[key] for key in ("kind", "bus", "unit"))
            made["scale"] = said | (old if is_same else {})
    return made


def checked_text(record: Mapping[str, Any], said: str) -> str:
    """Return the file's text; ConfigError when a station would not start with it."""
    text = f"# {said}\n{toml_text(record)}"
    try:
        StationConfig.model_validate(tomllib.loads(text))
    except ValidationError as error:
        wrong = mistakes(StationConfig, error)
        detail = Said("a station would not start so: %(wrong)s", wrong=wrong)
        raise ConfigError("provision.settings", detail) from error
    return text


def read_base(path: Path | None) -> dict[str, Any]:
    """Return what stands in a settings file that is there, without the environment; ConfigError for a wrong one."""
    if path is None or not path.exists():
        return {}
    load_toml(StationConfig, path, {})
    return tomllib.loads(path.read_text(encoding="utf-8"))


def put_in_place(path: Path, text: str, clock: Clock) -> Path | None:
    """Write the file whole; return where the old one was kept, None when there was none or it is the same."""
    kept = None
    with naming(path):
        if path.exists():
            old = path.read_bytes()
            if old == text.encode():
                return None
            kept = path.with_name(f"{path.name}.{clock.wall():%Y%m%dT%H%M%SZ}")
            write_whole(kept, old)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode())
    return kept


def difference(path: Path, text: str) -> list[str]:
    """Return what would change, as a unified diff without the first comment line."""
    old = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return list(
        difflib.unified_diff(_body(old), _body(text.splitlines()), str(path), "learnt", lineterm="")
    )


def station_id(data: Path) -> str | None:
    """Return the id of the station that this folder is paired, or being paired, as."""
    for name in _PAIRING_FILES:
        try:
            return str(json.loads((data / name).read_text())["station_id"])
        except FileNotFoundError:
            continue
        except (OSError, ValueError, KeyError, TypeError) as error:
            detail = Said(
                "%(path)s cannot be read: %(cause)s", path=str(data / name), cause=str(error)
            )
            raise ConfigError("secrets.damaged", detail) from error
    return None


def load_settings(path: Path) -> StationConfig:
    """Return the checked settings as the daemon would see them; ConfigError names line and key."""
    return load_toml(StationConfig, path, os.environ)


def _missing(record: Record) -> list[Said]:
    known = {probe.zone for probe in record.probes}
    zones = {door.zone for door in record.drawing.door} | {z.name for z in record.drawing.zone}
    doors = [door.label for door in record.drawing.door if record.door(door.label) is None]
    return [
        *([Said("every door")] if not record.drawing.door else []),
        *(Said("door %(label)s", label=label) for label in doors),
        *(Said("the probe of zone %(zone)s", zone=zone) for zone in sorted(zones - known)),
    ]


def _strange(record: Record) -> list[Said]:
    """Say which boards that doors were learnt on are not of the record's lines any more."""
    found = {(bus.name, unit.unit): unit.kind for bus in record.buses for unit in bus.units}
    wires = {
        (door.bus, unit, kind)
        for door in record.doors
        for unit, kind in ((door.unit, door.kind), (door.sensor_unit, door.sensor_kind))
    }
    return [
        Said(
            "%(bus)s/%(unit)s was a %(was)s and is %(now)s",
            bus=bus,
            unit=unit,
            was=kind,
            now=found.get((bus, unit)) or Said("not there"),
        )
        for bus, unit, kind in sorted(wires)
        if found.get((bus, unit)) != kind
    ]


def _used(record: Record, bus: str) -> bool:
    parts: Sequence[LearntDoor | LearntProbe | LearntDevice]
    parts = (*record.doors, *record.probes, *record.devices)
    return any(part.bus == bus for part in parts)


def _bus(record: Record, name: str) -> dict[str, Any]:
    bus = record.bus(name)
    assert bus is not None
    said: dict[str, Any] = {"name": bus.name, "port": bus.port, "baud": bus.baud}
    return said | ({"local_echo": True} if bus.local_echo else {})


def _zone(zone: DrawnZone, probe: LearntProbe) -> dict[str, Any]:
    kind = temperature_class(zone.set_point_c)
    low_c, high_c = LIMITS_C[kind]
    return {
        "name": zone.name, "name_zh": zone.name_zh, "name_en": zone.name_en,
        "temperature_class": kind.value, "probe_bus": probe.bus, "probe_unit": probe.unit,
        "probe_kind": probe.kind, "min_c": low_c, "max_c": high_c,
    } | ({"probe_channel": probe.channel} if probe.channel else {})  # fmt: skip


def _tuned(zone: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a person may have set at a zone; where its probe hangs was learnt."""
    return {key: value for key, value in zone.items() if not key.startswith("probe_")}


def _compartment(drawn: DrawnDoor, door: LearntDoor) -> dict[str, Any]:
    place: dict[str, Any] = {
        "zone": drawn.zone, "size": drawn.size,
        "column": drawn.column, "row": drawn.row, "width": drawn.width, "height": drawn.height,
    }  # fmt: skip
    return _wires(door) | place | ({"easy_reach": True} if drawn.easy_reach else {})


def _wires(door: LearntDoor) -> dict[str, Any]:
    said: dict[str, Any] = {
        "label": door.label, "bus": door.bus, "board_kind": door.kind, "unit": door.unit,
        "channel": door.channel,
    }  # fmt: skip
    if LOCK_BOARDS[door.kind].pulse.step_ms:
        said["pulse_ms"] = door.pulse_ms
    if (door.sensor_unit, door.sensor_kind) != (door.unit, door.kind):
        said |= {"sensor_unit": door.sensor_unit, "sensor_kind": door.sensor_kind}
    if door.sensor_channel != door.channel:
        said["sensor_channel"] = door.sensor_channel
    if door.open_level != 1:
        said["open_level"] = door.open_level
    return said


def _put(made: dict[str, Any], key: str, value: Any) -> None:
    """Set `section.key`; a section that does not exist yet is made."""
    section, _, name = key.partition(".")
    if not name or not isinstance(made.setdefault(section, {}), dict):
        said = Said("%(key)s is no section.key of station.toml", key=repr(key))
        raise InvalidError("provision.set", said)
    made[section] = dict(made[section]) | {name: value}


def _body(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if not line.startswith("#")]


def parse_choice(text: str) -> tuple[str, Any]:
    """Return key and value of `section.key=value`; a value that is no TOML is text. InvalidError."""
    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        said = Said("%(given)s: write --set section.key=value", given=repr(text))
        raise InvalidError("provision.set", said)
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()
