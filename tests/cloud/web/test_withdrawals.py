"""The sheets of a silent station at the desk, and by JSON."""

import re

from tests.cloud.harness import HubUnderTest
from tests.cloud.web.test_family import STATION_ID, again, ordered
from tests.cloud.web.test_guards import client_of

PAGE = f"/stations/{STATION_ID}/withdrawals"


async def test_the_desk_finds_the_sheets_where_codes_still_open(hub: HubUnderTest) -> None:
    view = await ordered(hub)
    assert view.pickup
    async with client_of(hub, "operator") as client:
        station = (await client.get(PAGE.removesuffix("/withdrawals"))).text
        assert "withdrawals" not in station
        assert "站点已全部生效" in (await client.get(PAGE)).text
        await hub.hub.rooms.stations.grants.revoke(view.pickup.grant_id, "wang")
        station = (await client.get(PAGE.removesuffix("/withdrawals"))).text
        assert f'href="{PAGE}"' in station
        page = (await client.get(PAGE)).text
        assert page.count('class="qrbox"') == 1
        assert re.search(rf'href="/orders/{view.order_id}">…{view.number[-4:]}<', page)
        assert "尚未收到站点的消息" in page
        pickup = (await again(hub, view.order_id)).pickup
        assert pickup
        assert pickup.revoke_state == "pending"  # a sheet on a screen has ended nothing yet


async def test_the_same_by_json_for_the_desk_alone(hub: HubUnderTest) -> None:
    view = await ordered(hub)
    assert view.pickup
    await hub.hub.rooms.stations.grants.revoke(view.pickup.grant_id, "wang")
    path = f"/api/v1/stations/{STATION_ID}/capsules"
    for role in ("resident", "driver", None):
        assert (await hub.ask(role, "GET", path)).status_code in (401, 403), role
    answer = (await hub.ask("operator", "GET", path)).json()
    (one,) = answer["capsules"]
    assert one["text"].startswith("LR1")
    assert one["grant_ids"] == [view.pickup.grant_id]
    assert (await hub.client.get(PAGE)).status_code == 303
