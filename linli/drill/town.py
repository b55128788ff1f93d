"""The town of a drill: one simulator that runs throughout, and a prepared pair of databases copied for each case.

In the prepared data a neighbour's parcel already lies behind a door: it must stay there until its own code comes.
"""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from cloud.access.seeded import SeedAccess
from common.kit.work import Work
from device_sim.config import load as load_cabinet
from linli.demo.ports import Ports
from linli.demo.prepare import Site, prepare
from linli.demo.stage import Stage
from linli.demo.station_file import station_toml
from linli.journey.story import Bought, bring, buy, put_in

_CABINET = Path(__file__).parents[2] / "cabinets" / "yangguangli-3.toml"
_NEIGHBOUR = (("TOFU-400", 1),)
# A drill waits for back-off and long-polls as little as it can; nothing else differs from the demo.
_QUICK = {"LINLI_HUB__BACKOFF_MAX_S": "0.5", "LINLI_HUB__POLL_WAIT_S": "5"}


@dataclass(frozen=True, slots=True)
class Town:
    """What every case starts from."""

    base: Site
    access: SeedAccess
    neighbour: Bought
    inside: dict[str, str]
    work: Work

    async def case(self, number: int) -> Stage:
        """Return a stage of its own data for one case; its simulator is the town's, which runs."""
        site = Site(
            self.base.root / f"case-{number}",
            self.base.ports,
            self.base.cabinet_file,
            self.base.station_file,
        )
        await self.work.run(self._copy, site)
        return quick(Stage(site))

    def _copy(self, site: Site) -> None:
        shutil.copytree(self.base.hub, site.hub)
        shutil.copytree(self.base.station, site.station)


def quick(stage: Stage) -> Stage:
    """Let this stage's daemon try again soon."""
    stage.edge.environment.update(_QUICK)
    return stage


@asynccontextmanager
async def built(root: Path, ports: Ports, work: Work) -> AsyncIterator[Town]:
    """Prepare the data with real programs, then keep the simulator running."""
    site = Site(root / "base", ports, _CABINET, root / "base" / "station.toml")
    cabinet = load_cabinet(site.cabinet_file, os.environ)
    access = await prepare(site, cabinet, own_station_file=True)
    site.station_file.write_text(
        station_toml(cabinet, station_id=access.station_id, ports=ports, ptys=site.simulator),
        encoding="utf-8",
    )
    stage = quick(Stage(site))
    try:
        await stage.start()
        neighbour, inside = await _neighbour(stage, access)
        await stage.edge.stop()
        await stage.hub.stop()
        yield Town(site, access, neighbour, inside, work)
    finally:
        await stage.stop()


async def _neighbour(stage: Stage, access: SeedAccess) -> tuple[Bought, dict[str, str]]:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession() as session, aiohttp.ClientSession(cookie_jar=jar) as tablet:
        cast = await stage.cast(session, tablet, access)
        bought = await buy(cast, _NEIGHBOUR)
        await bring(cast, bought)
        doors = await put_in(cast, bought)
        await cast.buyer.wait_for(f"/orders/{bought.order_id}", "state", "ready")
        return bought, dict(zip(doors, bought.parcel_ids, strict=True))
