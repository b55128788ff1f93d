"""A grant's record and the row its station gets, as pure values."""

from dataclasses import dataclass, field
from typing import Literal

from cloud.stations.machine import LIVE_GRANTS, HubGrantState
from cloud.stations.models import RevokeState
from cloud.stations.store.grants import GrantRecord
from common.contract.replica import GrantRow


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


@dataclass(frozen=True, slots=True)
class Kin:
    """What a grant that was given away says besides: from which one, to whom, and the hash of its link."""

    parent_id: str
    given_to: str
    link_hash: bytes


def fresh_record(
    prepared: PreparedGrant,
    *,
    order: GrantOrder,
    parcel_ids: tuple[str, ...],
    at_ms: int,
    kin: Kin | None = None,
) -> GrantRecord:
    """Return the record of a grant that is being issued."""
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
        issued_at_ms=at_ms,
        expires_at_ms=None,
        ended_at_ms=None,
        retired=False,
        parent_id=kin.parent_id if kin else None,
        given_to=kin.given_to if kin else None,
        link_hash=kin.link_hash if kin else None,
    )


def revoke_outcome(wish: RevokeState, state: HubGrantState) -> RevokeState:
    """Return what a wish to revoke has come to: the open door wins over the wish."""
    if wish is RevokeState.NONE:
        return wish
    if state in (HubGrantState.OPENED, HubGrantState.DONE):
        return RevokeState.TOO_LATE
    return wish if state in LIVE_GRANTS else RevokeState.DONE


def grant_row(record: GrantRecord, state: Literal["issued", "revoked"]) -> GrantRow:
    """Return what the station is told."""
    return GrantRow(
        grant_id=record.grant_id,
        verifier=record.verifier.hex(),
        parcel_ids=record.parcel_ids,
        valid_for_s=record.valid_for_s,
        not_after_ms=record.not_after_ms,
        state=state,
        parent_id=record.parent_id,
    )
