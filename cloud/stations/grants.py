"""Grants: draw a code, give the station its verifier, show the digits to their owner only, revoke.

A code is slow to make (Argon2), so it is prepared before the transaction that issues it.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Literal

from sqlalchemy.engine import Connection

from cloud.stations.keys import seal, station_pepper, station_salt, unseal
from cloud.stations.kit import StationKit
from cloud.stations.machine import LIVE_GRANTS, GrantTrigger, HubGrantState, next_grant_state
from cloud.stations.models import RevokeState
from cloud.stations.qr import pin_keys_tx, qr_text
from cloud.stations.store import grants
from cloud.stations.store.grants import GrantRecord
from cloud.stations.views import GrantView, grant_view
from common.contract.replica import GrantRow, ParcelRow
from common.kit.codes import code_verifier, confusable, new_code
from common.kit.errors import ConflictError, NotFoundError
from common.kit.failpoints import fp
from common.kit.sqldb import hint_tx


@dataclass(frozen=True, slots=True)
class PreparedGrant:
    """A code that is drawn but not issued; forget it and nothing has happened."""

    grant_id: str
    station_id: str
    verifier: bytes
    digits: str = field(repr=False)
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class GrantOrder:
    """For whom a prepared code is issued, and how long it may live."""

    order_id: str
    person_id: str
    valid_for_s: int
    not_after_ms: int


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
        record = self._fresh_record(prepared, order, tuple(one.parcel_id for one in parcels))
        pin_keys_tx(self._kit, connection, record.station_id, record.issued_at_ms)
        op = self._kit.gateway.put_row_tx(
            connection, record.station_id, "grant", _row(record, "issued")
        )
        grants.insert_grant(connection, replace(record, op=op))
        fp("stations.grant_issued")
        return prepared.grant_id

    def withdraw_parcel_tx(self, connection: Connection, station_id: str, parcel_id: str) -> int:
        """Take a parcel's row out of the station's feed and return the op."""
        return self._kit.gateway.delete_row_tx(connection, station_id, "parcel", parcel_id)

    def announce_parcel_tx(self, connection: Connection, station_id: str, parcel: ParcelRow) -> int:
        """Put a parcel's row into the station's feed (or change it) and return the op."""
        return self._kit.gateway.put_row_tx(connection, station_id, "parcel", parcel)

    def revoke_tx(self, connection: Connection, grant_id: str, revoked_by: str) -> GrantView:
        """Ask the station to refuse the code; *pending* until it has applied that. ConflictError when it ended."""
        record = self._known(connection, grant_id)
        if record.state not in LIVE_GRANTS:
            raise ConflictError("grant.over", "the grant has ended", state=record.state)
        if record.revoke_state == RevokeState.NONE:
            op = self._kit.gateway.put_row_tx(
                connection, record.station_id, "grant", _row(record, "revoked")
            )
            grants.update_grant(
                connection,
                grant_id,
                revoke_state=RevokeState.PENDING.value,
                revoke_op=op,
                revoked_by=revoked_by[:80],
            )
            self._kit.audit_tx(connection, who=revoked_by, what="grant.revoke", about=grant_id)
            fp("stations.grant_revoked")
        return grant_view(self._known(connection, grant_id))

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
        wanted = [
            one
            for one in held
            if one.grant_id in grant_ids or not parcel_ids.isdisjoint(one.parcel_ids)
        ]
        for record in wanted:
            if record.state in LIVE_GRANTS:
                self.revoke_tx(connection, record.grant_id, "hub: station on an older disk")
            else:
                row = _row(record, "revoked")
                self._kit.gateway.put_row_tx(connection, station_id, "grant", row)
        return len(wanted)

    def apply_tx(
        self, connection: Connection, grant_id: str, trigger: GrantTrigger, at_ms: int
    ) -> bool:
        """Let a fact (or the hub's clock) move a grant; False for a grant nobody issued here."""
        record = grants.one_grant(connection, grant_id)
        if record is None:
            return False
        state = next_grant_state(HubGrantState(record.state), trigger)
        live = state in LIVE_GRANTS
        grants.update_grant(
            connection,
            grant_id,
            state=state.value,
            ended_at_ms=None if live else record.ended_at_ms or at_ms,
            revoke_state=_revoke_outcome(RevokeState(record.revoke_state), state).value,
        )
        hint_tx(connection, f"order:{record.order_id}")
        if not live:
            grants.update_grant(connection, grant_id, digits_sealed=None)
            fp("stations.digits_forgotten")
        return True

    def settle_revokes_tx(
        self, connection: Connection, station_id: str, at_ms: int
    ) -> tuple[str, ...]:
        """Call *revoked* what the station has applied; returns the ids of those grants."""
        applied_op = self._kit.gateway.applied_op_tx(connection, station_id)
        pending = grants.pending_revokes(connection, station_id, applied_op)
        for record in pending:
            self.apply_tx(connection, record.grant_id, GrantTrigger.REVOKED, at_ms)
        return tuple(record.grant_id for record in pending)

    async def show_code(self, grant_id: str, *, shown_to: str) -> str | None:
        """Return the eight digits, after writing down who sees them; None once used, revoked or expired.

        The caller has made sure that `shown_to` owns the order (its person, or the order's own link).
        """
        now_ms = self._kit.now_ms()

        def read(connection: Connection) -> tuple[str | None, bool]:
            known = {who for who, _ in grants.shown(connection, grant_id)}
            return self._digits(connection, grant_id, now_ms), shown_to[:80] in known

        def note(connection: Connection) -> None:
            grants.note_shown(connection, grant_id, shown_to[:80], now_ms)
            self._kit.audit_tx(connection, who=shown_to, what="grant.code_shown", about=grant_id)

        digits, noted = await self._kit.db.read(read)
        if digits is not None and not noted:
            await self._kit.db.write(note)
        return digits

    async def qr(self, grant_id: str) -> str:
        """Return the text of the grant's QR code, for whoever may see its digits. NotFoundError."""
        record = await self._kit.db.read(lambda c: self._known(c, grant_id))
        return qr_text(self._kit.secrets, record)

    async def shown_to(self, grant_id: str) -> list[tuple[str, int]]:
        """Return who was shown the code, and when first (ms)."""
        return await self._kit.db.read(lambda c: grants.shown(c, grant_id))

    def view_tx(self, connection: Connection, grant_id: str) -> GrantView:
        """Return the grant without its secrets; NotFoundError."""
        return grant_view(self._known(connection, grant_id))

    def expire_tx(self, connection: Connection, now_ms: int) -> tuple[str, ...]:
        """End grants whose time is over and forget their digits; returns their ids."""
        states = sorted(state.value for state in (HubGrantState.WAITING, HubGrantState.ACTIVE))
        over = grants.past_their_end(connection, states, now_ms)
        for record in over:
            self.apply_tx(connection, record.grant_id, GrantTrigger.EXPIRED, now_ms)
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

    def _known(self, connection: Connection, grant_id: str) -> GrantRecord:
        record = grants.one_grant(connection, grant_id)
        if record is None:
            raise NotFoundError("grant.not_found", "there is no such grant", grant_id=grant_id)
        return record

    def _digits(self, connection: Connection, grant_id: str, now_ms: int) -> str | None:
        record = self._known(connection, grant_id)
        over = (record.expires_at_ms or record.not_after_ms) <= now_ms
        if record.digits_sealed is None or record.revoke_state != RevokeState.NONE or over:
            return None
        key = self._kit.secrets.encryption_key
        return unseal(key, record.digits_sealed, grant_id=grant_id)

    def _live_digits(self, connection: Connection, station_id: str) -> list[str]:
        key = self._kit.secrets.encryption_key
        return [
            unseal(key, sealed, grant_id=grant_id)
            for grant_id, sealed in grants.sealed_digits(connection, station_id)
        ]

    def _refuse_mistakable(self, connection: Connection, prepared: PreparedGrant) -> None:
        station_id, digits = prepared.station_id, prepared.digits
        taken = self._live_digits(connection, station_id)
        same_tag = grants.grant_by_verifier(connection, station_id, prepared.verifier)
        if same_tag is not None or any(confusable(digits, other) for other in taken):
            raise ConflictError(
                "grant.prepare_again", "a code that could be mistaken for this one was just issued"
            )

    def _fresh_record(
        self, prepared: PreparedGrant, order: GrantOrder, parcel_ids: tuple[str, ...]
    ) -> GrantRecord:
        return GrantRecord(
            grant_id=prepared.grant_id,
            station_id=prepared.station_id,
            order_id=order.order_id,
            person_id=order.person_id,
            verifier=prepared.verifier,
            digits_sealed=prepared.sealed,
            parcel_ids=parcel_ids,
            valid_for_s=order.valid_for_s,
            not_after_ms=order.not_after_ms,
            state=HubGrantState.WAITING.value,
            pulses=0,
            op=0,
            revoke_state=RevokeState.NONE.value,
            revoke_op=None,
            revoked_by="",
            issued_at_ms=self._kit.now_ms(),
            expires_at_ms=None,
            ended_at_ms=None,
            retired=False,
        )


def _revoke_outcome(wish: RevokeState, state: HubGrantState) -> RevokeState:
    """Return what a wish to revoke has come to: the open door wins over the wish."""
    if wish is RevokeState.NONE:
        return wish
    if state in (HubGrantState.OPENED, HubGrantState.DONE):
        return RevokeState.TOO_LATE
    return wish if state in LIVE_GRANTS else RevokeState.DONE


def _row(record: GrantRecord, state: Literal["issued", "revoked"]) -> GrantRow:
    return GrantRow(
        grant_id=record.grant_id,
        verifier=record.verifier.hex(),
        parcel_ids=record.parcel_ids,
        valid_for_s=record.valid_for_s,
        not_after_ms=record.not_after_ms,
        state=state,
    )
