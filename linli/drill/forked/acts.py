"""What scenes are made of: who stands there, when a run is through, and what is owed at its end."""

import asyncio
import json
from typing import Any

from linli.drill.forked import proofs
from linli.drill.forked.hubside import Request, Response
from linli.drill.forked.people import LOOK_S, Hands, Keeper, Resident
from linli.drill.forked.run import Run
from linli.drill.forked.stationside import Site
from linli.journey.story import Bought

_SETTLED_LOOKS = 200


def hands(run: Run, site: Site) -> Hands:
    """Let somebody stand at the station."""
    del run
    return Hands(site)


def keeper(run: Run, site: Site) -> Keeper:
    """Return the keeper of this run."""
    known = run.ground.access.keepers[0]
    return Keeper(Hands(site), known["keeper_id"], known["pin"], run.hasty[0])


def resident(run: Run, site: Site, bought: Bought, **habits: Any) -> Resident:
    """Return the buyer of `bought` with her code in hand."""
    return Resident(
        Hands(site),
        frozenset(bought.parcel_ids),
        lambda: site.edge.pickup.submit(bought.code),
        lambda: is_collected(run, site, bought.order_id),
        run.hasty[1],
        call_keeper=lambda door: keeper(run, site).mend(door),
        **habits,
    )


async def is_collected(run: Run, site: Site, order_id: str) -> bool:
    """Ask the app, for a few seconds."""
    for _ in range(5):
        await asyncio.sleep(1.5)
        found = await Hands(site).phone("GET", f"/orders/{order_id}", run.office.buyer)
        if found is not None and found["state"] == "collected":
            return True
    return False


async def settled(run: Run, site: Site) -> None:
    """Wait until the hub has every event and the station every row."""
    who = Hands(site)
    for _ in range(_SETTLED_LOOKS):
        await asyncio.sleep(LOOK_S)
        backlog = await site.edge.outbox.count()
        if backlog.facts or backlog.telemetry or site.edge.link.fence.why:
            continue
        found = await who.phone("GET", f"/stations/{run.office.station_id}", run.office.admin)
        if found is not None and not found["station"]["lag_ops"]:
            return
    who.violate(f"not settled: {await site.edge.outbox.count()}, {site.edge.link.view()}")


async def post_once(run: Run, site: Site, what: str, path: str, body: object, token: str) -> Any:
    """Post from the station's square with a phone: the key stays the same over every death."""
    who = Hands(site)
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Idempotency-Key": f"{run.seed}-{what}",
    }
    request = Request("POST", f"/api/v1{path}", headers, json.dumps(body).encode())
    for _ in range(12):
        found: Response | None = site.ask("hub", request)
        await asyncio.sleep(LOOK_S)
        if found is not None and found.status < 500:
            answer = json.loads(found.body)
            if found.status >= 400 and answer.get("key") != "idempotency.interrupted":
                who.violate(f"POST {path}: {found.status} {answer}")
            return answer
    who.violate(f"the hub does not answer POST {path}")
    return {}


def owes(run: Run, state: str, *parcels: str, taken: bool = True) -> None:
    """Demand that these parcels ended in `state` at the hub, and in somebody's hands once."""
    for parcel_id in parcels:
        states = proofs.custody(run.ground, parcel_id)
        if states[-1] != state:
            run.table.on_violated(f"parcel {parcel_id} ended as {states}, not as {state}")
        if taken and run.table.taken[parcel_id] != 1:
            run.table.on_violated(
                f"parcel {parcel_id} was taken {run.table.taken[parcel_id]} times"
            )
