"""The journey whose SQL is taped: the unmodified daemon and hub in the simulated world, everything a station does.

First start with its migrations, put-ins, pickups with and without the network, acknowledged events, a hub that was
put back (new generation, snapshot swap), quiet hours, a restart, and the sync rooms' rare work: trim and mend.
"""

import asyncio
import sqlite3
from contextlib import AsyncExitStack
from pathlib import Path

from cloud.app import Hub
from cloud.sync.feed import new_generation_tx
from common.contract.words import Lane
from common.kit.chance import seeded_chance
from common.kit.clock import to_ms
from device_sim.config import CabinetConfig
from edge.app import Edge
from edge.sync import lanes
from linli.drill.powercut.tape import Tape, TapedDb
from linli.journey.story import Basket, Bought, Cast, bring, buy, pick_up, put_in
from linli.world.loop import VirtualLoop, run_virtual
from linli.world.town import HUB_HOST, Town

_BASKETS: tuple[Basket, ...] = (
    (("MILK-1L", 1),),
    (("TEA-100", 1), ("TOFU-400", 1)),
    (("YOGURT-6", 1),),
    (("EGG-10", 2),),
    (("NOODLE-1KG", 1), ("MILK-1L", 1)),
)
_KEPT_ROWS = 20
_QUIET_S = 2 * 3600.0
_TOLD_S = 90.0  # longer than a held poll and a heartbeat's back-off


class TapedTown(Town):
    """A town whose station writes down what it says to its databases."""

    def __init__(self, loop: VirtualLoop, number: int, cabinet: CabinetConfig, data: Path) -> None:
        """Build it for journey `number`."""
        super().__init__(loop, number, cabinet, data)
        self.tapes: dict[str, Tape] = {}
        self._jitter = seeded_chance(f"{number}|commits").jitter

    def open_db(self, path: Path) -> TapedDb:
        """Open a database of the station with the tape running."""
        tape = self.tapes.setdefault(path.name, Tape(path))
        return TapedDb(path, tape, self._jitter)


def taped(number: int, cabinet: CabinetConfig, data: Path, *, short: bool) -> dict[str, Tape]:
    """Live journey `number` in the folder `data`; return the tapes by file name."""

    async def live(loop: VirtualLoop) -> dict[str, Tape]:
        town = TapedTown(loop, number, cabinet, data)
        await _live(town, short=short)
        return town.tapes

    return run_virtual(number, live)


async def _live(town: TapedTown, *, short: bool) -> None:
    await town.prepare()
    await town.start_hub()
    await town.start_edge()
    async with AsyncExitStack() as closing:
        cast = await town.cast(closing)
        await _first_weeks(town, cast)
        if not short:
            await _more_trade(town, cast)
        await town.stop(town.edge)
        await town.start_edge()
        last = await _stock_up(town, cast)
        await pick_up(cast, last.code)
        await asyncio.sleep(_TOLD_S)
    await _rare_work(town)
    await town.stop(town.edge)
    await town.stop(town.hub)


async def _first_weeks(town: TapedTown, cast: Cast) -> None:
    first, second = [await _stock_up(town, cast) for _ in range(2)]
    await pick_up(cast, first.code)
    await _new_generation(town, cast)
    town.loop.net.cut(HUB_HOST)
    await pick_up(cast, second.code)
    await _rare_work(town)
    town.loop.net.heal(HUB_HOST)


async def _more_trade(town: TapedTown, cast: Cast) -> None:
    for bought in [await _stock_up(town, cast) for _ in range(3)]:
        await asyncio.sleep(town.loop.rng.uniform(600, 3000))
        await pick_up(cast, bought.code)
    await asyncio.sleep(_QUIET_S)


async def _stock_up(town: TapedTown, cast: Cast) -> Bought:
    bought = await buy(cast, town.loop.rng.choice(_BASKETS))
    await bring(cast, bought)
    await put_in(cast, bought)
    return bought


async def _new_generation(town: TapedTown, cast: Cast) -> None:
    """Let the hub tell the station that its rows must be fetched anew, as after a restore from backup."""
    assert town.hub is not None
    hub = town.hub.program
    assert isinstance(hub, Hub)
    await hub.db.write(lambda conn: new_generation_tx(conn, cast.station_id))
    await asyncio.sleep(_TOLD_S)


async def _rare_work(town: TapedTown) -> None:
    """What the sync rooms do once in weeks, here and now: chain unsent rows anew, let go of old ones."""
    assert town.edge is not None
    edge = town.edge.program
    assert isinstance(edge, Edge)
    old_ms = to_ms(town.clock.wall()) + lanes.RETENTION_MS

    def tx(conn: sqlite3.Connection) -> None:
        for lane in Lane:
            lanes.mend_tx(conn, edge.config.station.id, lane)
            lanes.trim_tx(conn, lane, old_ms, _KEPT_ROWS)

    await edge.state_db.write(tx)
