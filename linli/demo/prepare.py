"""Brings a demo's data into being with the commands an operator would use: seed, make the key, pair."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from cloud.access.seeded import SeedAccess
from common.kit.config import load_toml
from common.kit.errors import ConfigError
from device_sim.config import CabinetConfig
from edge.config import StationConfig
from linli.demo.ports import Ports
from linli.demo.processes import run_once
from linli.demo.station_file import station_toml


@dataclass(frozen=True, slots=True)
class Site:
    """Where everything of one demo lies."""

    root: Path
    ports: Ports
    cabinet_file: Path
    station_file: Path
    tls: bool = False
    """The station reaches the hub by TLS."""

    @property
    def hub(self) -> Path:
        """Return the hub's data folder."""
        return self.root / "hub"

    @property
    def station(self) -> Path:
        """Return the station's data folder."""
        return self.root / "station"

    @property
    def simulator(self) -> Path:
        """Return the simulator's data folder, with the links to its ptys and its witness log."""
        return self.root / "sim"

    def environment(self) -> dict[str, str]:
        """Return the children's environment: ours, without settings meant for something else."""
        return {
            name: value for name, value in os.environ.items() if not name.startswith("LINLI_")
        } | {"PYTHONUNBUFFERED": "1"}

    def station_environment(self) -> dict[str, str]:
        """Return the environment of the daemon: a station.toml of somebody's own is run on this demo's ports, too."""
        hub = f"https://127.0.0.1:{self.ports.gateway}" if self.tls else None
        return self.environment() | {
            "LINLI_HUB__URL": hub or f"http://127.0.0.1:{self.ports.hub}",
            "LINLI_SCREEN__KIOSK_PORT": str(self.ports.kiosk),
            "LINLI_SCREEN__KEEPER_PORT": str(self.ports.keeper),
        }

    def hub_environment(self) -> dict[str, str]:
        """Return the environment of the hub and of commands about it: with its TLS port if there is one."""
        if not self.tls:
            return self.environment()
        port = str(self.ports.gateway)
        return self.environment() | {"LINLI_GATEWAY__TLS": "true", "LINLI_GATEWAY__PORT": port}


async def prepare(site: Site, cabinet: CabinetConfig, *, own_station_file: bool) -> SeedAccess:
    """Seed the hub and pair the station, once; return who may get in where."""
    site.root.mkdir(parents=True, exist_ok=True)
    environment = site.environment()
    seeded = await run_once(
        "hub", "seed", "--data", str(site.hub), "--print-access", environment=environment
    )
    access = SeedAccess(**json.loads(seeded.strip().splitlines()[-1]))
    needed = ("secrets.json", "hub-ca.pem") if site.tls else ("secrets.json",)
    if not all((site.station / name).exists() for name in needed):
        await _pair(site, access.station_id, environment)
    if not own_station_file:
        text = station_toml(
            cabinet, station_id=access.station_id, ports=site.ports, ptys=site.simulator,
            tls=site.tls,
        )  # fmt: skip
        site.station_file.write_text(text, encoding="utf-8")
    return access


def require_station(site: Site, station_id: str) -> None:
    """ConfigError when the settings are another station's than the one that the demo's hub knows."""
    settings = load_toml(StationConfig, site.station_file, site.station_environment())
    if settings.station.id != station_id:
        said = (
            f"{site.station_file} is of station {settings.station.id}, this demo's hub knows {station_id}:"
            f" linli provision config --station-id {station_id}"
        )
        raise ConfigError("demo.other_station", said)


async def _pair(site: Site, station_id: str, environment: dict[str, str]) -> None:
    said = await run_once(
        *("edge", "init", "--data", str(site.station), "--station-id", station_id),
        environment=environment,
    )
    key = said.strip().split()[-1]
    parcel = site.root / "pairing.json"
    await run_once(
        *("hub", "pair", "--data", str(site.hub), "--station-id", station_id),
        *("--public-key", key, "--out", str(parcel)),
        environment=site.hub_environment(),
    )
    await run_once(
        *("edge", "init", "--data", str(site.station), "--accept", str(parcel)),
        environment=environment,
    )
    parcel.unlink()
