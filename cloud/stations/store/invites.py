"""SQL of invitations to pair a device over the network."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.stations.models import invite


@dataclass(frozen=True, slots=True)
class InviteRecord:
    """One row of `station_invite`."""

    station_id: str
    secret_hash: bytes
    expires_at_ms: int
    failures: int
    used_by: bytes | None


def one(connection: Connection, station_id: str, *, lock: bool) -> InviteRecord | None:
    """Return the station's invitation; with `lock` held for this transaction."""
    query = sa.select(invite).where(invite.c.station_id == station_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else InviteRecord(**row._mapping)  # noqa: SLF001 - SQLAlchemy's own name


def replace(
    connection: Connection, station_id: str, secret_hash: bytes, expires_at_ms: int
) -> None:
    """Write a fresh invitation in the place of any before."""
    connection.execute(sa.delete(invite).where(invite.c.station_id == station_id))
    connection.execute(
        sa.insert(invite).values(
            station_id=station_id,
            secret_hash=secret_hash,
            expires_at_ms=expires_at_ms,
            failures=0,
        )
    )


def count_failure(connection: Connection, station_id: str) -> None:
    """Note a wrong try."""
    query = sa.update(invite).where(invite.c.station_id == station_id)
    connection.execute(query.values(failures=invite.c.failures + 1))


def use(connection: Connection, station_id: str, key: bytes) -> None:
    """Note which key redeemed it."""
    query = sa.update(invite).where(invite.c.station_id == station_id)
    connection.execute(query.values(used_by=key))
