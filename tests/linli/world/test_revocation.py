"""How long a revoked station may go on: another worker revokes, the one that holds its poll finds out by itself."""

import asyncio
import os
from pathlib import Path

import pytest

from cloud.app import Hub, Rooms
from common.kit.sqldb import SqlDb
from device_sim.config import load
from edge.app import Edge
from edge.sync.fence import Why
from linli.drill.clock import CABINET
from linli.world.loop import VirtualLoop, run_virtual
from linli.world.town import Town

BOUND_S = 60.0


@pytest.mark.timeout(120)
def test_every_worker_refuses_a_revoked_key_within_a_minute(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> tuple[float, Why]:
        town = Town(loop, 3, load(CABINET, os.environ), tmp_path)
        await town.prepare()
        await town.start_hub()
        await town.start_edge()
        assert town.hub is not None
        assert town.edge is not None
        hub, edge = town.hub.program, town.edge.program
        assert isinstance(hub, Hub)
        assert isinstance(edge, Edge)
        await asyncio.sleep(100)
        assert edge.link.view().online
        store = SqlDb(hub.config.database_url(), inline=True)
        other = Rooms(town.hub_ports(), hub.config, store)  # a second worker on the same database
        await other.stations.revoke_key(town.access.station_id, "stolen", "operator:test")
        since_s = loop.time()
        shut = asyncio.Event()
        edge.link.fence.on_change.append(shut.set)
        async with asyncio.timeout(2 * BOUND_S):
            await shut.wait()
        took_s, why = loop.time() - since_s, edge.link.view().why
        store.close()
        await town.stop(town.edge)
        await town.stop(town.hub)
        return took_s, why

    took_s, why = run_virtual(3, main)
    assert why is Why.REVOKED
    assert took_s <= BOUND_S
