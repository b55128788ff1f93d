"""A certificate at the desk: shown once, never kept, for the desk alone."""

from tests.cloud.harness import HubUnderTest
from tests.cloud.web.test_family import STATION_ID, ordered
from tests.cloud.web.test_guards import client_of, field

BASE = f"/stations/{STATION_ID}"


async def test_the_desk_makes_one_and_ends_all(hub: HubUnderTest) -> None:
    await ordered(hub)
    async with client_of(hub, "operator") as client:
        csrf = field((await client.get(BASE)).text, "csrf")
        form = {"csrf": csrf, "technician": "<i>李", "hours": "8"}
        shown = await client.post(f"{BASE}/technician", data=form)
        assert (shown.status_code, shown.headers["cache-control"]) == (200, "no-store")
        assert "LT1" in shown.text
        assert 'class="qrbox"' in shown.text
        assert "&lt;i&gt;李" in shown.text
        for wrong in ({"technician": ""}, {"hours": "9"}, {"technician": "李" * 30}):
            refused = await client.post(f"{BASE}/technician", data=form | wrong)
            assert (refused.status_code, refused.headers["location"]) == (303, f"{BASE}#technician")
        assert (
            await client.post(f"{BASE}/technician", data=form | {"csrf": "x"})
        ).status_code == 403
        key = {"csrf": csrf, "key": "k1"}
        ended = await client.post(f"{BASE}/technician/revoke", data=key)
        assert ended.headers["location"] == f"{BASE}#technician"
        assert "张作废单待扫描" in (await client.get(BASE)).text
    assert (await hub.client.post(f"{BASE}/technician", data=form)).status_code == 303
    async with client_of(hub, "driver") as client:
        assert (await client.post(f"{BASE}/technician", data=form)).status_code == 403


async def test_the_same_by_json(hub: HubUnderTest) -> None:
    await ordered(hub)
    path, body = f"/api/v1{BASE}/certificates", {"technician": "Li", "hours": 8}
    for role in ("resident", "driver", "warehouse", None):
        refused = await hub.ask(role, "POST", path, json=body, headers={"Idempotency-Key": "a"})
        assert refused.status_code in (401, 403), role
    made = await hub.ask("operator", "POST", path, json=body, headers={"Idempotency-Key": "b"})
    assert made.status_code == 201
    assert made.json()["text"].startswith("LT1")
    long = await hub.ask(
        "operator", "POST", path, json=body | {"hours": 9}, headers={"Idempotency-Key": "c"}
    )
    assert long.status_code == 422
    ended = await hub.ask("operator", "POST", f"{path}/revoke", headers={"Idempotency-Key": "d"})
    assert ended.status_code == 200
