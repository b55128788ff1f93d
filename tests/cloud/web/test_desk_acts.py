"""What the desk does on its pages: close a case with a note, give out a new code after a revoke."""

from functools import partial

from sqlalchemy.engine import Connection

from cloud.catalog.service import Product
from cloud.orders.machine import CaseKind
from cloud.orders.service import Wish
from cloud.stations.service import NewStation
from cloud.stations.store.sites import upsert_compartment
from cloud.sync import Certificates, hub_authority
from cloud.sync.sessions import hello_tx
from common.contract.protocol import Hello
from common.contract.words import Size, TemperatureClass
from common.kit.certificates import Holder
from common.kit.chance import system_chance
from common.kit.clock import to_ms
from common.kit.identity import public_key
from tests.cloud.harness import SECRETS, HubUnderTest, MovableClock
from tests.cloud.web.test_guards import client_of, field


async def test_a_case_is_closed_on_its_page(hub: HubUnderTest) -> None:
    orders = hub.hub.rooms.orders
    await hub.hub.rooms.db.write(
        lambda c: orders._kit.open_case_tx(
            c, CaseKind.LABEL_UNKNOWN, source="event/x", detail="LL-9"
        )
    )
    (case,) = await orders.cases()
    async with client_of(hub, "operator") as client:
        page = (await client.get("/cases")).text
        assert "LL-9" in page
        sent = {"csrf": field(page, "csrf"), "key": field(page, "key"), "note": "put aside"}
        answer = await client.post(f"/cases/{case.case_id}/close", data=sent)
        assert (answer.status_code, answer.headers["location"]) == (303, "/cases")
        assert "LL-9" not in (await client.get("/cases")).text
        closed = (await client.get("/cases?state=closed")).text
        assert "put aside" in closed
        assert "page-operator" in closed


async def test_a_new_code_is_made_on_the_orders_page(hub: HubUnderTest) -> None:
    rooms = hub.hub.rooms
    station_id = await rooms.stations.create_station(NewStation("一号", "One", "400-820-0123"))
    await rooms.stations.pair(station_id, bytes(range(32)))
    milk = Product(
        sku="MILK", name_zh="鲜牛奶", name_en="Fresh milk", price_fen=1590, item="MILK", units=1,
        temperature_class=TemperatureClass.CHILLED, size=Size.S,
    )  # fmt: skip
    await rooms.catalog.add(milk)
    await rooms.catalog.receive("MILK", 5, "test")
    await rooms.orders.open_round("周六团")
    order_id = await rooms.orders.place(Wish(hub.person_id, station_id, [("MILK", 1)]))
    await rooms.orders.pay(order_id)
    await rooms.orders.lock(order_id)
    path = f"/orders/{order_id}"
    async with client_of(hub, "operator") as client:
        page = (await client.get(path)).text
        assert f'action="{path}/code"' not in page
        for act in ("revoke", "code"):
            assert f'action="{path}/{act}"' in page
            sent = {"csrf": field(page, "csrf"), "key": field(page, "key")}
            assert (await client.post(f"{path}/{act}", data=sent)).status_code == 303
            page = (await client.get(path)).text
        assert "已生成新取件码" in page
        assert f'action="{path}/revoke"' in page


async def test_a_second_door_waits_for_another_person_of_the_desk(hub: HubUnderTest) -> None:
    rooms = hub.hub.rooms
    station_id = await rooms.stations.create_station(NewStation("一号", "One", "400-820-0123"))
    await rooms.stations.pair(station_id, bytes(range(32)))
    for label in ("A01", "A02"):
        await rooms.db.write(partial(_has_door, station_id, label))
    path = f"/stations/{station_id}"
    async with client_of(hub, "operator") as client:
        page = (await client.get(path)).text
        sent = {"csrf": field(page, "csrf"), "reason": "somebody called", "expires_in_s": "60"}
        for label in ("A01", "A02"):
            page = (await client.get(f"{path}?door={label}")).text
            form = sent | {"key": field(page, "key"), "typed": label}
            answer = await client.post(f"{path}/doors/{label}/open", data=form)
            assert answer.status_code == 303
        page = (await client.get(path)).text
        assert "须由另一位值班人员在此确认" in page
        assert "/confirm" not in page
    (held,) = [
        one for one in (await rooms.stations.detail(station_id)).commands if one.state == "held"
    ]
    async with client_of(hub, "admin") as client:
        page = (await client.get(path)).text
        assert f"/commands/{held.command_id}/confirm" in page
        sent = {"csrf": field(page, "csrf"), "key": field(page, "key")}
        answer = await client.post(f"{path}/commands/{held.command_id}/confirm", data=sent)
        assert answer.status_code == 303
    sent_now = await rooms.stations.commands.view(held.command_id)
    assert (sent_now.state, sent_now.compartment) == ("queued", "A02")


async def test_a_computer_that_was_turned_away_is_let_in_on_the_stations_page(
    hub: HubUnderTest,
) -> None:
    rooms = hub.hub.rooms
    station_id = await rooms.stations.create_station(NewStation("一号", "One", "400-820-0123"))
    await rooms.stations.pair(station_id, bytes(range(32)))
    for number in (1, 2):
        said = Hello(
            install_id=f"01K0DSK00000000000000000{number:02d}", session=0, boot_epoch=1, gen=0, op=0,
            hello_id=f"01K0DAEMN000000000000000{number:02d}", digest="0" * 32, backlog_facts=7,
            app_version="0.1.0", backlog_telemetry=0, clock_offset_ms=0,
        )  # fmt: skip
        await rooms.db.write(lambda c, s=said: hello_tx(c, station_id, s, 1_800_000_000_000))  # type: ignore[misc]
    path = f"/stations/{station_id}"
    async with client_of(hub, "operator") as client:
        page = (await client.get(path)).text
        assert "已被拒绝的主机" in page
        assert "两台主机持有本站点的密钥" in page
        daemon = field(page, "daemon")
        sent = {"csrf": field(page, "csrf"), "key": field(page, "key"), "daemon": daemon}
        answer = await client.post(f"{path}/readmit", data=sent)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{path}#claims")
        page = (await client.get(path)).text
        assert "下次联系时接替" in page
        wrong = sent | {"key": field(page, "key"), "daemon": "nobody"}
        assert (await client.post(f"{path}/readmit", data=wrong)).status_code == 303
    (claim,) = (await rooms.stations.detail(station_id)).claims
    assert (claim.daemon, claim.admitted) == (daemon, True)


async def test_the_key_of_a_stolen_computer_is_revoked_on_the_stations_page(
    hub: HubUnderTest,
) -> None:
    rooms = hub.hub.rooms
    station_id = await rooms.stations.create_station(NewStation("一号", "One", "400-820-0123"))
    await rooms.stations.pair(station_id, bytes(range(32)))
    path = f"/stations/{station_id}"
    async with client_of(hub, "operator") as client:
        page = (await client.get(path)).text
        sent = {"csrf": field(page, "csrf"), "key": field(page, "key"), "reason": "stolen"}
        answer = await client.post(f"{path}/revoke-key", data=sent)
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        page = (await client.get(path)).text
        assert "密钥已吊销" in page
        assert f'action="{path}/revoke-key"' not in page
    assert (await rooms.stations.detail(station_id)).station.state == "provisioning"


async def test_the_station_page_tells_until_when_its_certificate_lasts(
    hub: HubUnderTest, clock: MovableClock
) -> None:
    rooms, key = hub.hub.rooms, public_key(bytes(range(32)))
    station_id = await rooms.stations.create_station(NewStation("一号", "One", "400-820-0123"))
    await rooms.stations.pair(station_id, key)
    certificates = Certificates(hub_authority(SECRETS), hub.hub.db, clock, system_chance(), 30)
    async with client_of(hub, "operator") as client:
        assert "TLS 证书" not in (await client.get(f"/stations/{station_id}")).text
        await hub.hub.db.write(lambda c: certificates.issue_tx(c, Holder(station_id, key)))
        assert "TLS 证书有效期至 4月1日" in (await client.get(f"/stations/{station_id}")).text
    shown = (await hub.ask("operator", "GET", f"/api/v1/stations/{station_id}")).json()
    assert shown["station"]["certificate_until_ms"] == to_ms(clock.wall()) + 30 * 86_400_000


def _has_door(station_id: str, label: str, connection: Connection) -> None:
    upsert_compartment(connection, station_id, label, door_open=False)
