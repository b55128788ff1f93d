"""The sections of `station.toml` that fit the serial devices of a cabinet file."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from device_sim.config import CabinetConfig
from device_sim.serial_config import SerialSection
from firmware_protocols.weights import SCALES


def serial_sections(
    cabinet: CabinetConfig, ptys: Path
) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield header and keys of each; `ptys` is the folder with a link per device."""
    for one in cabinet.serial:
        keys = {"kind": one.kind, "port": str(ptys / one.name), "baud": one.baud}
        if one.kind in SCALES:
            yield "[scale]", {**keys, **_of_a_scale(one)}
        else:
            yield "[scanner]", keys


def _of_a_scale(one: SerialSection) -> Mapping[str, object]:
    return {
        "capacity_g": one.capacity_g,
        "division_g": one.division_g,
        "checksum": one.checksum,
    }
