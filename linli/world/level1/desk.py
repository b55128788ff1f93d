"""What people do at the hub and what the reckoning reads there, whichever hub it is: the real rooms or the model."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from cloud.access.caller import ADMIN, RESIDENT, Caller
from cloud.app import Rooms
from cloud.orders.service import CustodyStep, OrderView, Wish
from linli.world.level1.life import Life

T = TypeVar("T")
ADMIN_CALLER = Caller("drill", "drill", frozenset({ADMIN}))
BY = "operator:drill"
REASON = "somebody called"
_HOURS = {"chilled": 48, "ambient": 72, "frozen": 24}


@dataclass(frozen=True, slots=True)
class Bought:
    """What somebody has in hand after buying; `parcels` as (parcel_id, label)."""

    order_id: str
    grant_id: str
    code: str
    valid_for_s: float
    parcels: tuple[tuple[str, str], ...]


Place = tuple[str, int, int]
"""Lane, boot epoch, seq."""


@dataclass(frozen=True, slots=True)
class HubBooks:
    """What the hub believes in the end; `odd` holds what should not be there, as sentences."""

    head_op: int
    lag_ops: int
    events: Mapping[Place, tuple[bytes, str]]
    """Place → chain and body."""
    odd: tuple[str, ...]
    parcels: Mapping[str, str]
    """Parcel → state."""
    custody: Mapping[str, tuple[tuple[str, str], ...]]
    """Parcel → (cause, source) of each step."""


class Desk(Protocol):
    """Every act of a person at the hub; errors are those of the rooms."""

    async def place(self, wish: Wish) -> str:
        """Order; return the order's id."""

    async def pay(self, order_id: str) -> None:
        """Pay."""

    async def lock(self, order_id: str) -> None:
        """Make parcels and a code of it."""

    async def bought(self, order_id: str, person_id: str) -> Bought | None:
        """Return what its owner sees; None without a code."""

    async def hand_on(self, parcel_id: str, step: CustodyStep) -> None:
        """Scan a parcel on its way."""

    async def cancel(self, order_id: str) -> None:
        """Cancel an order."""

    async def revoke(self, grant_id: str) -> None:
        """Take the right to open back."""

    async def open_door(self, label: str) -> None:
        """Open one door from afar."""


class HubSide(Protocol):
    """The hub as the town knows it."""

    life: Life
    on_news: list[Callable[[], None]]
    """Called when a held poll may have something to say."""

    def start(self) -> None:
        """Begin a new life."""

    def stop(self) -> None:
        """End this life."""

    async def ask(self, act: Callable[[Desk], Awaitable[T]]) -> T:
        """Return what a person gets; Away when nobody answers."""

    async def insist(self, act: Callable[[Desk], Awaitable[T]]) -> T:
        """Ask until it answers."""

    async def sweep(self) -> None:
        """Do what only time brings about."""

    async def books(self, parcel_ids: tuple[str, ...]) -> HubBooks:
        """Return the books, with the story of these parcels."""


class RoomsDesk:
    """The desk of the real hub."""

    def __init__(self, rooms: Rooms, station_id: str) -> None:
        """Work with `rooms`, for the one station there is."""
        self.rooms, self._station_id = rooms, station_id

    async def place(self, wish: Wish) -> str:
        """Order."""
        return await self.rooms.orders.place(wish)

    async def pay(self, order_id: str) -> None:
        """Pay."""
        await self.rooms.orders.pay(order_id)

    async def lock(self, order_id: str) -> None:
        """Lock."""
        await self.rooms.orders.lock(order_id)

    async def bought(self, order_id: str, person_id: str) -> Bought | None:
        """Look at the order's page as its owner."""
        caller = Caller("drill", "resident", frozenset({RESIDENT}), person_id)
        view = await self.rooms.orders.view(order_id, caller)
        if view.pickup is None or view.pickup.code is None:
            return None
        return Bought(
            order_id, view.pickup.grant_id, view.pickup.code, _valid_for_s(view),
            tuple((one.parcel_id, one.label) for one in view.parcels),
        )  # fmt: skip

    async def hand_on(self, parcel_id: str, step: CustodyStep) -> None:
        """Scan."""
        await self.rooms.orders.hand_on(parcel_id, step, caller=ADMIN_CALLER)

    async def cancel(self, order_id: str) -> None:
        """Cancel."""
        await self.rooms.orders.cancel(order_id, BY)

    async def revoke(self, grant_id: str) -> None:
        """Revoke."""
        await self.rooms.stations.grants.revoke(grant_id, BY)

    async def open_door(self, label: str) -> None:
        """Give the command."""
        await self.rooms.stations.commands.open_door(
            self._station_id, label=label, reason=REASON, issued_by=BY
        )


def _valid_for_s(view: OrderView) -> float:
    return 3600.0 * min(_HOURS[one.temperature_class] for one in view.parcels)
