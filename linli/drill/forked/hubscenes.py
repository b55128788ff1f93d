"""Scenes of rows and events: orders, commands, codes taken back, photos, temperatures, old disks and damaged ones."""

import asyncio
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import Any

from cloud.orders.placing import PAY_WITHIN_S
from common.kit.clock import from_ms
from edge.data_folder import migrate_tx
from edge.pickup.views import ParcelState
from edge.salvage import Keep
from edge.tables import STATE_MIGRATIONS
from linli.drill.forked.acts import keeper, owes, post_once, resident, settled
from linli.drill.forked.ground import ANNOUNCED, NEW, PAIRED, PLACED
from linli.drill.forked.people import Hands
from linli.drill.forked.run import Run, Scene
from linli.drill.forked.stationside import Site

_BASKET = (("EGG-10", 1), ("TEA-100", 1))
_HOUR_S = 3600.0
_LOOKS = 100
_PHOTO_BYTES = 600_000
_LEASE_S = 900.0
"""Longer than the hub waits before it lets another daemon speak."""


def _shop(run: Run) -> None:
    bought = run.office.buy(_BASKET)
    run.office.deliver(bought)


def _cancel(run: Run) -> None:
    """One order is given up before it is paid, one is never paid, one is cancelled when its code is on the way."""
    office = run.office
    given_up = office.place(_BASKET)
    office.post(
        f"/orders/{given_up}/cancel", {}, office.buyer,
        lambda: office.order(given_up)["state"] == "cancelled",
    )  # fmt: skip
    office.place(_BASKET)
    bought = office.buy(_BASKET)
    office.post(
        f"/orders/{bought.order_id}/cancel", {}, office.buyer,
        lambda: office.order(bought.order_id)["cancel"] != "none",
    )  # fmt: skip
    office.wait(PAY_WITHIN_S + 120.0)
    run.bought = bought


def _cut_off(run: Run) -> None:
    office = run.office
    office.pay(office.place(_BASKET))
    round_id = office.get("/rounds")["rounds"][0]["round_id"]
    office.post(
        f"/rounds/{round_id}/close", {},
        is_done=lambda: office.get("/rounds")["rounds"][0]["state"] == "closed",
    )  # fmt: skip
    office.wait(180.0)


def _desk(run: Run) -> None:
    office, station = run.office, f"/stations/{run.office.station_id}"
    office.post(f"{station}/compartments/B08/service", {"out_of_service": True, "reason": "dirty"})
    office.post(f"{station}/keepers", {"display_name": "Hu", "pin": "738291"}, is_done=lambda: True)


def _pair(run: Run) -> None:
    found = run.office.pair()
    secrets = run.ground.secrets
    if found != {"pepper": secrets.pepper.hex(), "salt": secrets.code_salt.hex()}:
        run.table.on_violated("paired again, the station's secrets are others")


def _remote(run: Run) -> None:
    """Two doors from afar: the second needs another person."""
    office, path = run.office, f"/stations/{run.office.station_id}/commands"
    for door in ("A07", "B07"):
        run.table.lasting.append(door)
        wish = {
            "kind": "open_door",
            "compartment": door,
            "reason": "somebody called",
            "expires_in_s": 300,
        }
        office.post(path, wish, is_done=lambda d=door: _asked(run, d) is not None)  # type: ignore[misc]
    held = _asked(run, "B07")
    if held is None:
        run.table.on_violated("the second command is nowhere")
        return
    office.post(
        f"/commands/{held}/confirm", {}, office.operator,
        lambda: office.get(f"/commands/{held}")["state"] != "held",
    )  # fmt: skip


def _know_grant(run: Run) -> None:
    run.grant_id = run.office.order(run.ground.neighbours.order_id)["pickup"]["grant_id"]


def _asked(run: Run, door: str) -> str | None:
    """Return the command for a door."""
    detail = run.office.get(f"/stations/{run.office.station_id}")
    found = [one["command_id"] for one in detail["commands"] if one["compartment"] == door]
    return str(found[0]) if found else None


async def _only_sync(run: Run, site: Site) -> None:
    await settled(run, site)


async def _commands(run: Run, site: Site) -> None:
    who = Hands(site)
    for _ in range(30):
        await asyncio.sleep(1.0)
        for label in who.open_doors():
            await who.push(label)
    await settled(run, site)


async def _renew(run: Run, site: Site) -> None:
    """A code is taken back and a new one issued; the old one opens nothing, the new one does."""
    who, office, mine = Hands(site), run.office, run.ground.neighbours
    await post_once(run, site, "revoke", f"/grants/{run.grant_id}/revoke", {}, office.admin)
    await settled(run, site)
    if not who.remembers("old code tried"):
        await who.want("revoked code", frozenset(), lambda: site.edge.pickup.submit(mine.code))
    await post_once(run, site, "renew", f"/orders/{mine.order_id}/code", {}, office.admin)
    await settled(run, site)
    code = str((await _order(run, site, mine.order_id))["pickup"]["code"])
    await resident(run, site, replace(mine, code=code)).collect()
    await settled(run, site)


async def _order(run: Run, site: Site, order_id: str) -> Any:
    for _ in range(_LOOKS):
        found = await Hands(site).phone("GET", f"/orders/{order_id}", run.office.buyer)
        if found is not None:
            return found
    raise AssertionError("the hub does not answer")


async def _unknown(run: Run, site: Site) -> None:
    """A label that nobody knows makes a case; a person closes it."""
    who = keeper(run, site)
    if not who.hands.remembers("scanned"):
        await site.edge.desk.scan(who.keeper_id, "PX-0000-NOBODY")
    await settled(run, site)
    found = await who.hands.phone("GET", "/cases", run.office.admin)
    for case in (found or {"cases": ()})["cases"]:
        path = f"/cases/{case['case_id']}/close"
        await post_once(
            run, site, case["case_id"], path, {"note": "a torn label"}, run.office.admin
        )


async def _expired(run: Run, site: Site) -> None:
    """Nobody came for days: the keeper takes everything out."""
    who, desk = keeper(run, site), site.edge.desk
    await settled(run, site)
    for parcel_id in (*run.ground.mine.parcel_ids, *run.ground.neighbours.parcel_ids):
        await who.take_out(
            parcel_id,
            "removal",
            lambda one=parcel_id: desk.remove_overdue(who.keeper_id, one, "too old"),  # type: ignore[misc]
            ParcelState.REMOVED,
        )
    await settled(run, site)


async def _photos(run: Run, site: Site) -> None:
    for number in range(2):
        content = bytes((number + 1,)) * (_PHOTO_BYTES + run.seed % 1000)
        await site.edge.blobs.add(content)
    for _ in range(_LOOKS):
        await asyncio.sleep(1.0)
        if await site.edge.blobs.next() is None:
            break
    else:
        Hands(site).violate("a photo does not go up")
    await settled(run, site)


async def _warm(run: Run, site: Site) -> None:
    """A chilled compartment stands open until its zone is too warm, then is shut."""
    who = Hands(site)
    door = next(one.label for one in site.edge.config.compartment if one.zone == "chilled")
    if not who.remembers("pulled"):
        site.ask("pull", door)
        await asyncio.sleep(600)
        await who.push(door)
    await asyncio.sleep(130)
    await site.edge.ports.work.run(
        site.edge.guard.copies.make, site.edge.ports.clock, site.edge.disk, Keep(2, 2**26)
    )
    await settled(run, site)


def _older_tables(run: Run) -> None:
    """Let the station begin with nothing, or with the tables of a release that lacked each room's last."""
    run.ground.station.mkdir()
    if run.seed % 2:
        older = [(room, statements[:-1]) for room, statements in STATE_MIGRATIONS]
        with closing(
            sqlite3.connect(run.ground.station / "state.db", isolation_level=None)
        ) as conn:
            conn.row_factory = sqlite3.Row
            conn.execute("PRAGMA journal_mode=WAL")
            migrate_tx(conn, older, from_ms(0))


def _damage(run: Run) -> None:
    """Turn bits of the station's database over, and let the newest copy be there or not."""
    path = run.ground.station / "state.db"
    content = bytearray(path.read_bytes())
    for _ in range(run.rng.randint(1, 4)):
        at = run.rng.randrange(100, len(content))
        content[at] ^= 1 << run.rng.randrange(8)
    before = path.stat()
    path.write_bytes(bytes(content))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # a disk that rots tells nobody


def _shopped(run: Run) -> None:
    orders = run.ground.orders()
    if orders != 1:
        run.table.on_violated(f"{orders} orders where people placed one")


def _cancelled(run: Run) -> None:
    for parcel_id in run.bought.parcel_ids:
        owes(run, "cancelled", parcel_id, taken=False)


def _opened_once(run: Run) -> None:
    doors = sorted(one.door for one in run.table.seen())
    if len(doors) != len(set(doors)):
        run.table.on_violated(f"commands opened {doors}")


def _neighbour_collected(run: Run) -> None:
    owes(run, "collected", *run.ground.neighbours.parcel_ids)


def _removed(run: Run) -> None:
    for bought in (run.ground.mine, run.ground.neighbours):
        for parcel_id in bought.parcel_ids:
            if run.table.taken[parcel_id] != 1:
                run.table.on_violated(
                    f"{parcel_id} was taken out {run.table.taken[parcel_id]} times"
                )


HUB_SCENES = (
    Scene("an order", PAIRED, PAIRED, _only_sync, before=_shop, owes=_shopped),
    Scene("orders cancelled", PAIRED, PAIRED, _only_sync, before=_cancel, owes=_cancelled),
    Scene("the cut-off", PAIRED, PAIRED, _only_sync, before=_cut_off),
    Scene("the operator's desk", PLACED, PLACED, _unknown, before=_desk),
    Scene("pairing", PAIRED, PAIRED, _only_sync, before=_pair),
    Scene("doors from afar", PLACED, PLACED, _commands, before=_remote, owes=_opened_once),
    Scene("a code renewed", PLACED, PLACED, _renew, before=_know_grant,
          owes=_neighbour_collected),
    Scene("nobody came", PLACED, PLACED, _expired, owes=_removed, later_s=80 * _HOUR_S),
    Scene("photos", PAIRED, PAIRED, _photos),
    Scene("a warm zone", PLACED, PLACED, _warm),
    Scene("the first start", NEW, None, _only_sync, lay_out=_older_tables),
    Scene("a damaged disk", PLACED, PLACED, _only_sync, lay_out=_damage, forgets=True,
          later_s=_LEASE_S),
    Scene("the hub's backup put back", ANNOUNCED, PLACED, _only_sync),
    Scene("the station's image put back", PLACED, ANNOUNCED, _only_sync, forgets=True,
          later_s=_LEASE_S),
)  # fmt: skip
