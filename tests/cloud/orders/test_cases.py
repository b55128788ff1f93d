"""Cases: before a person until closed with a note, once, in the audit; the same fact does not open one again."""

import pytest

from cloud.orders.machine import CaseKind
from common.contract.events import ParcelUnknownScanned
from common.kit.errors import ConflictError, NotFoundError
from tests.cloud.harness import HubUnderTest
from tests.cloud.orders.shop import KEEPER, shop
from tests.cloud.stations.world import World


async def test_a_case_is_closed_once_with_a_note(world: World) -> None:
    await shop(world)
    await world.report(
        ParcelUnknownScanned(label="LL-9", keeper_id=KEEPER),
        ParcelUnknownScanned(label="LL-8", keeper_id=KEEPER),
    )
    second, first = await world.orders.cases()
    world.clock.pass_s(60)
    closed = await world.orders.close_case(first.case_id, "a neighbour's parcel", "wang")
    assert (closed.note, closed.closed_by) == ("a neighbour's parcel", "wang")
    assert closed.closed_at_ms == world.now_ms()
    assert [one.case_id for one in await world.orders.cases()] == [second.case_id]
    assert await world.orders.cases(closed=True) == [closed]
    with pytest.raises(ConflictError) as again:
        await world.orders.close_case(first.case_id, "another word", "li")
    assert again.value.key == "case.closed"
    with pytest.raises(NotFoundError):
        await world.orders.close_case("01K0N0CASE0000000000000000", "no such", "li")
    assert world.last
    await world.deliver(world.last)  # once more: a closed case stays closed
    assert len(await world.orders.cases()) == 1
    assert await world.violations() == []


async def test_the_desk_closes_a_case_over_http(hub: HubUnderTest) -> None:
    orders = hub.hub.rooms.orders
    await hub.hub.rooms.db.write(
        lambda c: orders._kit.open_case_tx(
            c, CaseKind.LABEL_UNKNOWN, source="event/x", detail="LL-9"
        )
    )
    (case,) = (await hub.ask("operator", "GET", "/api/v1/cases")).json()["cases"]
    assert (case["closed_at_ms"], case["closed_by"], case["note"]) == (None, None, None)
    path, note = f"/api/v1/cases/{case['case_id']}/close", {"note": "put aside"}
    assert (await hub.ask("driver", "POST", path, json=note)).status_code == 403
    assert (await hub.ask("operator", "POST", path, json={"note": ""})).status_code == 422
    closed = await hub.ask("operator", "POST", path, json=note)
    assert (closed.status_code, closed.json()["closed_by"]) == (200, "operator:the-operator")
    assert (await hub.ask("operator", "GET", "/api/v1/cases")).json() == {"cases": []}
    listed = await hub.ask("operator", "GET", "/api/v1/cases?state=closed")
    assert [one["note"] for one in listed.json()["cases"]] == ["put aside"]
    audit = await hub.hub.rooms.access.audit(before=None, limit=20)
    assert f"{case['case_id']}: put aside" in [one.about for one in audit]
