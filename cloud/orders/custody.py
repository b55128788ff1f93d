"""Custody by staff: packed, departed, arrived – each one scan with a name, until the warehouse has its own room."""

from enum import StrEnum

from sqlalchemy.engine import Connection

from cloud.access.caller import DESK, DRIVER, WAREHOUSE, Caller
from cloud.orders.kit import OrderKit
from cloud.orders.machine import CancelState, ParcelTrigger
from cloud.orders.moves import Cause, Moves
from cloud.orders.store import parcels
from common.kit.errors import ConflictError, NotFoundError, RefusedError


class CustodyStep(StrEnum):
    """Where staff say a parcel is now."""

    PACKED = "packed"
    DEPARTED = "departed"
    ARRIVED = "arrived"


_TRIGGERS = {
    CustodyStep.PACKED: ParcelTrigger.PACK,
    CustodyStep.DEPARTED: ParcelTrigger.DEPART,
    CustodyStep.ARRIVED: ParcelTrigger.ARRIVE,
}
_ROLES = {
    CustodyStep.PACKED: DESK | {WAREHOUSE},
    CustodyStep.DEPARTED: DESK | {WAREHOUSE, DRIVER},
    CustodyStep.ARRIVED: DESK | {DRIVER},
}


class Custody:
    """Use cases of warehouse and drivers."""

    def __init__(self, kit: OrderKit, moves: Moves) -> None:
        """Work with the room's kit."""
        self._kit = kit
        self._moves = moves

    async def hand_on(
        self, parcel_id: str, to: CustodyStep, *, caller: Caller, place: str = ""
    ) -> str:
        """Move a parcel one step and return its order's id.

        Errors: RefusedError (role), NotFoundError, ConflictError (`parcel.state`, `order.cancel_pending`).
        """
        if not caller.roles & _ROLES[to]:
            raise RefusedError("access.role", "your role may not take this step")
        cause = Cause(
            _TRIGGERS[to], f"custody/{self._kit.new_id()}", caller.name, place, self._kit.now_ms()
        )

        def write(connection: Connection) -> str:
            parcel = parcels.one_parcel(connection, parcel_id)
            if parcel is None:
                raise NotFoundError("parcel.not_found", "there is no such parcel")
            order = self._kit.order_tx(connection, parcel.order_id)
            if order.cancel_state == CancelState.PENDING:
                raise ConflictError("order.cancel_pending", "the order is being cancelled")
            self._moves.move_tx(connection, parcel, cause)
            return parcel.order_id

        return await self._kit.db.write(write)
