"""What must hold after a case: every fact of the station at the hub once, every effect once, the hub's books right."""

import asyncio
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

from common.kit.work import Work
from linli.demo.prepare import Site
from linli.journey.hub import HubUser

Place = tuple[int, int]
"""(boot_epoch, seq) inside a lane."""
_FACTS_S = 15.0
_ONCE = ("packed", "departed", "arrived", "deposited", "collected")


def _facts(path: Path, table: str) -> dict[Place, str]:
    """Return the facts lane of a database: place → body, read as a second process may."""
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)
    try:
        rows = connection.execute(
            f"SELECT boot_epoch, seq, body FROM {table} WHERE lane = 'facts'"  # noqa: S608 - ours
        ).fetchall()
    finally:
        connection.close()
    found = {(row[0], row[1]): str(row[2]) for row in rows}
    if len(found) != len(rows):
        raise AssertionError(f"{path.name}: a place of the facts lane is there twice")
    return found


async def facts_arrived(site: Site, work: Work) -> list[str]:
    """Wait until the hub has what the station's outbox holds; return what is missing, extra or different."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + _FACTS_S
    while True:
        sent = await work.run(_facts, site.station / "state.db", "outbox")
        have = await work.run(_facts, site.hub / "hub.db", "sync_event")
        if sent == have or loop.time() >= until_s:
            break
        await asyncio.sleep(0.1)
    missing, extra = sorted(set(sent) - set(have)), sorted(set(have) - set(sent))
    other = [place for place in sorted(set(sent) & set(have)) if sent[place] != have[place]]
    return [
        f"{what} at the hub: facts {places[:5]}"
        for what, places in (("missing", missing), ("unknown to the station", extra), ("different", other))
        if places
    ]  # fmt: skip


async def effects_once(staff: HubUser, parcel_ids: tuple[str, ...], orders: int) -> list[str]:
    """Return what the hub did twice or not at all with these parcels, and orders that nobody placed."""
    found = []
    for parcel_id in parcel_ids:
        custody: list[Any] = (await staff.get(f"/parcels/{parcel_id}/custody"))["custody"]
        counts = Counter(one["to_state"] for one in custody)
        found += [
            f"parcel {parcel_id} became {state} {counts[state]} times"
            for state in _ONCE
            if counts[state] != 1
        ]
    listed = len((await staff.get("/orders?limit=50"))["orders"])
    if listed != orders:
        found.append(f"{listed} orders where people placed {orders}")
    return found
