"""What happens at the hub in these drills: orders are bought, an operator looks and decides, the log is read."""

import json
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.access.caller import RESIDENT, Caller
from cloud.orders.service import Wish
from cloud.sync.models import alarm, event
from common.kit.errors import LinliError
from linli.world.copies.site import Order
from linli.world.level1.desk import RoomsDesk
from linli.world.level1.ground import Ground
from linli.world.level1.hub import HubHost

SKUS = ("MILK-1L", "TOFU-400", "EGG-10", "TEA-100", "NOODLE-1KG")
Facts = set[tuple[int, str, str]]
"""When, type and body: what makes a fact, wherever it stands in a lane."""


class Desk:
    """People at the hub."""

    def __init__(self, ground: Ground, hub: HubHost) -> None:
        """Work at `hub`."""
        self._ground, self._hub = ground, hub
        self.station_id = ground.paired.station.station_id

    async def buy(self, number: int, sku: str) -> Order | None:
        """Place, pay and lock one order of one parcel; None when it is sold out."""
        people = self._ground.paired.access.residents
        person = people[number % len(people)]
        caller = Caller("drill", person["name"], frozenset({RESIDENT}), person["person_id"])

        async def run(desk: RoomsDesk) -> Order | None:
            rooms = desk.rooms
            wish = Wish(person["person_id"], self.station_id, ((sku, 1),))
            try:
                order_id = await rooms.orders.place(wish)
                await rooms.orders.pay(order_id)
                await rooms.orders.lock(order_id)
            except LinliError:
                return None
            view = await rooms.orders.view(order_id, caller)
            if view.pickup is None or view.pickup.code is None:
                return None
            (parcel,) = view.parcels
            return Order(
                order_id, view.pickup.grant_id, view.pickup.code, parcel.label, parcel.parcel_id
            )

        return await self._hub.insist(run)

    async def readmit(self, daemon: str) -> bool:
        """Let one that was turned away speak; False when it does not wait any more."""
        try:
            await self._hub.insist(
                lambda desk: desk.rooms.stations.readmit(self.station_id, daemon, "operator:drill")
            )
        except LinliError:
            return False
        return True

    async def waiting(self) -> list[str]:
        """Return the daemons that were turned away."""
        detail = await self._hub.insist(lambda desk: desk.rooms.stations.detail(self.station_id))
        return [one.daemon for one in detail.claims]

    def opened(self) -> set[str]:
        """Return the grants of which the hub has heard that a door opened."""
        return {
            str(json.loads(body)["grant_id"])
            for _, kind, body in self.facts()
            if kind == "grant.state_changed" and json.loads(body)["state"] == "opened"
        }

    def facts(self) -> Facts:
        """Return every fact of the hub's log."""
        return {(row.occurred_at_ms, row.type, row.body) for row in self.rows()}

    def rows(self) -> list[Any]:
        """Return the rows of the hub's log of facts."""
        return self._ground.db.read_now(_facts)

    def alarms(self) -> set[str]:
        """Return the kinds of alarms there were."""
        return self._ground.db.read_now(lambda c: set(c.execute(sa.select(alarm.c.kind)).scalars()))


def _facts(conn: Connection) -> list[Any]:
    return list(conn.execute(sa.select(event).where(event.c.lane == "facts")))
