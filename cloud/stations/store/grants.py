"""SQL of grants: the right to open, its sealed digits and what became of it."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.stations.models import RevokeState, code_shown, grant
from cloud.stations.store.sites import Value
from common.kit.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class GrantRecord:
    """One row of `pickup_grant`."""

    grant_id: str
    station_id: str
    order_id: str
    person_id: str
    verifier: bytes
    digits_sealed: bytes | None
    parcel_ids: tuple[str, ...]
    valid_for_s: int
    not_after_ms: int
    state: str
    pulses: int
    op: int
    revoke_state: str
    revoke_op: int | None
    revoked_by: str
    issued_at_ms: int
    expires_at_ms: int | None
    ended_at_ms: int | None
    retired: bool
    parent_id: str | None
    given_to: str | None
    link_hash: bytes | None


def insert_grant(connection: Connection, record: GrantRecord) -> None:
    """Write a new grant."""
    columns = {column.name: getattr(record, column.name) for column in grant.columns}
    columns["parcel_ids"] = list(record.parcel_ids)
    connection.execute(grant.insert().values(**columns))


def update_grant(connection: Connection, grant_id: str, **values: Value) -> None:
    """Change columns of a grant."""
    connection.execute(grant.update().where(grant.c.grant_id == grant_id).values(**values))


def one_grant(connection: Connection, grant_id: str) -> GrantRecord | None:
    """Return a grant."""
    return next(_select(connection, grant.c.grant_id == grant_id), None)


def known_grant(connection: Connection, grant_id: str) -> GrantRecord:
    """Return one grant; NotFoundError."""
    record = one_grant(connection, grant_id)
    if record is None:
        raise NotFoundError("grant.not_found", "there is no such grant", grant_id=grant_id)
    return record


def children_of(connection: Connection, parent_id: str) -> list[GrantRecord]:
    """Return the grants that were given away from this one, ended or not, the oldest first."""
    return list(_select(connection, grant.c.parent_id == parent_id))


def grant_by_link(connection: Connection, link_hash: bytes) -> GrantRecord | None:
    """Return the grant whose page has a token with this hash."""
    return next(_select(connection, grant.c.link_hash == link_hash), None)


def grant_by_verifier(
    connection: Connection, station_id: str, verifier: bytes
) -> GrantRecord | None:
    """Return the station's grant of that tag, ended or not."""
    here = (grant.c.station_id == station_id) & (grant.c.verifier == verifier)
    return next(_select(connection, here), None)


def sealed_digits(connection: Connection, station_id: str) -> list[tuple[str, bytes]]:
    """Return grant id and sealed digits of every code of the station that is still kept."""
    rows = connection.execute(
        sa.select(grant.c.grant_id, grant.c.digits_sealed)
        .where(grant.c.station_id == station_id, grant.c.digits_sealed.is_not(None))
        .order_by(grant.c.grant_id)
    )
    return [(grant_id, bytes(sealed)) for grant_id, sealed in rows]


def pending_revokes(connection: Connection, station_id: str, applied_op: int) -> list[GrantRecord]:
    """Return grants whose revocation the station has applied, but the hub has not settled."""
    here = (
        (grant.c.station_id == station_id)
        & (grant.c.revoke_state == RevokeState.PENDING.value)
        & (grant.c.revoke_op <= applied_op)
    )
    return list(_select(connection, here))


def waiting_revokes(connection: Connection, station_id: str, now_ms: int) -> list[GrantRecord]:
    """Return grants that still work at the station though they are revoked, the newest wish first."""
    ends = sa.func.coalesce(grant.c.expires_at_ms, grant.c.not_after_ms)
    here = (
        (grant.c.station_id == station_id)
        & (grant.c.revoke_state == RevokeState.PENDING.value)
        & (ends > now_ms)
    )
    return sorted(_select(connection, here), key=lambda one: -(one.revoke_op or 0))


def past_their_end(
    connection: Connection, states: Collection[str], now_ms: int
) -> list[GrantRecord]:
    """Return grants in one of `states` that no station can honour any more."""
    ends = sa.func.coalesce(grant.c.expires_at_ms, grant.c.not_after_ms)
    return list(_select(connection, grant.c.state.in_(states) & (ends <= now_ms)))


def ended_before(connection: Connection, moment_ms: int) -> list[GrantRecord]:
    """Return ended grants whose rows may leave the station's feed."""
    over = (grant.c.state != "revoked") | (grant.c.not_after_ms <= moment_ms)
    here = grant.c.retired.is_(False) & (grant.c.ended_at_ms <= moment_ms) & over
    return list(_select(connection, here))


def held_at(connection: Connection, station_id: str) -> list[GrantRecord]:
    """Return the grants whose rows the station holds, ended or not."""
    here = (grant.c.station_id == station_id) & grant.c.retired.is_(False)
    return list(_select(connection, here))


def note_shown(connection: Connection, grant_id: str, shown_to: str, at_ms: int) -> None:
    """Write down that a code was shown to someone for the first time."""
    if shown_to not in {who for who, _ in shown(connection, grant_id)}:
        connection.execute(
            code_shown.insert().values(grant_id=grant_id, shown_to=shown_to, first_at_ms=at_ms)
        )


def shown(connection: Connection, grant_id: str) -> list[tuple[str, int]]:
    """Return who was shown the code, and when first (ms)."""
    rows = connection.execute(
        sa.select(code_shown.c.shown_to, code_shown.c.first_at_ms)
        .where(code_shown.c.grant_id == grant_id)
        .order_by(code_shown.c.first_at_ms, code_shown.c.shown_to)
    )
    return [(who, at_ms) for who, at_ms in rows]


def _select(connection: Connection, where: "sa.ColumnElement[bool]") -> Iterator[GrantRecord]:
    rows = connection.execute(sa.select(grant).where(where).order_by(grant.c.grant_id)).all()
    for row in rows:
        values = dict(row._mapping)  # noqa: SLF001 - the documented name of a row's mapping
        values["verifier"] = bytes(values["verifier"])
        sealed = values["digits_sealed"]
        values["digits_sealed"] = None if sealed is None else bytes(sealed)
        link = values["link_hash"]
        values["link_hash"] = None if link is None else bytes(link)
        values["parcel_ids"] = tuple(values["parcel_ids"])
        yield GrantRecord(**values)
