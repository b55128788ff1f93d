"""Buyer and staff at the hub as apps are: the hub is away, so they repeat; the answer was lost, so they read the state.

The repetition carries the same Idempotency-Key (`case.again_when_away`); 409 `idempotency.interrupted` says that it
took effect at least in part (docs/decisions/0010), so the app looks, and asks anew for what is not done.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from common.kit.errors import UnavailableError
from linli.journey.hub import HubUser
from linli.journey.story import Basket, Bought, Cast

_LOST = "idempotency.interrupted"
_TIMES = 3


async def shop(cast: Cast, basket: Basket) -> Bought:
    """Place, pay and lock one order, each exactly once."""
    known = await _newest(cast.buyer)
    wish = {
        "person_id": cast.person_id,
        "station_id": cast.station_id,
        "lines": [{"sku": sku, "qty": qty} for sku, qty in basket],
    }

    async def is_placed() -> bool:
        return await _newest(cast.buyer) != known

    await insist(cast.buyer, "/orders", wish, is_placed)
    order_id = await _newest(cast.buyer)
    assert order_id is not None

    async def order() -> Any:
        return await cast.buyer.get(f"/orders/{order_id}")

    async def is_paid() -> bool:
        return bool((await order())["state"] != "placed")

    async def is_locked() -> bool:
        return bool((await order())["parcels"])

    await insist(cast.buyer, f"/orders/{order_id}/pay", {}, is_paid)
    await insist(cast.staff, f"/orders/{order_id}/lock", {}, is_locked)
    locked = await order()
    parcels = locked["parcels"]
    return Bought(
        order_id,
        tuple(one["parcel_id"] for one in parcels),
        tuple(one["label"] for one in parcels),
        str(locked["pickup"]["code"]),
    )


async def deliver(cast: Cast, bought: Bought) -> None:
    """Take every parcel through packed, departed and arrived."""
    for step in ("packed", "departed", "arrived"):
        for parcel_id in bought.parcel_ids:
            path = f"/parcels/{parcel_id}/custody"

            async def is_there(path: str = path, step: str = step) -> bool:
                custody = (await cast.staff.get(path))["custody"]
                return any(one["to_state"] == step for one in custody)

            await insist(cast.staff, path, {"to": step}, is_there)


async def insist(
    user: HubUser, path: str, body: object, is_done: Callable[[], Awaitable[bool]]
) -> None:
    """Post until it is done; every refusal but a lost answer is an UnavailableError."""
    for _ in range(_TIMES):
        try:
            await user.post(path, body)
        except UnavailableError as error:
            if _LOST not in error.detail:
                raise
            if await is_done():
                return
        else:
            return
    raise UnavailableError("journey.stuck", f"{path} is not done after {_TIMES} times")


async def _newest(user: HubUser) -> str | None:
    orders = (await user.get("/orders?limit=1"))["orders"]
    return str(orders[0]["order_id"]) if orders else None
