"""Sign-in, tokens, first admin, limiter and audit, on both engines with real Argon2."""

import asyncio

import pytest
import sqlalchemy as sa

from cloud.access.caller import ADMIN, OPERATOR, RESIDENT, Caller
from cloud.access.models import account, audit, setup_link, token
from cloud.access.service import Access
from cloud.access.store import Account
from cloud.app import Rooms
from common.kit.errors import ConflictError, InvalidError, NotFoundError, UnauthenticatedError
from common.kit.web import TooManyError
from tests.cloud.harness import BOSS, PASSWORD, MovableClock

PERSON = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.fixture
def subject(rooms: Rooms) -> Access:
    return rooms.access


async def operator(access: Access, login: str = "wang") -> Account:
    return await access.create(BOSS, login=login, role=OPERATOR, password=PASSWORD)


async def test_signing_in_gives_a_token_that_names_the_caller(subject: Access) -> None:
    made = await operator(subject)
    issued = await subject.sign_in("Wang", PASSWORD, origin="10.0.0.1")
    caller = await subject.authenticate(issued.token)
    assert caller == Caller(made.account_id, "wang", frozenset({OPERATOR}), None)
    assert len(issued.token) >= 43  # 256 bits


async def test_nothing_in_the_database_opens_the_door(subject: Access, rooms: Rooms) -> None:
    await operator(subject)
    issued = await subject.sign_in("wang", PASSWORD)
    setup = await subject.setup_token()
    assert setup is not None

    def dump(conn: sa.Connection) -> str:
        tables = (account, token, setup_link, audit)
        return repr([tuple(row) for table in tables for row in conn.execute(sa.select(table))])

    text = await rooms.db.read(dump)
    for secret in (PASSWORD, issued.token, setup):
        assert secret not in text
    assert "$argon2id$" in text


async def test_a_token_of_one_kind_is_not_the_other(subject: Access) -> None:
    await operator(subject)
    cookie = await subject.sign_in("wang", PASSWORD, kind="cookie")
    assert (await subject.authenticate(cookie.token, "cookie")).login == "wang"
    with pytest.raises(UnauthenticatedError):
        await subject.authenticate(cookie.token)


async def test_a_token_ends_by_time_and_by_sign_out(subject: Access, clock: MovableClock) -> None:
    await operator(subject)
    first = await subject.sign_in("wang", PASSWORD)
    second = await subject.sign_in("wang", PASSWORD)
    await subject.sign_out(first.token)
    with pytest.raises(UnauthenticatedError):
        await subject.authenticate(first.token)
    clock.forward(hours=11.9)
    assert (await subject.authenticate(second.token)).login == "wang"
    clock.forward(hours=0.2)
    with pytest.raises(UnauthenticatedError):
        await subject.authenticate(second.token)
    await subject.purge()


async def test_a_disabled_account_is_out_at_once_and_old_tokens_stay_dead(subject: Access) -> None:
    made = await operator(subject)
    issued = await subject.sign_in("wang", PASSWORD)
    await subject.set_active(BOSS, made.account_id, active=False, origin="")
    with pytest.raises(UnauthenticatedError):
        await subject.authenticate(issued.token)
    with pytest.raises(UnauthenticatedError):
        await subject.sign_in("wang", PASSWORD)
    with pytest.raises(ConflictError, match="disabled"):
        await subject.issue_token(BOSS, made.account_id, hours=1)
    await subject.set_active(BOSS, made.account_id, active=True, origin="")
    with pytest.raises(UnauthenticatedError):
        await subject.authenticate(issued.token)
    await subject.sign_in("wang", PASSWORD)


async def test_another_password_ends_every_session(subject: Access) -> None:
    made = await operator(subject)
    issued = await subject.sign_in("wang", PASSWORD)
    await subject.set_password(BOSS, made.account_id, "another long pass phrase", origin="")
    with pytest.raises(UnauthenticatedError):
        await subject.authenticate(issued.token)
    with pytest.raises(UnauthenticatedError):
        await subject.sign_in("wang", PASSWORD)
    await subject.sign_in("wang", "another long pass phrase")


async def test_the_last_admin_stays(subject: Access) -> None:
    one = await subject.put_admin("chief", PASSWORD)
    with pytest.raises(ConflictError) as caught:
        await subject.set_active(BOSS, one.account_id, active=False, origin="")
    assert caught.value.key == "access.last_admin"
    two = await subject.put_admin("second", PASSWORD)
    await subject.set_active(BOSS, one.account_id, active=False, origin="")
    with pytest.raises(ConflictError):
        await subject.set_active(BOSS, two.account_id, active=False, origin="")


@pytest.mark.parametrize("login", ["wang", "nobody"])
async def test_wrong_passwords_cost_a_growing_wait_for_known_and_unknown_logins(
    subject: Access, clock: MovableClock, login: str
) -> None:
    await operator(subject)
    for _ in range(5):
        with pytest.raises(UnauthenticatedError) as wrong:
            await subject.sign_in(login, "not the password")
        assert wrong.value.key == "access.wrong_login"
    waits = []
    for _ in range(9):
        with pytest.raises(TooManyError) as caught:
            await subject.sign_in(login, PASSWORD)
        waits.append(int(str(caught.value.params["wait_s"])))
        clock.forward(seconds=waits[-1])
        with pytest.raises(UnauthenticatedError):
            await subject.sign_in(login, "not the password")
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]


async def test_a_clock_that_is_put_back_blocks_no_longer_than_the_longest_wait(
    subject: Access, clock: MovableClock
) -> None:
    await operator(subject)
    for _ in range(5):
        with pytest.raises(UnauthenticatedError):
            await subject.sign_in("wang", "not the password")
    clock.forward(hours=-1000)
    for passed_s, wait_s in ((600, 3600), (3000, 3000)):
        with pytest.raises(TooManyError) as caught:
            await subject.sign_in("wang", PASSWORD)
        assert caught.value.params["wait_s"] == wait_s
        clock.forward(seconds=passed_s)
    await subject.sign_in("wang", PASSWORD)


async def test_the_right_password_after_the_wait_clears_the_count(
    subject: Access, clock: MovableClock
) -> None:
    await operator(subject)
    for _ in range(4):
        with pytest.raises(UnauthenticatedError):
            await subject.sign_in("wang", "not the password")
    await subject.sign_in("wang", PASSWORD)
    for _ in range(4):
        with pytest.raises(UnauthenticatedError):
            await subject.sign_in("wang", "not the password")
    await subject.sign_in("wang", PASSWORD)


async def test_guesses_at_the_same_moment_get_no_more_tries(subject: Access) -> None:
    await operator(subject)
    results = await asyncio.gather(
        *(subject.sign_in("wang", "not the password") for _ in range(30)), return_exceptions=True
    )
    checked = [one for one in results if isinstance(one, UnauthenticatedError)]
    assert len(checked) <= 5
    assert all(isinstance(one, UnauthenticatedError | TooManyError) for one in results)


async def test_the_first_admin_comes_by_a_link_that_works_once(
    subject: Access, clock: MovableClock
) -> None:
    old = await subject.setup_token()
    link = await subject.setup_token()
    assert old is not None
    assert link is not None
    with pytest.raises(UnauthenticatedError):
        await subject.set_up(old, "chief", PASSWORD)  # a newer link replaces the older
    with pytest.raises(UnauthenticatedError):
        await subject.set_up(old, "chief", "short")  # nothing is said or hashed without a link
    with pytest.raises(InvalidError):
        await subject.set_up(link, "chief", "short")
    made = await subject.set_up(link, "Chief", PASSWORD)
    assert (made.login, made.role) == ("chief", ADMIN)
    with pytest.raises(UnauthenticatedError):
        await subject.set_up(link, "thief", PASSWORD)
    assert await subject.setup_token() is None


async def test_the_link_is_dead_after_an_hour(subject: Access, clock: MovableClock) -> None:
    link = await subject.setup_token()
    assert link is not None
    clock.forward(minutes=61)
    with pytest.raises(UnauthenticatedError):
        await subject.set_up(link, "chief", PASSWORD)


async def test_the_link_dies_with_an_admin_made_elsewhere(subject: Access) -> None:
    link = await subject.setup_token()
    assert link is not None
    await subject.put_admin("chief", PASSWORD)
    with pytest.raises(UnauthenticatedError):
        await subject.set_up(link, "thief", PASSWORD)


async def test_the_terminal_resets_an_admin_and_nobody_else(subject: Access) -> None:
    made = await subject.put_admin("chief", PASSWORD)
    issued = await subject.sign_in("chief", PASSWORD)
    again = await subject.put_admin("chief", "another long pass phrase")
    assert again.account_id == made.account_id
    with pytest.raises(UnauthenticatedError):
        await subject.authenticate(issued.token)
    await operator(subject)
    with pytest.raises(ConflictError):
        await subject.put_admin("wang", PASSWORD)


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "x" * 129,
        "Password1234",
        "1qaz2wsx3edc",
        "aaaaaaaaaaaaaa",
        "abcabcabcabcabc",
        "abcdefghijklmno",
        "987654321098765"[:9] + "987654321",
        "i-am-wang-of-linli",
    ],
)
async def test_a_password_that_would_be_guessed_is_refused(subject: Access, password: str) -> None:
    with pytest.raises(InvalidError) as caught:
        await subject.create(BOSS, login="wang", role=OPERATOR, password=password)
    assert caught.value.key == "access.password_weak"


async def test_logins_are_unique_and_residents_belong_to_a_person(subject: Access) -> None:
    await operator(subject)
    with pytest.raises(ConflictError):
        await operator(subject, "WANG")
    for role, person_id in ((OPERATOR, PERSON), (RESIDENT, None)):
        with pytest.raises(InvalidError):
            await subject.create(BOSS, login="other", role=role, person_id=person_id)
    first = await subject.resident_account(PERSON)
    assert await subject.resident_account(PERSON) == first
    issued = await subject.issue_token(BOSS, first.account_id, hours=1)
    assert (await subject.authenticate(issued.token)).person_id == PERSON


async def test_a_resident_without_a_password_cannot_sign_in(subject: Access) -> None:
    made = await subject.resident_account(PERSON)
    with pytest.raises(UnauthenticatedError):
        await subject.sign_in(made.login, "")


async def test_an_unknown_account_is_not_found(subject: Access) -> None:
    with pytest.raises(NotFoundError):
        await subject.set_active(BOSS, PERSON, active=False, origin="")


async def test_the_audit_says_who_did_what_when_from_where(
    subject: Access, clock: MovableClock
) -> None:
    made = await operator(subject)
    clock.forward(minutes=1)
    with pytest.raises(UnauthenticatedError):
        await subject.sign_in("wang", "not the password", origin="10.0.0.9")
    await subject.set_active(BOSS, made.account_id, active=False, origin="10.0.0.1")
    entries = await subject.audit(before=None, limit=10)
    assert [(one.what, one.who, one.about, one.origin) for one in entries] == [
        ("account.disabled", "admin:test", "wang", "10.0.0.1"),
        ("session.refused", "nobody", "wang", "10.0.0.9"),
        ("account.created", "admin:test", "operator:wang", ""),
    ]
    assert entries[0].at_ms - entries[2].at_ms == 60_000
    older = await subject.audit(before=entries[0].number, limit=1)
    assert older == [entries[1]]
