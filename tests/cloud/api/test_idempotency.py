"""A repeated `Idempotency-Key`: one effect, one answer, also when the power goes in between."""

import asyncio

import pytest
import sqlalchemy as sa

from cloud.api.assemble import PREFIX
from cloud.api.gate import RateLimit
from cloud.api.idempotency import ClaimingDb
from cloud.api.models import kept_answer
from common.kit.failpoints import arm, disarm_all
from common.kit.web import TooManyError
from tests.cloud.harness import HubUnderTest, MovableClock

PEOPLE = f"{PREFIX}/persons"
BODY = {"display_name": "李雷", "phone": "13900005678"}
KEY = {"Idempotency-Key": "order-7"}


async def people(hub: HubUnderTest) -> int:
    return len(await hub.hub.rooms.people.page(after="", limit=50)) - 1


async def test_the_same_request_again_gets_the_same_answer(hub: HubUnderTest) -> None:
    first = await hub.ask("operator", "POST", PEOPLE, json=BODY, headers=KEY)
    again = await hub.ask("operator", "POST", PEOPLE, json=BODY, headers=KEY)
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert await people(hub) == 1


async def test_another_request_with_the_key_is_refused(hub: HubUnderTest) -> None:
    await hub.ask("operator", "POST", PEOPLE, json=BODY, headers=KEY)
    other = BODY | {"phone": "13900005679"}
    answer = await hub.ask("operator", "POST", PEOPLE, json=other, headers=KEY)
    assert (answer.status_code, answer.json()["key"]) == (409, "idempotency.other_request")
    assert await people(hub) == 1


async def test_keys_of_two_callers_never_meet(hub: HubUnderTest) -> None:
    await hub.ask("operator", "POST", PEOPLE, json=BODY, headers=KEY)
    other = BODY | {"phone": "13900005679"}
    assert (await hub.ask("admin", "POST", PEOPLE, json=other, headers=KEY)).status_code == 201


async def test_a_refusal_before_any_write_may_be_tried_again(hub: HubUnderTest) -> None:
    body = {"pieces": 5, "reason": "delivery"}
    path = f"{PREFIX}/products/TEA/stock"
    assert (await hub.ask("operator", "POST", path, json=body, headers=KEY)).status_code == 404
    product = {
        "sku": "TEA",
        "name_zh": "茶",
        "name_en": "Tea",
        "temperature_class": "ambient",
        "size": "S",
        "price_fen": 1,
    }
    await hub.ask("operator", "POST", f"{PREFIX}/products", json=product)
    again = await hub.ask("operator", "POST", path, json=body, headers=KEY)
    assert (again.status_code, again.json()["available"]) == (200, 5)


@pytest.mark.parametrize("key", ["", "x" * 65, "a b", "é"])
async def test_a_key_must_be_short_and_visible(hub: HubUnderTest, key: str) -> None:
    answer = await hub.ask(
        "operator", "POST", PEOPLE, json=BODY, headers={"Idempotency-Key": key.encode("latin-1")}
    )
    assert (answer.status_code, answer.json()["key"]) == (422, "idempotency.key_invalid")


async def test_the_same_key_at_the_same_moment_has_one_effect(hub: HubUnderTest) -> None:
    body = {"pieces": 1, "reason": "delivery"}
    product = {
        "sku": "TEA",
        "name_zh": "茶",
        "name_en": "Tea",
        "temperature_class": "ambient",
        "size": "S",
        "price_fen": 1,
    }
    await hub.ask("operator", "POST", f"{PREFIX}/products", json=product)
    path = f"{PREFIX}/products/TEA/stock"
    answers = await asyncio.gather(
        *(hub.ask("operator", "POST", path, json=body, headers=KEY) for _ in range(8))
    )
    assert {one.status_code for one in answers} <= {200, 409}
    assert 200 in {one.status_code for one in answers}
    assert (await hub.ask("operator", "GET", f"{PREFIX}/products/TEA")).json()["available"] == 1


async def test_who_hangs_up_and_asks_again_gets_the_answer(hub: HubUnderTest) -> None:
    body = b'{"login":"wang","role":"operator","password":"four-long-words-1897"}'
    head = (
        f"POST {PREFIX}/accounts HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: order-7\r\n"
        f"Authorization: Bearer {hub.tokens['admin']}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    _, writer = await asyncio.open_connection("127.0.0.1", hub.hub.web.port)
    writer.write(head.encode() + body)
    await writer.drain()
    writer.close()
    headers = {**KEY, "Content-Type": "application/json"}
    async with asyncio.timeout(8):
        while True:
            answer = await hub.ask(
                "admin", "POST", f"{PREFIX}/accounts", content=body, headers=headers
            )
            if answer.status_code != 409:
                break
            assert answer.json()["key"] == "idempotency.running"
    assert answer.status_code == 201
    logins = [one.login for one in await hub.hub.rooms.access.accounts()]
    assert logins.count("wang") == 1


async def test_a_crash_after_the_effect_is_never_a_second_effect(hub: HubUnderTest) -> None:
    """The first commit holds effect and claim; the second, with the answer, never happens."""
    passed = 0

    def power_cut() -> None:
        nonlocal passed
        passed += 1
        if passed == 2:
            raise SystemError("power cut before the second commit")

    arm("kit.sqldb.before_commit", power_cut)
    try:
        first = await hub.ask("operator", "POST", PEOPLE, json=BODY, headers=KEY)
    finally:
        disarm_all()
    assert first.status_code == 500
    again = await hub.ask("operator", "POST", PEOPLE, json=BODY, headers=KEY)
    assert (again.status_code, again.json()["key"]) == (409, "idempotency.interrupted")
    assert await people(hub) == 1


async def test_a_crash_before_the_effect_leaves_the_key_free(hub: HubUnderTest) -> None:
    def power_cut() -> None:
        raise SystemError("power cut before the first commit")

    arm("kit.sqldb.before_commit", power_cut)
    try:
        first = await hub.ask("operator", "POST", PEOPLE, json=BODY, headers=KEY)
    finally:
        disarm_all()
    assert first.status_code == 500
    again = await hub.ask("operator", "POST", PEOPLE, json=BODY, headers=KEY)
    assert again.status_code == 201
    assert await people(hub) == 1


async def test_kept_answers_cannot_be_read_and_end_after_a_day(
    hub: HubUnderTest, clock: MovableClock
) -> None:
    body = {"login": "script", "role": "operator"}
    made = await hub.ask("admin", "POST", f"{PREFIX}/accounts", json=body)
    path = f"{PREFIX}/accounts/{made.json()['account_id']}/tokens"
    issued = await hub.ask("admin", "POST", path, json={"hours": 1}, headers=KEY)
    again = await hub.ask("admin", "POST", path, json={"hours": 1}, headers=KEY)
    assert issued.json()["token"] == again.json()["token"]

    def rows(conn: sa.Connection) -> list[bytes]:
        return [row.body_sealed for row in conn.execute(sa.select(kept_answer))]

    (sealed,) = await hub.hub.db.read(rows)
    assert issued.json()["token"].encode() not in sealed
    clock.forward(hours=25)
    await hub.hub.rooms.idempotency.purge()
    assert await hub.hub.db.read(rows) == []


async def test_without_a_request_the_store_is_the_plain_one(hub: HubUnderTest) -> None:
    store = ClaimingDb(hub.hub.db)
    assert await store.write(lambda conn: conn.execute(sa.text("SELECT 1")).scalar()) == 1


async def test_a_caller_who_asks_too_often_waits() -> None:
    subject = RateLimit(per_minute=120)
    for _ in range(120):
        subject.take("a")
    with pytest.raises(TooManyError) as caught:
        subject.take("a")
    assert caught.value.params == {"wait_s": 1}
    subject.take("b")
    async with asyncio.timeout(5):
        while True:
            await asyncio.sleep(0.1)
            try:
                subject.take("a")
            except TooManyError:
                continue
            break
