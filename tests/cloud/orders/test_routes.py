"""Orders and stations over HTTP: the paths people and scripts rely on, and who may use them."""

import asyncio

import httpx
import pytest

from cloud.access.caller import ADMIN, DRIVER, OPERATOR, RESIDENT, WAREHOUSE
from cloud.catalog.service import Product
from cloud.stations.service import NewStation
from common.contract.events import StationStarted
from common.contract.words import Lane, Size, TemperatureClass
from common.kit.clock import from_ms
from tests.cloud.harness import HubUnderTest

STATION_ID = "01K0TESTSTATN0000000000001"


async def ask(
    hub: HubUnderTest, role: str | None, method: str, path: str, **options: object
) -> httpx.Response:
    return await hub.ask(role, method, f"/api/v1{path}", **options)


async def furnish(hub: HubUnderTest) -> None:
    """Fill the running hub: a station with doors, an open round, milk on the shelf."""
    rooms = hub.hub.rooms
    await rooms.stations.create_station(
        NewStation("阳光里 3 号", "Yangguangli 3", "400-820-0123", station_id=STATION_ID)
    )
    await rooms.stations.pair(STATION_ID, bytes(range(32)))
    await rooms.orders.open_round("第 1 期")
    chilled = TemperatureClass.CHILLED
    await rooms.catalog.add(
        Product("MILK", "鲜牛奶", "Fresh milk", chilled, Size.S, 1590, "MILK", 1)
    )
    await rooms.catalog.receive("MILK", 10, "test")
    from cloud.sync.ingest import EventContext

    started = StationStarted(
        app_version="0.1.0", boot_reason="cold", compartments=("A01",), open_doors=()
    )
    context = EventContext(STATION_ID, Lane.FACTS, 1, 1, from_ms(0), from_ms(0))
    handlers = rooms.gateway.handlers["station.started"]
    await hub.hub.db.write(lambda c: [handler(c, context, started) for handler in handlers])


async def placed(hub: HubUnderTest, qty: int = 2) -> str:
    answer = await ask(hub, RESIDENT, "POST", "/orders", json=basket(hub, qty))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["order_id"])


def basket(hub: HubUnderTest, qty: int = 2, person_id: str | None = None) -> dict[str, object]:
    return {
        "person_id": person_id or hub.person_id,
        "station_id": STATION_ID,
        "lines": [{"sku": "MILK", "qty": qty}],
    }


async def test_from_basket_to_arrival(hub: HubUnderTest) -> None:
    await furnish(hub)
    order_id = await placed(hub)
    paid = await ask(hub, RESIDENT, "POST", f"/orders/{order_id}/pay")
    assert (paid.status_code, paid.json()["payment"]) == (200, "paid")
    locked = await ask(hub, OPERATOR, "POST", f"/orders/{order_id}/lock")
    assert locked.json()["state"] == "locked"
    assert locked.json()["pickup"]["code"] is None
    [parcel] = locked.json()["parcels"]
    path = f"/parcels/{parcel['parcel_id']}/custody"
    for role, step in ((WAREHOUSE, "packed"), (DRIVER, "departed"), (DRIVER, "arrived")):
        moved = await ask(hub, role, "POST", path, json={"to": step})
        assert (moved.status_code, moved.json()["state"]) == (200, step)
    own = (await ask(hub, RESIDENT, "GET", f"/orders/{order_id}")).json()
    assert len(own["pickup"]["code"]) == 8
    assert own["link_token"]
    staff = (await ask(hub, OPERATOR, "GET", f"/orders/{order_id}")).json()
    assert (staff["pickup"]["code"], staff["link_token"]) == (None, None)
    custody = (await ask(hub, DRIVER, "GET", path)).json()["custody"]
    assert [entry["to_state"] for entry in custody] == ["packed", "departed", "arrived"]
    listed = (await ask(hub, RESIDENT, "GET", "/orders?limit=1")).json()
    assert [one["order_id"] for one in listed["orders"]] == [order_id]
    assert listed["next"] == order_id


async def test_a_repeated_post_is_one_order(hub: HubUnderTest) -> None:
    await furnish(hub)
    headers = {"Idempotency-Key": "basket-1"}
    answers = [
        await ask(hub, RESIDENT, "POST", "/orders", json=basket(hub), headers=headers)
        for _ in range(3)
    ]
    assert len({answer.text for answer in answers}) == 1
    orders = (await ask(hub, OPERATOR, "GET", "/orders")).json()["orders"]
    assert len(orders) == 1


async def test_paying_at_once_from_two_phones_is_one_payment(hub: HubUnderTest) -> None:
    await furnish(hub)
    order_id = await placed(hub)
    answers = await asyncio.gather(
        *(ask(hub, RESIDENT, "POST", f"/orders/{order_id}/pay") for _ in range(6))
    )
    assert [answer.status_code for answer in answers] == [200] * 6
    journals = await hub.hub.db.read(lambda c: hub.hub.rooms.money.journals_tx(c, order_id))
    assert len(journals) == 1


async def test_a_resident_sees_and_moves_only_the_own_orders(hub: HubUnderTest) -> None:
    await furnish(hub)
    other = await hub.hub.rooms.people.add("李雷", "13900005678")
    answer = await ask(
        hub, OPERATOR, "POST", "/orders", json=basket(hub, person_id=other.person_id)
    )
    assert answer.status_code == 201
    order_id = answer.json()["order_id"]
    for method, path in (
        ("GET", f"/orders/{order_id}"),
        ("POST", f"/orders/{order_id}/pay"),
        ("POST", f"/orders/{order_id}/cancel"),
    ):
        refused = await ask(hub, RESIDENT, method, path)
        assert (refused.status_code, refused.json()["key"]) == (404, "order.not_found")
    foreign = await ask(
        hub, RESIDENT, "POST", "/orders", json=basket(hub, person_id=other.person_id)
    )
    assert (foreign.status_code, foreign.json()["key"]) == (404, "order.person_unknown")
    listed = await ask(hub, RESIDENT, "GET", f"/orders?person_id={other.person_id}")
    assert listed.json()["orders"] == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"lines": []}, 422),
        ({"lines": [{"sku": "MILK", "qty": 0}]}, 422),
        ({"lines": [{"sku": "MILK", "qty": "2"}]}, 422),
        ({"lines": [{"sku": "NOTHING", "qty": 1}]}, 404),
        ({"lines": [{"sku": "MILK", "qty": 11}]}, 409),
        ({"station_id": "01K0N0TTHERE00000000000001"}, 404),
        ({"station_id": "here"}, 422),
        ({"colour": "red"}, 422),
    ],
)
async def test_a_basket_that_cannot_be(
    hub: HubUnderTest, change: dict[str, object], status: int
) -> None:
    await furnish(hub)
    answer = await ask(hub, RESIDENT, "POST", "/orders", json=basket(hub) | change)
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("application/problem+json")


async def test_a_round_is_cut_off_and_the_next_one_opened(hub: HubUnderTest) -> None:
    await furnish(hub)
    order_id = await placed(hub)
    await ask(hub, RESIDENT, "POST", f"/orders/{order_id}/pay")
    [one] = (await ask(hub, RESIDENT, "GET", "/rounds")).json()["rounds"]
    closed = await ask(hub, OPERATOR, "POST", f"/rounds/{one['round_id']}/close")
    assert closed.json()["state"] == "closed"
    refused = await ask(hub, RESIDENT, "POST", "/orders", json=basket(hub))
    assert (refused.status_code, refused.json()["key"]) == (409, "order.round_closed")
    opened = await ask(hub, OPERATOR, "POST", "/rounds", json={"name": "第 2 期"})
    assert (opened.status_code, opened.json()["state"]) == (201, "open")
    shown = await ask(hub, RESIDENT, "GET", f"/orders/{order_id}")
    assert shown.json()["state"] == "locked"
    cancelled = await ask(hub, RESIDENT, "POST", f"/orders/{order_id}/cancel")
    assert cancelled.json()["cancel"] == "pending"
    assert (await ask(hub, OPERATOR, "GET", "/cases")).json() == {"cases": []}


async def test_a_station_its_door_its_keeper_and_its_events(hub: HubUnderTest) -> None:
    await furnish(hub)
    base = f"/stations/{STATION_ID}"
    [listed] = (await ask(hub, OPERATOR, "GET", "/stations")).json()["stations"]
    assert (listed["name_zh"], listed["connectivity"]) == ("阳光里 3 号", "never")
    wish = {"kind": "open_door", "compartment": "A01", "reason": "resident called"}
    sent = await ask(hub, OPERATOR, "POST", f"{base}/commands", json=wish)
    assert (sent.status_code, sent.json()["state"]) == (201, "queued")
    shown = await ask(hub, OPERATOR, "GET", f"/commands/{sent.json()['command_id']}")
    assert shown.json()["issued_by"] == "operator:the-operator"
    marked = await ask(
        hub,
        OPERATOR,
        "POST",
        f"{base}/compartments/A01/service",
        json={"out_of_service": True, "reason": "hinge broken"},
    )
    assert marked.json()["pending"] is True
    keeper = await ask(
        hub, ADMIN, "POST", f"{base}/keepers", json={"display_name": "王", "pin": "482913"}
    )
    assert keeper.status_code == 200
    assert "pin" not in keeper.text
    keepers = (await ask(hub, OPERATOR, "GET", f"{base}/keepers")).json()["keepers"]
    assert [one["display_name"] for one in keepers] == ["王"]
    detail = (await ask(hub, DRIVER, "GET", base)).json()
    assert [one["label"] for one in detail["compartments"]] == ["A01"]
    events = await ask(hub, OPERATOR, "GET", f"{base}/events?limit=5")
    assert events.json() == {"events": [], "next": None}
    odd = await ask(hub, OPERATOR, "GET", f"{base}/events?before=x")
    assert odd.status_code == 422


@pytest.mark.parametrize(
    ("role", "method", "path"),
    [
        (RESIDENT, "GET", "/stations"),
        (RESIDENT, "POST", f"/stations/{STATION_ID}/commands"),
        (DRIVER, "POST", f"/stations/{STATION_ID}/commands"),
        (WAREHOUSE, "POST", f"/stations/{STATION_ID}/keepers"),
        (DRIVER, "POST", "/orders"),
        (RESIDENT, "POST", "/orders/01K0N0TTHERE00000000000001/lock"),
        (RESIDENT, "POST", "/parcels/01K0N0TTHERE00000000000001/custody"),
        (DRIVER, "POST", "/grants/01K0N0TTHERE00000000000001/revoke"),
        (WAREHOUSE, "GET", "/cases"),
        (DRIVER, "POST", "/rounds"),
    ],
)
async def test_roles_that_may_not(hub: HubUnderTest, role: str, method: str, path: str) -> None:
    assert (await ask(hub, role, method, path)).status_code == 403
    assert (await ask(hub, None, method, path)).status_code == 401


async def test_each_custody_step_has_its_hands(hub: HubUnderTest) -> None:
    await furnish(hub)
    order_id = await placed(hub)
    await ask(hub, RESIDENT, "POST", f"/orders/{order_id}/pay")
    locked = await ask(hub, OPERATOR, "POST", f"/orders/{order_id}/lock")
    path = f"/parcels/{locked.json()['parcels'][0]['parcel_id']}/custody"
    refused = await ask(hub, DRIVER, "POST", path, json={"to": "packed"})
    assert refused.status_code == 403
    early = await ask(hub, DRIVER, "POST", path, json={"to": "arrived"})
    assert (early.status_code, early.json()["key"]) == (409, "parcel.state")
    nowhere = await ask(hub, DRIVER, "POST", path, json={"to": "moon"})
    assert nowhere.status_code == 422


async def test_a_code_can_be_revoked(hub: HubUnderTest) -> None:
    await furnish(hub)
    order_id = await placed(hub)
    await ask(hub, RESIDENT, "POST", f"/orders/{order_id}/pay")
    locked = await ask(hub, OPERATOR, "POST", f"/orders/{order_id}/lock")
    grant_id = locked.json()["pickup"]["grant_id"]
    revoked = await ask(hub, OPERATOR, "POST", f"/grants/{grant_id}/revoke")
    assert (revoked.json()["state"], revoked.json()["revoke_state"]) == ("waiting", "pending")
    own = await ask(hub, RESIDENT, "GET", f"/orders/{order_id}")
    assert own.json()["pickup"]["code"] is None


async def test_the_desk_issues_a_new_code_after_a_revoke(hub: HubUnderTest) -> None:
    await furnish(hub)
    order_id = await placed(hub)
    await ask(hub, RESIDENT, "POST", f"/orders/{order_id}/pay")
    locked = await ask(hub, OPERATOR, "POST", f"/orders/{order_id}/lock")
    path = f"/orders/{order_id}/code"
    early = await ask(hub, OPERATOR, "POST", path)
    assert (early.status_code, early.json()["key"]) == (409, "grant.live")
    grant_id = locked.json()["pickup"]["grant_id"]
    await ask(hub, OPERATOR, "POST", f"/grants/{grant_id}/revoke")
    assert (await ask(hub, RESIDENT, "POST", path)).status_code == 403
    renewed = await ask(hub, OPERATOR, "POST", path)
    assert renewed.status_code == 200
    assert renewed.json()["pickup"]["grant_id"] != grant_id
    assert renewed.json()["pickup"]["code"] is None
    own = await ask(hub, RESIDENT, "GET", f"/orders/{order_id}")
    assert len(own.json()["pickup"]["code"]) == 8
    (entry,) = [
        one
        for one in await hub.hub.rooms.access.audit(before=None, limit=50)
        if one.what == "grant.renewed"
    ]
    assert grant_id in entry.about
