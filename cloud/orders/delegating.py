"""Giving the pickup of one parcel to somebody else: a code, a QR code and a page of its own, taken back at will.

The owner's own code is never shown there and never sent on; what becomes of a given one stands in the order's story.
"""

from dataclasses import dataclass, replace

from sqlalchemy.engine import Connection

from cloud.orders.kit import OrderKit, link_hash
from cloud.orders.machine import CancelState, ParcelState
from cloud.orders.renewing import TO_COLLECT
from cloud.orders.store import parcels
from cloud.orders.store.timeline import Entry
from cloud.stations.service import GrantView, Kin, PreparedGrant
from common.kit.errors import ConflictError, NotFoundError
from common.kit.failpoints import fp

_LINK = "errand"


@dataclass(frozen=True, slots=True)
class DelegateView:
    """One parcel's pickup in somebody else's hands; `code` and `link_token` for the owner alone."""

    grant_id: str
    parcel_id: str
    given_to: str
    grant_state: str
    revoke_state: str
    live: bool
    given_at_ms: int
    expires_at_ms: int | None
    code: str | None = None
    link_token: str | None = None


@dataclass(frozen=True, slots=True)
class ErrandView:
    """What somebody sees who collects for another person: where, until when, with which code; nothing of the order."""

    grant_id: str
    order_id: str
    station_id: str
    station_name_zh: str
    station_name_en: str
    compartment: str | None
    temperature_class: str
    items: int
    grant_state: str
    revoke_state: str
    live: bool
    expires_at_ms: int | None
    code: str | None = None
    qr: str | None = None


class Delegating:
    """Use cases of giving and taking back."""

    def __init__(self, kit: OrderKit) -> None:
        """Work with the room's kit."""
        self._kit = kit

    async def give(self, order_id: str, parcel_id: str, given_to: str, by: str) -> str:
        """Give one parcel's pickup to `given_to` (the owner's word for a person); returns the new grant's id.

        Errors: NotFoundError; ConflictError `order.state`, `order.cancel_pending`, `order.nothing_left`,
        `grant.over`, `grant.too_many_given`.
        """
        order = await self._kit.db.read(lambda c: self._kit.order_tx(c, order_id))
        made: list[str] = []

        def give_tx(connection: Connection, code: PreparedGrant) -> None:
            made[:] = [self._give_tx(connection, order_id, parcel_id, given_to, by, code)]

        await self._kit.with_code(order.station_id, give_tx)
        return made[0]

    async def take_back(self, order_id: str, grant_id: str, by: str) -> None:
        """Ask the station to refuse a given code; *pending* until it has applied that. ConflictError `grant.over`."""

        def write(connection: Connection) -> None:
            order = self._kit.order_tx(connection, order_id)
            grant = self._kit.stations.grants.view_tx(connection, grant_id)
            if order.grant_id is None or grant.parent_id is None or grant.order_id != order_id:
                raise NotFoundError("grant.not_found", "there is no such grant", grant_id=grant_id)
            asked = grant.revoke_state
            self._kit.stations.grants.revoke_tx(connection, grant_id, by)
            if asked == "none":
                source, at_ms = f"grant/{grant_id}", self._kit.now_ms()
                entry = Entry(order_id, "taken_back", source, at_ms, grant.parcel_ids[0])
                self._kit.tell_tx(connection, entry)

        await self._kit.db.write(write)

    def given_tx(self, connection: Connection, grant_id: str) -> tuple[DelegateView, ...]:
        """Return what was given away from a grant, the oldest first, without codes."""
        children = self._kit.stations.grants.children_tx(connection, grant_id)
        return tuple(_delegate(one) for one in children)

    async def for_owner(self, given: DelegateView, shown_to: str) -> DelegateView:
        """Return the view with what its owner may pass on, while the code works."""
        code = await self._kit.stations.codes.show(given.grant_id, shown_to=shown_to)
        token = self._kit.link_token(given.grant_id, _LINK) if code else None
        return replace(given, code=code, link_token=token)

    async def errand(self, token: str) -> ErrandView:
        """Return what stands behind a given link, with its code while that works; NotFoundError for any other token."""
        view = await self._kit.db.read(lambda c: self._errand_tx(c, link_hash(token)))
        codes = self._kit.stations.codes
        code = await codes.show(view.grant_id, shown_to=f"link:{view.grant_id}")
        return replace(view, code=code, qr=await codes.qr(view.grant_id) if code else None)

    def tell_collected_tx(
        self, connection: Connection, station_id: str, grant_id: str, parcel_id: str,
        source: str, at_ms: int,
    ) -> None:  # fmt: skip
        """Tell the owner when a parcel was collected at the code's own station with one that she gave away."""
        grant = self._kit.stations.grants.find_tx(connection, grant_id)
        if grant is None or grant.station_id != station_id:
            return
        if grant.parent_id is not None:
            entry = Entry(grant.order_id, "collected_for_you", source, at_ms, parcel_id)
            self._kit.tell_tx(connection, entry)

    def _give_tx(
        self, connection: Connection, order_id: str, parcel_id: str, given_to: str, by: str,
        prepared: PreparedGrant,
    ) -> str:  # fmt: skip
        order = self._kit.order_tx(connection, order_id)
        own = {one.parcel_id: one for one in parcels.parcels_of(connection, order_id)}
        if parcel_id not in own:
            raise NotFoundError("parcel.not_found", "the order has no such parcel")
        if order.cancel_state != CancelState.NONE:
            raise ConflictError("order.cancel_pending", "the order is cancelled or being cancelled")
        if ParcelState(own[parcel_id].state) not in TO_COLLECT:
            raise ConflictError("order.nothing_left", "the parcel is not there to collect any more")
        if order.grant_id is None:
            raise ConflictError("order.state", "the order has no code yet")
        token = self._kit.link_token(prepared.grant_id, _LINK)
        kin = Kin(order.grant_id, given_to[:40], link_hash(token))
        grants = self._kit.stations.grants
        if parcel_id not in grants.view_tx(connection, order.grant_id).parcel_ids:
            raise ConflictError("order.nothing_left", "the code is not for this parcel")
        grants.give_tx(connection, prepared, kin, parcel_id)
        about = f"{order_id}: {prepared.grant_id}"
        self._kit.audit_tx(connection, who=by, what="grant.given", about=about)
        source, at_ms = f"grant/{prepared.grant_id}", self._kit.now_ms()
        self._kit.tell_tx(connection, Entry(order_id, "given", source, at_ms, parcel_id))
        fp("orders.given")
        return prepared.grant_id

    def _errand_tx(self, connection: Connection, hashed: bytes) -> ErrandView:
        grant = self._kit.stations.grants.by_link_tx(connection, hashed)
        parcel = parcels.one_parcel(connection, grant.parcel_ids[0]) if grant else None
        if grant is None or parcel is None:
            raise NotFoundError("order.not_found", "there is no such link")
        names = self._kit.stations.sites.names_tx(connection, grant.station_id)
        live = _is_live(grant)
        return ErrandView(
            grant_id=grant.grant_id,
            order_id=grant.order_id,
            station_id=grant.station_id,
            station_name_zh=names[0],
            station_name_en=names[1],
            compartment=parcel.compartment if live else None,
            temperature_class=parcel.temperature_class,
            items=parcel.items,
            grant_state=grant.state.value,
            revoke_state=grant.revoke_state.value,
            live=live,
            expires_at_ms=grant.expires_at_ms,
        )


def _is_live(grant: GrantView) -> bool:
    return grant.state.value in ("active", "opened")


def _delegate(grant: GrantView) -> DelegateView:
    return DelegateView(
        grant_id=grant.grant_id,
        parcel_id=grant.parcel_ids[0],
        given_to=grant.given_to or "",
        grant_state=grant.state.value,
        revoke_state=grant.revoke_state.value,
        live=_is_live(grant),
        given_at_ms=grant.issued_at_ms,
        expires_at_ms=grant.expires_at_ms,
    )
