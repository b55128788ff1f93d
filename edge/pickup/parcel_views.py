"""Turns a parcel, its placement and its grant into what the keeper reads."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from common.contract.words import GrantState
from common.kit.clock import from_ms
from edge.parcels import Parcel, PlacementState
from edge.pickup.store import Use
from edge.pickup.views import ParcelState, ParcelView

DEFAULT_ZONE = "Asia/Shanghai"
_ENDED = {
    PlacementState.COLLECTED: ParcelState.COLLECTED,
    PlacementState.HANDED_OVER: ParcelState.HANDED_OVER,
    PlacementState.REMOVED: ParcelState.REMOVED,
}


def parcel_view(parcel: Parcel, uses: Mapping[str, Use], *, door_gone: bool = False) -> ParcelView:
    """Return the keeper's view; `uses` are the grants over what lies here."""
    use = uses.get(parcel.parcel_id) if parcel.compartment else None
    placed_ms = parcel.placement.placed_at_ms if parcel.placement else None
    return ParcelView(
        parcel_id=parcel.parcel_id,
        label=parcel.label,
        order_tail=parcel.order_tail,
        person_masked=parcel.person_masked,
        temperature_class=parcel.temperature_class,
        size=parcel.size,
        items=parcel.items,
        state=parcel_state(parcel, use),
        compartment=parcel.compartment,
        placed_at=from_ms(placed_ms) if placed_ms is not None else None,
        expires_at=from_ms(use.expires_at_ms) if use else None,
        door_gone=door_gone,
    )


def parcel_state(parcel: Parcel, use: Use | None) -> ParcelState:
    """Return the one word for a parcel; a cancelled one that lies here must come out."""
    if parcel.placement and parcel.placement.state in _ENDED:
        return _ENDED[parcel.placement.state]
    if parcel.cancelled:
        return ParcelState.CANCELLED
    if parcel.placement is None:
        return ParcelState.EXPECTED
    overdue = use is not None and use.state in (GrantState.EXPIRED, GrantState.REVOKED)
    return ParcelState.OVERDUE if overdue else ParcelState.PLACED


def zone_of(name: str | None) -> ZoneInfo:
    """Return the site's time zone; before the first sync, or with a name nobody knows, Shanghai's."""
    try:
        return ZoneInfo(name or DEFAULT_ZONE)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo(DEFAULT_ZONE)
