"""People: a name, a phone that only its owner and a reasoned look may read, and masks for everybody else."""

import hashlib
import hmac
import re
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from cloud.access.caller import Caller
from cloud.access.sealing import Sealer
from cloud.access.service import audit_tx
from cloud.cdp import store
from cloud.cdp.store import PersonRow
from common.kit.chance import Chance
from common.kit.clock import Clock, to_ms
from common.kit.errors import ConflictError, InvalidError, NotFoundError
from common.kit.ids import new_id
from common.kit.sqldb import HubDb

_CHINESE_MOBILE = re.compile(r"1[3-9]\d{9}")
_E164 = re.compile(r"\+[1-9]\d{6,14}")


@dataclass(frozen=True, slots=True)
class Person:
    """A person as other rooms may see one: masked, never the number."""

    person_id: str
    display_name: str
    name_masked: str
    phone_tail: str
    created_at_ms: int


def person_tx(conn: Connection, person_id: str) -> Person | None:
    """Return the person, None when unknown."""
    row = store.find(conn, person_id)
    return _person(row) if row else None


def mask_name(name: str) -> str:
    """Return 张*明 for 张小明, 李* for 李雷, J***n for a Latin name."""
    plain = name.strip()
    if len(plain) <= 2:
        return plain[:1] + "*"
    return plain[0] + "*" * min(len(plain) - 2, 3) + plain[-1]


def normal_phone(phone: str) -> str:
    """Return the number in E.164; a bare Chinese mobile number gets +86."""
    digits = re.sub(r"[\s()-]", "", phone)
    if _CHINESE_MOBILE.fullmatch(digits):
        return f"+86{digits}"
    if not _E164.fullmatch(digits):
        raise InvalidError("person.phone", "give a Chinese mobile number or +country number")
    return digits


class People:
    """The people we know."""

    def __init__(
        self, db: HubDb, clock: Clock, chance: Chance, *, index_key: bytes, phone_key: bytes
    ) -> None:
        """Hold both keys: one finds a phone, the other reads it."""
        self._db, self._clock, self._chance = db, clock, chance
        self._index_key, self._sealer = index_key, Sealer(phone_key, chance)

    async def add(self, display_name: str, phone: str) -> Person:
        """Add a person; one phone belongs to one person."""
        row = self._new_row(display_name, normal_phone(phone))

        def insert(conn: Connection) -> Person:
            if store.find_by_phone(conn, row.phone_index) is not None:
                raise ConflictError("person.phone_taken", "another person has this phone")
            store.add(conn, row)
            return _person(row)

        return await self._db.write(insert)

    async def person(self, person_id: str) -> Person:
        """Return one person."""
        return await self._db.read(lambda conn: _person(_known(conn, person_id)))

    async def by_phone(self, phone: str) -> Person | None:
        """Return whose phone this is."""
        index = self._index(normal_phone(phone))
        row = await self._db.read(lambda conn: store.find_by_phone(conn, index))
        return _person(row) if row else None

    async def page(self, *, after: str, limit: int) -> list[Person]:
        """Return people by id, behind `after`."""
        rows = await self._db.read(lambda conn: store.page(conn, after=after, limit=limit))
        return [_person(row) for row in rows]

    async def reveal_phone(self, caller: Caller, person_id: str, reason: str, origin: str) -> str:
        """Return the full number; who looked and why goes into the audit first."""

        def look(conn: Connection) -> PersonRow:
            row = _known(conn, person_id)
            about = f"{person_id}: {reason}"
            audit_tx(
                conn,
                clock=self._clock,
                who=caller.name,
                what="person.phone_shown",
                about=about,
                origin=origin,
            )
            return row

        row = await self._db.write(look)
        return self._sealer.open(row.phone_sealed, f"phone|{person_id}").decode()

    def _new_row(self, display_name: str, e164: str) -> PersonRow:
        person_id = new_id(self._clock, self._chance)
        return PersonRow(
            person_id=person_id,
            display_name=display_name.strip(),
            phone_sealed=self._sealer.seal(e164.encode(), f"phone|{person_id}"),
            phone_tail=e164[-4:],
            phone_index=self._index(e164),
            created_at_ms=to_ms(self._clock.wall()),
        )

    def _index(self, e164: str) -> bytes:
        return hmac.digest(self._index_key, e164.encode(), hashlib.sha256)


def _person(row: PersonRow) -> Person:
    return Person(
        person_id=row.person_id,
        display_name=row.display_name,
        name_masked=mask_name(row.display_name),
        phone_tail=row.phone_tail,
        created_at_ms=row.created_at_ms,
    )


def _known(conn: Connection, person_id: str) -> PersonRow:
    row = store.find(conn, person_id)
    if row is None:
        raise NotFoundError("person.not_found", "there is no such person")
    return row
