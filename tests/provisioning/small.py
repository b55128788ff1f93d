"""Small cabinets for quick tests, made like the files in cabinets/."""

from typing import Any

from device_sim.config import CabinetConfig

DOORS = 3


def small(kind: str = "waveshare_8ch_d", **changes: Any) -> CabinetConfig:
    """Return three doors on one board and, on the same or another line, two probes; channels are out of order."""
    own_line = not kind.startswith("waveshare")
    buses = [{"name": "bus0", "baud": 19200 if "kerong" in kind else 9600}]
    probes = "bus1" if own_line else "bus0"
    record: dict[str, Any] = {
        "cabinet": {"id": "small", "name_zh": "小柜", "name_en": "small"},
        "screen": {"column": 1, "row": 2},
        "bus": [*buses, *([{"name": "bus1"}] if own_line else [])],
        "zone": [
            {"name": "chilled", "name_zh": "冷藏", "name_en": "chilled", "set_point_c": 4.0},
            {"name": "ambient", "name_zh": "常温", "name_en": "ambient"},
        ],
        "board": [
            {"kind": kind, "bus": "bus0", "unit": 1},
            {"kind": "xy_md02", "bus": probes, "unit": 3, "zone": "ambient"},
            {"kind": "xy_md02", "bus": probes, "unit": 4, "zone": "chilled"},
        ],
        "door": [
            {
                "label": f"A{n:02d}", "board": 1, "channel": channel, "size": "M", "column": 0,
                "row": 2 * n, "height": 2, "zone": "chilled" if n == 1 else "ambient",
            }
            for n, channel in enumerate((2, 0, 1), start=1)
        ],
    }  # fmt: skip
    return CabinetConfig.model_validate(record | changes)


def drawing(config: CabinetConfig) -> str:
    """Return the maker's drawing of a cabinet: a layout.toml, without a word about boards."""
    from common.kit.toml_text import toml_text

    return toml_text(
        {
            "cabinet": {"id": config.cabinet.id},
            "screen": config.screen.model_dump(),
            "zone": [
                zone.model_dump(include={"name", "name_zh", "name_en", "set_point_c"})
                for zone in config.zone
            ],
            "door": [
                door.model_dump(
                    include={
                        "label", "zone", "size", "column", "row", "width", "height", "easy_reach",
                    }
                )
                for door in config.door
            ],
        }
    )  # fmt: skip
