"""Grants: draw a code, give the station its verifier, revoke, let facts and time move them.

A code is slow to make (Argon2), so it is prepared before the transaction that issues it.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from sqlalchemy.engine import Connection

from cloud.stations.capsules import raise_epoch_tx
from cloud.stations.grant_rows import (
    GrantOrder,
    Kin,
    PreparedGrant,
    fresh_record,
    grant_row,
    revoke_outcome,
)
from cloud.stations.keys import seal, station_pepper, station_salt, unseal
from cloud.stations.kit import StationKit
from cloud.stations.machine import LIVE_GRANTS, GrantTrigger, HubGrantState, next_grant_state
from cloud.stations.models import RevokeState
from cloud.stations.qr import pin_keys_tx
from cloud.stations.store import grants
from cloud.stations.store.grants import GrantRecord
from cloud.stations.views import GrantView, grant_view
from common.contract.replica import ParcelRow
from common.kit.codes import code_verifier, confusable, new_code
from common.kit.errors import ConflictError
from common.kit.failpoints import fp
from common.kit.sqldb import hint_tx

CHILDREN_MAX = 3
"""So many may be given away from one grant at a time; one whose end the station has not heard of counts."""


class Grants:
    """Use cases about grants."""

    def __init__(self, kit: StationKit) -> None:
        """Work with the room's kit."""
        self._kit = kit

    async def prepare(self, station_id: str) -> PreparedGrant:
        """Draw a code no live code of the station can be mistaken for, and compute its verifier (about 30 ms)."""
        taken = await self._kit.db.read(lambda c: self._live_digits(c, station_id))
        while True:
            digits = new_code(self._kit.chance)
            if not any(confusable(digits, other) for other in taken):
                break
        master = self._kit.secrets.master
        verifier = await self._kit.work.run(
            code_verifier,
            pepper=station_pepper(master, station_id),
            salt=station_salt(master, station_id),
            station_id=station_id,
            code=digits,
        )
        grant_id = self._kit.new_id()
        key = self._kit.secrets.encryption_key
        sealed = seal(key, self._kit.chance, digits=digits, grant_id=grant_id)
        return PreparedGrant(grant_id, station_id, verifier, digits, sealed)

    def issue_tx(
        self,
        connection: Connection,
        prepared: PreparedGrant,
        *,
        order: GrantOrder,
        parcels: Sequence[ParcelRow],
    ) -> str:
        """Give the station the parcels and the grant for them; returns the grant's id.

        ConflictError `grant.prepare_again`: a code that could be mistaken for this one was issued since.
        """
        self._kit.station_tx(connection, prepared.station_id)
        self._refuse_mistakable(connection, prepared)
        for parcel in parcels:
            self.announce_parcel_tx(connection, prepared.station_id, parcel)
        parcel_ids = tuple(one.parcel_id for one in parcels)
        self._insert_tx(connection, prepared, order, parcel_ids, None)
        return prepared.grant_id

    def give_tx(
        self, connection: Connection, prepared: PreparedGrant, kin: Kin, parcel_id: str
    ) -> GrantView:
        """Issue a child of a live grant over one of its parcels; it never outlives its parent.

        ConflictError `grant.over`, `grant.too_many_given`, or `grant.prepare_again` as `issue_tx`.
        """
        parent = grants.known_grant(connection, kin.parent_id)
        if parent.state not in LIVE_GRANTS or parent.revoke_state != RevokeState.NONE:
            raise ConflictError("grant.over", "the grant has ended", state=parent.state)
        assert parent.parent_id is None
        assert parcel_id in parent.parcel_ids
        children = grants.children_of(connection, parent.grant_id)
        if sum(one.state in LIVE_GRANTS for one in children) >= CHILDREN_MAX:
            raise ConflictError("grant.too_many_given", "as many are given away as may be")
        self._refuse_mistakable(connection, prepared)
        order = GrantOrder(
            parent.order_id, parent.person_id, parent.valid_for_s,
            parent.not_after_ms if parent.expires_at_ms is None else parent.expires_at_ms,
        )  # fmt: skip
        self._insert_tx(connection, prepared, order, (parcel_id,), kin)
        return self.view_tx(connection, prepared.grant_id)

    def children_tx(self, connection: Connection, grant_id: str) -> tuple[GrantView, ...]:
        """Return what was given away from a grant, the oldest first."""
        return tuple(grant_view(one) for one in grants.children_of(connection, grant_id))

    def by_link_tx(self, connection: Connection, link_hash: bytes) -> GrantView | None:
        """Return the grant behind a link that was given away."""
        record = grants.grant_by_link(connection, link_hash)
        return grant_view(record) if record else None

    def withdraw_parcel_tx(self, connection: Connection, station_id: str, parcel_id: str) -> int:
        """Take a parcel's row out of the station's feed and return the op."""
        return self._kit.gateway.delete_row_tx(connection, station_id, "parcel", parcel_id)

    def announce_parcel_tx(self, connection: Connection, station_id: str, parcel: ParcelRow) -> int:
        """Put a parcel's row into the station's feed (or change it) and return the op."""
        return self._kit.gateway.put_row_tx(connection, station_id, "parcel", parcel)

    def revoke_tx(self, connection: Connection, grant_id: str, revoked_by: str) -> GrantView:
        """Ask the station to refuse the code and all that was given away from it; *pending* until it has applied that.

        ConflictError `grant.over` when it ended.
        """
        record = grants.known_grant(connection, grant_id)
        if record.state not in LIVE_GRANTS:
            raise ConflictError("grant.over", "the grant has ended", state=record.state)
        if record.revoke_state == RevokeState.NONE:
            op = self._kit.gateway.put_row_tx(
                connection, record.station_id, "grant", grant_row(record, "revoked")
            )
            grants.update_grant(
                connection,
                grant_id,
                revoke_state=RevokeState.PENDING.value,
                revoke_op=op,
                revoked_by=revoked_by[:80],
            )
            raise_epoch_tx(self._kit, connection, record.station_id)
            self._kit.audit_tx(connection, who=revoked_by, what="grant.revoke", about=grant_id)
            fp("stations.grant_revoked")
            for child in grants.children_of(connection, grant_id):
                if child.state in LIVE_GRANTS:
                    self.revoke_tx(connection, child.grant_id, revoked_by)
        return grant_view(grants.known_grant(connection, grant_id))

    async def revoke(self, grant_id: str, revoked_by: str) -> GrantView:
        """Revoke in a transaction of its own."""
        return await self._kit.db.write(lambda c: self.revoke_tx(c, grant_id, revoked_by))

    def close_tx(
        self,
        connection: Connection,
        station_id: str,
        grant_ids: AbstractSet[str],
        parcel_ids: AbstractSet[str],
    ) -> int:
        """Let these grants, and those of these parcels, open nothing at the station any more; return how many.

        For grants that ended long ago this is news all the same: a station that forgot their use still holds them.
        """
        held = grants.held_at(connection, station_id)
        touched = [one.parcel_ids for one in held if one.grant_id in grant_ids]
        parcel_ids = set(parcel_ids).union(*touched)  # another code over them may not know of it
        wanted = [
            one
            for one in held
            if one.grant_id in grant_ids or not parcel_ids.isdisjoint(one.parcel_ids)
        ]
        for record in wanted:
            if record.state in LIVE_GRANTS:
                self.revoke_tx(connection, record.grant_id, "hub: station on an older disk")
            else:
                row = grant_row(record, "revoked")
                self._kit.gateway.put_row_tx(connection, station_id, "grant", row)
        return len(wanted)

    def report_tx(
        self,
        connection: Connection,
        station_id: str,
        grant_id: str,
        trigger: GrantTrigger,
        at_ms: int,
    ) -> bool:
        """Let a station's fact move a grant; False for one that nobody issued here, or for another station."""
        record = grants.one_grant(connection, grant_id)
        if record is None:
            return False
        about = f"grant {grant_id}"
        if not self._kit.is_own_tx(connection, station_id, record.station_id, about):
            return False
        self._apply_tx(connection, record, trigger, at_ms)
        return True

    def _apply_tx(
        self, connection: Connection, record: GrantRecord, trigger: GrantTrigger, at_ms: int
    ) -> None:
        """Let a fact of its station, or the hub's clock, move a grant."""
        grant_id = record.grant_id
        state = next_grant_state(HubGrantState(record.state), trigger)
        live = state in LIVE_GRANTS
        grants.update_grant(
            connection,
            grant_id,
            state=state.value,
            ended_at_ms=None if live else record.ended_at_ms or at_ms,
            revoke_state=revoke_outcome(RevokeState(record.revoke_state), state).value,
        )
        hint_tx(connection, f"order:{record.order_id}")
        if not live:
            grants.update_grant(connection, grant_id, digits_sealed=None)
            fp("stations.digits_forgotten")

    def settle_revokes_tx(
        self, connection: Connection, station_id: str, at_ms: int
    ) -> tuple[str, ...]:
        """Call *revoked* what the station has applied; returns the ids of those grants."""
        applied_op = self._kit.gateway.applied_op_tx(connection, station_id)
        pending = grants.pending_revokes(connection, station_id, applied_op)
        for record in pending:
            self._apply_tx(connection, record, GrantTrigger.REVOKED, at_ms)
        return tuple(record.grant_id for record in pending)

    def find_tx(self, connection: Connection, grant_id: str) -> GrantView | None:
        """Return the grant without its secrets; None for one that nobody issued here."""
        record = grants.one_grant(connection, grant_id)
        return grant_view(record) if record else None

    def view_tx(self, connection: Connection, grant_id: str) -> GrantView:
        """Return the grant without its secrets; NotFoundError."""
        return grant_view(grants.known_grant(connection, grant_id))

    def expire_tx(self, connection: Connection, now_ms: int) -> tuple[str, ...]:
        """End grants whose time is over and forget their digits; returns their ids."""
        states = sorted(state.value for state in (HubGrantState.WAITING, HubGrantState.ACTIVE))
        over = grants.past_their_end(connection, states, now_ms)
        for record in over:
            self._apply_tx(connection, record, GrantTrigger.EXPIRED, now_ms)
        return tuple(record.grant_id for record in over)

    def retire_tx(self, connection: Connection, ended_before_ms: int) -> int:
        """Take long-ended grants out of the stations' feeds; returns how many.

        A revoked one stays until its time is over: a station that forgot it would believe its QR code.
        """
        records = grants.ended_before(connection, ended_before_ms)
        for record in records:
            gateway, station_id = self._kit.gateway, record.station_id
            gateway.delete_row_tx(connection, station_id, "grant", record.grant_id)
            grants.update_grant(connection, record.grant_id, retired=True)
        return len(records)

    def _live_digits(self, connection: Connection, station_id: str) -> list[str]:
        key = self._kit.secrets.encryption_key
        return [
            unseal(key, sealed, grant_id=grant_id)
            for grant_id, sealed in grants.sealed_digits(connection, station_id)
        ]

    def _insert_tx(
        self,
        connection: Connection,
        prepared: PreparedGrant,
        order: GrantOrder,
        parcel_ids: tuple[str, ...],
        kin: Kin | None,
    ) -> None:
        record = fresh_record(
            prepared, order=order, parcel_ids=parcel_ids, at_ms=self._kit.now_ms(), kin=kin
        )
        pin_keys_tx(self._kit, connection, record.station_id, record.issued_at_ms)
        row = grant_row(record, "issued")
        op = self._kit.gateway.put_row_tx(connection, record.station_id, "grant", row)
        grants.insert_grant(connection, replace(record, op=op))
        fp("stations.grant_issued")

    def _refuse_mistakable(self, connection: Connection, prepared: PreparedGrant) -> None:
        station_id, digits = prepared.station_id, prepared.digits
        taken = self._live_digits(connection, station_id)
        same_tag = grants.grant_by_verifier(connection, station_id, prepared.verifier)
        if same_tag is not None or any(confusable(digits, other) for other in taken):
            raise ConflictError(
                "grant.prepare_again", "a code that could be mistaken for this one was just issued"
            )
