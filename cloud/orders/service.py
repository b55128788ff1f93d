"""The orders room as others see it: one object, its use cases by name."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from cloud.access.caller import Caller
from cloud.config import HubSecrets
from cloud.money.service import Money
from cloud.orders.cancelling import Cancelling
from cloud.orders.cases import Cases
from cloud.orders.custody import Custody, CustodyStep
from cloud.orders.delegating import Delegating, ErrandView
from cloud.orders.facts import Facts
from cloud.orders.kit import OrderKit
from cloud.orders.locking import Locking
from cloud.orders.machine import ParcelTrigger
from cloud.orders.moves import Cause, Moves, Placement
from cloud.orders.placing import Placing, Wish
from cloud.orders.reading import OrderView, Reading
from cloud.orders.renewing import Renewing
from cloud.orders.store import parcels
from cloud.orders.store.orders import OrderFilter, RoundRecord
from cloud.orders.store.parcels import CustodyRecord
from cloud.orders.store.timeline import CaseRecord
from cloud.stations.service import Stations
from cloud.sync.gateway import Gateway
from common.kit.chance import Chance
from common.kit.clock import Clock
from common.kit.errors import NotFoundError
from common.kit.sqldb import HubDb

__all__ = [
    "CaseRecord",
    "CustodyRecord",
    "CustodyStep",
    "ErrandView",
    "OrderFilter",
    "OrderPorts",
    "OrderView",
    "Orders",
    "RoundRecord",
    "Wish",
]

WITHDRAW_AFTER_S = 48 * 3600
"""How long the rows of a parcel that is done stay at the station, for the keeper's page."""


@dataclass(frozen=True, slots=True)
class OrderPorts:
    """What the room needs from the outside."""

    db: HubDb
    clock: Clock
    chance: Chance
    secrets: HubSecrets


class Orders:
    """Rounds, orders and parcels; `subscribe` once, after the stations room, before the gateway serves."""

    def __init__(self, ports: OrderPorts, stations: Stations, money: Money) -> None:
        """Build the use cases on one kit."""
        kit = OrderKit(ports.db, ports.clock, ports.chance, ports.secrets, stations, money)
        self._kit = kit
        self._moves = Moves(kit)
        self._placing = Placing(kit)
        self._locking = Locking(kit)
        self._custody = Custody(kit, self._moves)
        self._cancelling = Cancelling(kit, self._moves, self._placing)
        self._delegating = Delegating(kit)
        self._reading = Reading(kit, self._delegating)
        self._renewing = Renewing(kit)
        self._cases = Cases(kit)
        self._facts = Facts(kit, self._moves, self._cancelling, self._delegating)

    def subscribe(self, gateway: Gateway) -> None:
        """Take the events that move parcels and finish cancels."""
        self._facts.subscribe(gateway)

    async def place(self, wish: Wish) -> str:
        """Write an order with its stock promised; returns its id. See `Placing.place`."""
        return await self._placing.place(wish)

    async def pay(self, order_id: str) -> None:
        """Capture the whole amount once. See `Placing.pay`."""
        await self._placing.pay(order_id)

    async def lock(self, order_id: str) -> None:
        """Make parcels and a code of a confirmed order. See `Locking.lock`."""
        await self._locking.lock(order_id)

    async def open_round(self, name: str) -> str:
        """Open a round unless one is open; returns the open one's id."""
        return await self._locking.open_round(name)

    async def close_round(self, round_id: str, by: str = "hub") -> None:
        """Cut off and lock. See `Locking.close_round`."""
        await self._locking.close_round(round_id, by)

    async def cancel(self, order_id: str, cancelled_by: str) -> None:
        """Cancel an order that has not left. See `Cancelling.cancel`."""
        await self._cancelling.cancel(order_id, cancelled_by)

    async def renew_code(self, order_id: str, by: str) -> None:
        """Issue another code after a revoke. See `Renewing.renew`."""
        await self._renewing.renew(order_id, by)

    async def give(self, order_id: str, parcel_id: str, given_to: str, by: str) -> str:
        """Give one parcel's pickup to somebody else. See `Delegating.give`."""
        return await self._delegating.give(order_id, parcel_id, given_to, by)

    async def take_back(self, order_id: str, grant_id: str, by: str) -> None:
        """Take a given pickup back. See `Delegating.take_back`."""
        await self._delegating.take_back(order_id, grant_id, by)

    async def errand(self, token: str) -> ErrandView:
        """Return what stands behind a given link. See `Delegating.errand`."""
        return await self._delegating.errand(token)

    async def hand_on(
        self, parcel_id: str, to: CustodyStep, *, caller: Caller, place: str = ""
    ) -> str:
        """Move a parcel one step; returns its order's id. See `Custody.hand_on`."""
        return await self._custody.hand_on(parcel_id, to, caller=caller, place=place)

    async def view(self, order_id: str, caller: Caller) -> OrderView:
        """Return an order as `caller` may see it. See `Reading.view`."""
        return await self._reading.view(order_id, caller)

    async def by_link(self, token: str) -> OrderView:
        """Return the order behind its own link. See `Reading.by_link`."""
        return await self._reading.by_link(token)

    async def page(
        self, caller: Caller, wanted: OrderFilter, limit: int = 50
    ) -> tuple[OrderView, ...]:
        """Return orders, newest first. See `Reading.page`."""
        return await self._reading.page(caller, wanted, limit)

    async def custody(self, parcel_id: str) -> list[CustodyRecord]:
        """Return who had a parcel."""
        return await self._reading.custody(parcel_id)

    async def rounds(self) -> Sequence[RoundRecord]:
        """Return the newest rounds."""
        return await self._reading.rounds()

    async def round(self, round_id: str) -> RoundRecord:
        """Return one round; NotFoundError."""
        return await self._reading.round(round_id)

    async def cases(self, *, closed: bool = False, limit: int = 50) -> Sequence[CaseRecord]:
        """Return the newest open cases, or the newest closed ones."""
        return await self._cases.page(closed=closed, limit=limit)

    async def close_case(self, case_id: str, note: str, by: str) -> CaseRecord:
        """Close a case with a note. See `Cases.close`."""
        return await self._cases.close(case_id, note, by)

    def link_token(self, order_id: str) -> str:
        """Return the token of an order's own page, to send to its person."""
        return self._kit.link_token(order_id)

    async def refuse_foreign(self, order_id: str, caller: Caller) -> None:
        """NotFoundError unless `caller` is staff or the order's own person."""

        def read(connection: Connection) -> str:
            return self._kit.order_tx(connection, order_id).person_id

        person_id = await self._kit.db.read(read)
        if caller.person_id is not None and caller.person_id != person_id:
            raise NotFoundError("order.not_found", "there is no such order", order_id=order_id)

    async def sweep(self) -> None:
        """Do what only time brings about: unpaid orders, overdue parcels, ended leases, old rows, late locks."""
        now_ms = self._kit.now_ms()

        def write(connection: Connection) -> None:
            self._placing.expire_tx(connection, now_ms)
            self._cancelling.sweep_tx(connection, now_ms)
            self._overdue_tx(connection, now_ms)
            self._withdraw_tx(connection, now_ms - WITHDRAW_AFTER_S * 1000)

        await self._kit.db.write(write)
        await self._locking.lock_due()

    def _overdue_tx(self, connection: Connection, now_ms: int) -> None:
        for parcel in parcels.past_expiry(connection, now_ms):
            source = f"time/{parcel.expires_at_ms}"
            place = parcel.compartment or ""
            cause = Cause(ParcelTrigger.TIME_UP, source, "hub", place, now_ms)
            lies = Placement(parcel.compartment, parcel.put_in_at_ms, parcel.expires_at_ms)
            self._moves.move_tx(connection, parcel, cause, lies)

    def _withdraw_tx(self, connection: Connection, ended_before_ms: int) -> None:
        grants = self._kit.stations.grants
        for parcel in parcels.ended_before(connection, ended_before_ms):
            if self._kit.stations.sites.holds_tx(connection, parcel.station_id, parcel.parcel_id):
                continue  # cancelled, and the keeper has yet to take it out
            grants.withdraw_parcel_tx(connection, parcel.station_id, parcel.parcel_id)
            parcels.update_parcel(connection, parcel.parcel_id, withdrawn=True)
