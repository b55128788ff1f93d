"""A shop to test with: somebody who buys, somebody at the desk, what a station reports about a parcel."""

from cloud.access.caller import OPERATOR, RESIDENT, Caller
from cloud.orders.service import OrderView, Wish
from common.contract.events import ParcelCollected, ParcelPutIn
from common.contract.words import Size, TemperatureClass
from tests.cloud.stations.world import STATION_ID, World, open_station, stock

DESK = Caller("desk", "wang", frozenset({OPERATOR}))
KEEPER = "01K0KEEPER0000000000000001"


async def shop(world: World) -> Caller:
    """Open a station and a round, fill the shelf; return a resident."""
    await open_station(world)
    await stock(world, "MILK", 10)
    await stock(
        world, "RICE", 10, temperature_class=TemperatureClass.AMBIENT, size=Size.L, price_fen=4590
    )
    await world.orders.open_round("周六团")
    person = await world.people.add("张小明", "13800001234")
    return Caller("acc", "zhang", frozenset({RESIDENT}), person.person_id)


async def ordered(world: World, resident: Caller, *lines: tuple[str, int]) -> str:
    wish = Wish(resident.person_id or "", STATION_ID, lines or (("MILK", 2),))
    return await world.orders.place(wish)


async def locked(world: World, resident: Caller, *lines: tuple[str, int]) -> OrderView:
    order_id = await ordered(world, resident, *lines)
    await world.orders.pay(order_id)
    await world.orders.lock(order_id)
    return await world.orders.view(order_id, resident)


def put_in(view: OrderView, number: int = 0, door: str = "A01", hours: int = 48) -> ParcelPutIn:
    return ParcelPutIn(
        parcel_id=view.parcels[number].parcel_id,
        grant_id=view.pickup.grant_id if view.pickup else None,
        compartment=door,
        keeper_id=KEEPER,
        expires_at_ms=view.placed_at_ms + hours * 3_600_000,
    )


def collected(view: OrderView, number: int = 0, door: str = "A01") -> ParcelCollected:
    assert view.pickup
    return ParcelCollected(
        parcel_id=view.parcels[number].parcel_id, grant_id=view.pickup.grant_id, compartment=door
    )


def kinds(view: OrderView) -> list[str]:
    return [entry.kind for entry in view.timeline]
