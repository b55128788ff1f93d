"""A station that has lived: orders, put-ins, pickups, wrong codes; images of its folder as power left it."""

import asyncio
import shutil
import sqlite3
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

from common.kit.disk import MIB
from common.kit.walfile import log_of, offset, read_log
from edge.app import Edge
from edge.salvage import Keep
from linli.drill.rot.hub import Log
from linli.journey.story import bring, buy, pick_up, put_in
from linli.world.town import HUB_HOST, Town

PAGE_BYTES = 4096
WRONG_CODE = "10020030"
TOLD_S = 120.0
_OF_SYNC = ("outbox", "sync_lane", "sync_break", "sync_self")
_SKUS = ("EGG-10", "TEA-100")


@dataclass(frozen=True, slots=True)
class Image:
    """A folder to be damaged: how it was, and how it was one transaction earlier; and what the hub had then."""

    name: str
    now: Path
    earlier: Path
    log: Log
    aim: tuple[int, ...] = ()
    """Pages of `state.db` of which one is always hit; none: bits turn over anywhere."""


async def lived(town: Town, folder: Path) -> list[list[Image]]:
    """Live a while and return kinds of images: two as a power cut leaves them, and those after an orderly stop.

    After one of these the hub had heard everything since the copy, after the other nothing.
    """
    await town.prepare()
    await town.start_hub()
    await town.start_edge()
    async with AsyncExitStack() as closing:
        cast = await town.cast(closing)
        orders = []
        for number in range(4):
            bought = await buy(cast, ((_SKUS[number % 2], 1),))
            await bring(cast, bought)
            orders.append(bought)
        await asyncio.sleep(60)
        for bought in orders[:3]:
            await put_in(cast, bought)
        await pick_up(cast, orders[0].code)
        edge = _edge(town)
        edge.guard.copies.make(edge.clock, edge.disk, Keep(3, 64 * MIB))
        town.loop.net.cut(HUB_HOST)
        await pick_up(cast, orders[1].code)
        await edge.pickup.submit(WRONG_CODE)
        images = [[_image(town, folder, "log")]]
        await put_in(cast, orders[3])
        await pick_up(cast, orders[2].code)
        await edge.pickup.submit(WRONG_CODE)
        images.append([_image(town, folder, "more log")])
        town.loop.net.heal(HUB_HOST)
    await town.stop(town.edge)
    images.append([_image(town, folder, "file")])
    await town.start_edge()
    await asyncio.sleep(TOLD_S)
    await town.stop(town.edge)
    told = _image(town, folder, "file, all told")
    images[-1].append(replace(told, aim=_pages_of(told.now / "state.db", _OF_SYNC)))
    await town.stop(town.hub)
    return images


def _edge(town: Town) -> Edge:
    running = town.edge
    assert running is not None
    assert isinstance(running.program, Edge)
    return running.program


def _image(town: Town, folder: Path, name: str) -> Image:
    now, earlier = folder / name, folder / f"{name}, one transaction earlier"
    for place in (now, earlier):
        shutil.copytree(
            town.data / "station",
            place,
            ignore=shutil.ignore_patterns("*-shm", "reserve.bin", "blobs"),
        )
    _undo_last(earlier / "state.db")
    log = Log.of(town.data / "hub" / "hub.db", town.station_config.station.id)
    return Image(name, now, earlier, log)


def _pages_of(path: Path, tables: tuple[str, ...]) -> tuple[int, ...]:
    """Return the pages that hold rows of these tables, as SQLite itself tells."""
    marks = ", ".join("?" * len(tables))
    sql = f"SELECT pageno FROM dbstat WHERE name IN ({marks}) ORDER BY pageno"  # noqa: S608 - marks
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as conn:
        return tuple(int(row[0]) for row in conn.execute(sql, tables))


def _undo_last(path: Path) -> None:
    """Take the log's last transaction back, as if power had failed before it was written."""
    frames = read_log(path, PAGE_BYTES).frames
    ends = [number + 1 for number, frame in enumerate(frames) if frame.commit]
    if ends:
        keep = ends[-2] if len(ends) > 1 else 0
        log = log_of(path)
        data = log.read_bytes()[: offset(keep, PAGE_BYTES) - 24]
        log.write_bytes(data)
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
