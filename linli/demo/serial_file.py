"""The sections of `station.toml` that fit the serial devices of a cabinet file."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from device_sim.config import CabinetConfig
from device_sim.serial_config import SerialSection
from firmware_protocols.gm65 import SCANNERS


def serial_sections(
    cabinet: CabinetConfig, ptys: Path
) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield header and keys of each; `ptys` is the folder with a link per device."""
    for one in cabinet.serial:
        yield (
            f"[{_section(one)}]",
            {"kind": one.kind, "port": str(ptys / one.name), "baud": one.baud},
        )


def _section(one: SerialSection) -> str:
    assert one.kind in SCANNERS
    return "scanner"
