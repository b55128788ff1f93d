"""The life of an order and of a parcel as two tables; an order on its way is what its parcels are.

`docs/reference/orders.md` is generated from here. A fact that fits no pair opens a case; it is never refused.
"""

from collections.abc import Collection
from enum import StrEnum


class OrderState(StrEnum):
    """Where an order is (reference domain D3)."""

    PLACED = "placed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    CONFIRMED = "confirmed"
    LOCKED = "locked"
    PACKED = "packed"
    DEPARTED = "departed"
    ARRIVED = "arrived"
    READY = "ready"
    PARTLY_COLLECTED = "partly_collected"
    COLLECTED = "collected"
    OVERDUE = "overdue"


class OrderTrigger(StrEnum):
    """What moves an order before it has parcels, and what ends it."""

    PAY = "pay"
    TIME_OUT = "time_out"
    CANCEL = "cancel"
    LOCK = "lock"


class ParcelState(StrEnum):
    """Where a parcel is; exactly one custodian at a time."""

    LOCKED = "locked"
    PACKED = "packed"
    DEPARTED = "departed"
    ARRIVED = "arrived"
    DEPOSITED = "deposited"
    OVERDUE = "overdue"
    REMOVED = "removed"
    COLLECTED = "collected"
    CANCELLED = "cancelled"


class ParcelTrigger(StrEnum):
    """What moves a parcel: staff, a station's fact, time, or a cancel the station has applied."""

    PACK = "pack"
    DEPART = "depart"
    ARRIVE = "arrive"
    PUT_IN = "put_in"
    PUT_IN_UNDONE = "put_in_undone"
    COLLECTED = "collected"
    HANDED_OVER = "handed_over"
    REMOVED = "removed"
    TIME_UP = "time_up"
    CANCEL = "cancel"


class CancelState(StrEnum):
    """What became of a wish to cancel; a station far away may take time, and a pickup wins."""

    NONE = "none"
    PENDING = "pending"
    DONE = "done"
    LOST = "lost"


_O, _OT = OrderState, OrderTrigger

ORDER_TRANSITIONS: dict[tuple[OrderState, OrderTrigger], OrderState] = {
    (_O.PLACED, _OT.PAY): _O.CONFIRMED,
    (_O.PLACED, _OT.TIME_OUT): _O.EXPIRED,
    (_O.PLACED, _OT.CANCEL): _O.CANCELLED,
    (_O.CONFIRMED, _OT.CANCEL): _O.CANCELLED,
    (_O.CONFIRMED, _OT.LOCK): _O.LOCKED,
}
"""From LOCKED on the order's state is derived: `state_of_parcels`."""


class CaseKind(StrEnum):
    """What needs a person's eye."""

    LABEL_UNKNOWN = "label_unknown"
    LABEL_OF_OTHER_STATION = "label_of_other_station"
    PARCEL_UNKNOWN = "parcel_unknown"
    PARCEL_OF_OTHER_STATION = "parcel_of_other_station"
    FACT_DOES_NOT_FIT = "fact_does_not_fit"
    CANCELLED_GOODS_OUT = "cancelled_goods_out"
    CANCEL_LOST = "cancel_lost"
    COLLECTED_AFTER_REFUND = "collected_after_refund"


CANCELLABLE_WITH_PARCELS = frozenset({_O.LOCKED, _O.PACKED})
"""The station already knows these: a cancel waits until it has applied it."""

_P, _PT = ParcelState, ParcelTrigger
_ON_THE_WAY = (_P.LOCKED, _P.PACKED, _P.DEPARTED, _P.ARRIVED)
_IN_COMPARTMENT = (_P.DEPOSITED, _P.OVERDUE)

PARCEL_TRANSITIONS: dict[tuple[ParcelState, ParcelTrigger], ParcelState] = {
    (_P.LOCKED, _PT.PACK): _P.PACKED,
    (_P.PACKED, _PT.DEPART): _P.DEPARTED,
    (_P.DEPARTED, _PT.ARRIVE): _P.ARRIVED,
    # The compartment's door is the better witness than a scan that somebody forgot.
    **{(state, _PT.PUT_IN): _P.DEPOSITED for state in (*_ON_THE_WAY, _P.REMOVED)},
    **{(state, _PT.PUT_IN_UNDONE): _P.ARRIVED for state in _IN_COMPARTMENT},
    **{(state, _PT.REMOVED): _P.REMOVED for state in _IN_COMPARTMENT},
    **{
        (state, trigger): _P.COLLECTED
        for state in _P
        if state is not _P.COLLECTED
        for trigger in (_PT.COLLECTED, _PT.HANDED_OVER)
    },
    (_P.DEPOSITED, _PT.TIME_UP): _P.OVERDUE,
    **{
        (state, _PT.CANCEL): _P.CANCELLED
        for state in _P
        if state not in (_P.COLLECTED, _P.CANCELLED)
    },
    # A cancelled parcel that still came: the keeper takes it out again.
    **{
        (_P.CANCELLED, trigger): _P.CANCELLED
        for trigger in (_PT.PUT_IN, _PT.PUT_IN_UNDONE, _PT.REMOVED)
    },
}


def next_order_state(state: OrderState, trigger: OrderTrigger) -> OrderState:
    """Return the order's state after `trigger`; KeyError for a pair the table does not know."""
    return ORDER_TRANSITIONS[state, trigger]


def next_parcel_state(state: ParcelState, trigger: ParcelTrigger) -> ParcelState:
    """Return the parcel's state after `trigger`; KeyError for a pair the table does not know."""
    return PARCEL_TRANSITIONS[state, trigger]


def state_of_parcels(parcels: Collection[ParcelState]) -> OrderState:
    """Return the state of a locked order: as far as its slowest parcel, cancelled ones left out."""
    kept = [state for state in parcels if state is not _P.CANCELLED]
    if not kept:
        return _O.CANCELLED
    if _P.COLLECTED in kept:
        whole = all(state is _P.COLLECTED for state in kept)
        return _O.COLLECTED if whole else _O.PARTLY_COLLECTED
    if any(state in (_P.OVERDUE, _P.REMOVED) for state in kept):
        return _O.OVERDUE
    if all(state is _P.DEPOSITED for state in kept):
        return _O.READY
    slowest = min(
        _ON_THE_WAY.index(_P.ARRIVED if state is _P.DEPOSITED else state) for state in kept
    )
    return _O(_ON_THE_WAY[slowest].value)


def diagram(title: str) -> str:
    """Return the Mermaid text of `order` or `parcel`, made from the tables; docs/reference/orders.md shows it."""
    pairs: list[tuple[str, str, str]] = (
        [(a.value, t.value, b.value) for (a, t), b in ORDER_TRANSITIONS.items()]
        if title == "order"
        else [(a.value, t.value, b.value) for (a, t), b in PARCEL_TRANSITIONS.items()]
    )
    first = _O.PLACED.value if title == "order" else _P.LOCKED.value
    arrows: dict[tuple[str, str], list[str]] = {}
    for before, trigger, after in pairs:
        arrows.setdefault((before, after), []).append(trigger)
    lines = [
        f"    {before} --> {after}: {', '.join(triggers)}"
        for (before, after), triggers in arrows.items()
    ]
    return "\n".join(["stateDiagram-v2", f"    [*] --> {first}", *lines])
