"""The sections of `station.toml` that fit the serial devices of a cabinet file."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from device_sim.config import CabinetConfig
from device_sim.serial_config import SerialSection
from firmware_protocols.gm65 import SCANNERS
from firmware_protocols.weights import SCALES

_SECTIONS = {"rdm6300": "[card_reader]", "escpos": "[printer]"}


def serial_sections(
    cabinet: CabinetConfig, ptys: Path
) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield header and keys of each; `ptys` is the folder with a link per device."""
    for one in cabinet.serial:
        keys = {"port": str(ptys / one.name), "baud": one.baud}
        if one.kind in SCALES:
            yield "[scale]", {"kind": one.kind, **keys, **_of_a_scale(one)}
        elif one.kind in SCANNERS:
            yield "[scanner]", {"kind": one.kind, **keys}
        else:
            yield _SECTIONS[one.kind], keys


def _of_a_scale(one: SerialSection) -> Mapping[str, object]:
    return {
        "bits": 8,  # a pseudo-terminal has no other characters
        "parity": "none",
        "capacity_g": one.capacity_g,
        "division_g": one.division_g,
        "checksum": one.checksum,
    }
