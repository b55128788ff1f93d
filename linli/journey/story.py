"""The whole journey in acts: buy, bring to the station, put in, pick up. The demo's check and the world play them."""

from dataclasses import dataclass, replace

from common.kit.errors import UnavailableError
from linli.journey.hands import Hands, shut, wait_open
from linli.journey.hub import HubUser
from linli.journey.keeper import Keeper
from linli.journey.kiosk import Resident

Basket = tuple[tuple[str, int], ...]
"""Pairs of sku and quantity."""


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays."""

    buyer: HubUser
    staff: HubUser
    keeper: Keeper
    resident: Resident
    hands: Hands
    person_id: str
    station_id: str

    def of(self, buyer: HubUser, person_id: str) -> "Cast":
        """Return the same cast with another buyer."""
        return replace(self, buyer=buyer, person_id=person_id)


@dataclass(frozen=True, slots=True)
class Bought:
    """One paid order: the labels of its parcels, the code its owner sees and the key of its page."""

    order_id: str
    parcel_ids: tuple[str, ...]
    labels: tuple[str, ...]
    code: str
    link_token: str = ""


async def buy(cast: Cast, basket: Basket) -> Bought:
    """Place, pay and lock an order; its grant is on the way to the station."""
    lines = [{"sku": sku, "qty": qty} for sku, qty in basket]
    wish = {"person_id": cast.person_id, "station_id": cast.station_id, "lines": lines}
    order_id = str((await cast.buyer.post("/orders", wish))["order_id"])
    await cast.buyer.post(f"/orders/{order_id}/pay", {})
    await cast.staff.post(f"/orders/{order_id}/lock", {})
    order = await cast.buyer.get(f"/orders/{order_id}")
    return Bought(
        order_id,
        tuple(parcel["parcel_id"] for parcel in order["parcels"]),
        tuple(parcel["label"] for parcel in order["parcels"]),
        str(order["pickup"]["code"]),
        str(order["link_token"]),
    )


async def bring(cast: Cast, bought: Bought) -> None:
    """Take every parcel through packed, departed and arrived; the van is never faster than the wire."""
    for step in ("packed", "departed", "arrived"):
        for parcel_id in bought.parcel_ids:
            await cast.staff.post(f"/parcels/{parcel_id}/custody", {"to": step})
    await cast.staff.station_is_told(cast.station_id)


async def put_in(cast: Cast, bought: Bought) -> tuple[str, ...]:
    """Put every parcel into the compartment the station chooses; return the doors."""
    return tuple([await cast.keeper.put_in(label) for label in bought.labels])


async def pick_up(cast: Cast, code: str) -> tuple[str, ...]:
    """Type the code, empty every compartment, shut every door; return the doors."""
    doors: list[str] = []
    await cast.resident.type_code(code)
    if await cast.resident.step() == "code":
        raise UnavailableError("journey.refused", "the kiosk refuses a right code")
    while True:
        await cast.resident.wait_for({"open"})
        door = await cast.resident.compartment()
        await wait_open(cast.hands, door)
        doors.append(door)
        await shut(cast.hands, door)
        await cast.resident.wait_for({"closed"})
        await cast.resident.press("/proceed")
        if await cast.resident.wait_for({"opening", "open", "done", "code"}) in {"done", "code"}:
            break
    if await cast.resident.step() == "done":
        await cast.resident.press("/finish")
    return tuple(doors)
