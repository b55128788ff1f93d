"""People: phones are found blindly, read with a reason, and stand nowhere in the clear."""

import pytest
import sqlalchemy as sa

from cloud.app import Rooms
from cloud.cdp.checks import violations
from cloud.cdp.models import person
from cloud.cdp.service import People, mask_name, normal_phone, person_tx
from common.kit.errors import ConfigError, ConflictError, InvalidError, NotFoundError
from tests.cloud.harness import BOSS

PHONE = "13800001234"


@pytest.fixture
def subject(rooms: Rooms) -> People:
    return rooms.people


async def test_a_person_is_found_by_phone_in_any_writing(subject: People) -> None:
    made = await subject.add(" 张小明 ", PHONE)
    assert (made.name_masked, made.phone_tail) == ("张*明", "1234")
    assert await subject.by_phone("+86 138-0000-1234") == made
    assert await subject.by_phone("13800001235") is None
    assert await subject.person(made.person_id) == made


async def test_one_phone_belongs_to_one_person(subject: People) -> None:
    await subject.add("张小明", PHONE)
    with pytest.raises(ConflictError):
        await subject.add("另一人", f"+86{PHONE}")


async def test_no_phone_stands_in_the_database(subject: People, rooms: Rooms) -> None:
    await subject.add("张小明", PHONE)
    rows = await rooms.db.read(lambda conn: [tuple(row) for row in conn.execute(sa.select(person))])
    assert PHONE not in repr(rows)
    assert PHONE.encode() not in b"".join(part for part in rows[0] if isinstance(part, bytes))
    assert await rooms.db.read(violations) == []


async def test_the_full_number_needs_a_reason_that_is_kept(subject: People, rooms: Rooms) -> None:
    made = await subject.add("张小明", PHONE)
    phone = await subject.reveal_phone(BOSS, made.person_id, "parcel is leaking", "10.0.0.1")
    assert phone == f"+86{PHONE}"
    (entry,) = await rooms.access.audit(before=None, limit=1)
    assert (entry.what, entry.who, entry.origin) == ("person.phone_shown", "admin:test", "10.0.0.1")
    assert "parcel is leaking" in entry.about
    assert PHONE not in entry.about


async def test_a_sealed_phone_moved_to_another_person_does_not_open(
    subject: People, rooms: Rooms
) -> None:
    one = await subject.add("张小明", PHONE)
    two = await subject.add("李雷", "13900005678")

    def swap(conn: sa.Connection) -> None:
        sealed = conn.execute(
            sa.select(person.c.phone_sealed).where(person.c.person_id == one.person_id)
        ).scalar_one()
        conn.execute(
            person.update().where(person.c.person_id == two.person_id).values(phone_sealed=sealed)
        )

    await rooms.db.write(swap)
    with pytest.raises(ConfigError):
        await subject.reveal_phone(BOSS, two.person_id, "curious", "")


async def test_pages_go_on_where_they_stopped(subject: People) -> None:
    made = [await subject.add(f"人{n}", f"1380000000{n}") for n in range(3)]
    ids = sorted(one.person_id for one in made)
    first = await subject.page(after="", limit=2)
    rest = await subject.page(after=first[-1].person_id, limit=2)
    assert [one.person_id for one in (*first, *rest)] == ids


async def test_an_unknown_person_is_not_found(subject: People, rooms: Rooms) -> None:
    unknown = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    with pytest.raises(NotFoundError):
        await subject.person(unknown)
    assert await rooms.db.read(lambda conn: person_tx(conn, unknown)) is None


async def test_verify_finds_a_phone_in_the_clear(subject: People, rooms: Rooms) -> None:
    await subject.add("张小明", PHONE)
    spoil = person.update().values(phone_sealed=b"+8613800001234", phone_tail="12x")
    await rooms.db.write(lambda conn: conn.execute(spoil).rowcount)
    assert len(await rooms.db.read(violations)) == 2


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("张小明", "张*明"),
        ("李雷", "李*"),
        ("王", "王*"),
        ("欧阳小明明", "欧***明"),
        ("Ana", "A*a"),
    ],
)
def test_names_are_masked(name: str, masked: str) -> None:
    assert mask_name(name) == masked


@pytest.mark.parametrize("phone", ["", "123", "12800001234", "+0123456789", "1380000123x", "８"])
def test_what_is_no_number_is_refused(phone: str) -> None:
    with pytest.raises(InvalidError):
        normal_phone(phone)


async def test_verify_knows_a_sealed_phone_whatever_byte_it_begins_with(
    subject: People, rooms: Rooms
) -> None:
    await subject.add("张小明", PHONE)
    sealed = b"+" + bytes(12 + 16 + 13)
    await rooms.db.write(
        lambda conn: conn.execute(person.update().values(phone_sealed=sealed)).rowcount
    )
    assert await rooms.db.read(violations) == []
