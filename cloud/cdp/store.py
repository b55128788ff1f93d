"""SQL of people; every function runs inside the caller's transaction."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.cdp.models import person


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A row as it is stored."""

    person_id: str
    display_name: str
    phone_sealed: bytes
    phone_tail: str
    phone_index: bytes
    created_at_ms: int


def add(conn: Connection, row: PersonRow) -> None:
    """Insert a person."""
    conn.execute(
        person.insert().values(
            person_id=row.person_id,
            display_name=row.display_name,
            phone_sealed=row.phone_sealed,
            phone_tail=row.phone_tail,
            phone_index=row.phone_index,
            created_at_ms=row.created_at_ms,
        )
    )


def find(conn: Connection, person_id: str) -> PersonRow | None:
    """Return the person of an id."""
    row = conn.execute(sa.select(person).where(person.c.person_id == person_id)).first()
    return PersonRow(*row) if row else None


def find_by_phone(conn: Connection, phone_index: bytes) -> PersonRow | None:
    """Return the person whose phone has this blind index."""
    row = conn.execute(sa.select(person).where(person.c.phone_index == phone_index)).first()
    return PersonRow(*row) if row else None


def page(conn: Connection, *, after: str, limit: int) -> list[PersonRow]:
    """Return people by id, behind `after`."""
    query = sa.select(person).where(person.c.person_id > after).order_by(person.c.person_id)
    return [PersonRow(*row) for row in conn.execute(query.limit(limit))]
