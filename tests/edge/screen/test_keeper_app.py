"""The keeper's pages over HTTP: sign-in, CSRF, every act, what each scan leads to."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import ClientResponse, CookieJar, web
from aiohttp.test_utils import TestClient, TestServer

from common.kit.errors import ConflictError
from common.kit.trusted_time import ClockState, TimeView
from edge.pickup.views import DeskKind, DeskStep, UndoView
from edge.screen import make_keeper_app
from edge.screen.services import DeviceFact
from edge.sync.fence import Why
from tests.edge.screen.fakes import PIN, FakeStation, behind_a_door_that_is_gone, hands

Client = TestClient[web.Request, web.Application]


@pytest.fixture
def station() -> FakeStation:
    return FakeStation()


@pytest.fixture
def server(station: FakeStation) -> TestServer:
    return TestServer(make_keeper_app(station.services()))


@pytest.fixture
async def stranger(server: TestServer) -> AsyncIterator[Client]:
    """A tablet where nobody has signed in."""
    async with TestClient(server, cookie_jar=CookieJar(unsafe=True)) as client:
        yield client


class Keeper:
    """A signed-in tablet that fills forms as its page would."""

    def __init__(self, client: Client) -> None:
        self.client, self._keys = client, 0
        self._origin = str(client.make_url("/")).rstrip("/")

    async def get(self, path: str) -> str:
        answer = await self.client.get(path)
        assert answer.status == 200, await answer.text()
        return await answer.text()

    async def post(self, path: str, *, csrf: str | None = None, **fields: str) -> str:
        """Post with a fresh key; returns the page it leads to."""
        answer = await self.raw(path, csrf=csrf, **fields)
        assert answer.status == 200
        return str(await answer.text())

    async def raw(self, path: str, *, csrf: str | None = None, **fields: str) -> ClientResponse:
        self._keys += 1
        token = csrf if csrf is not None else await self.csrf()
        body = {"key": f"t{self._keys}", "csrf": token, **fields}
        return await self.client.post(path, data=body, headers={"Origin": self._origin})

    async def csrf(self) -> str:
        found = re.search(r'name="csrf" value="(\w+)"', await self.get("/"))
        assert found is not None
        return found[1]


@pytest.fixture
async def keeper(stranger: Client) -> Keeper:
    answer = await stranger.post("/sign-in", data={"pin": PIN})
    assert answer.status == 200
    return Keeper(stranger)


async def test_nobody_sees_anything_before_the_pin(stranger: Client) -> None:
    for path in ("/", "/overdue", "/temperatures", "/doors/A01", "/search?tail=7281"):
        text = await (await stranger.get(path)).text()
        assert 'name="pin"' in text
        assert "张*明" not in text
        assert "A01" not in text
    live = await stranger.get("/live")
    assert live.status == 401


async def test_a_wrong_pin_says_no_more_than_that(stranger: Client, station: FakeStation) -> None:
    for pin in ("999999", "abc", ""):
        text = await (await stranger.post("/sign-in", data={"pin": pin})).text()
        assert "PIN 不正确" in text
    station.desk.wait_s = 90
    text = await (await stranger.post("/sign-in", data={"pin": PIN})).text()
    assert "请等待 1 分钟" in text


async def test_the_cookie_is_for_no_script_and_no_other_site(stranger: Client) -> None:
    answer = await stranger.post("/sign-in", data={"pin": PIN}, allow_redirects=False)
    cookies = answer.headers.getall("Set-Cookie")
    assert answer.status == 303
    assert [cookie.partition("=")[0] for cookie in cookies] == ["linli_keeper", "linli_tablet"]
    for word in ("HttpOnly", "SameSite=Strict", "Path=/"):
        assert all(word in cookie for cookie in cookies)
    assert "Path=/sign-in" in cookies[1], "asked for nowhere else"


@pytest.mark.parametrize(("cookie", "known_by"), [("of-before", "of-before"), ("x" * 300, "t")])
async def test_a_tablet_says_by_what_it_is_known(
    stranger: Client, station: FakeStation, cookie: str, known_by: str
) -> None:
    headers = {"Cookie": f"linli_tablet={cookie}", "Origin": str(stranger.make_url("/"))[:-1]}
    answer = await stranger.post("/sign-in", data={"pin": PIN}, headers=headers)
    assert answer.status == 200
    assert [one.tablet for one in station.desk.sessions.values()] == [known_by]


async def test_the_day_at_a_glance(keeper: Keeper, station: FakeStation) -> None:
    station.facts.open_doors = ("B03",)
    text = await keeper.get("/")
    assert "今日 10 件 · 在柜 3 · 已取 2" in text
    assert "云端离线 27 分钟 · 本地照常" in text
    assert "待上传 118 条" in text
    assert "B03 已开门 3 分钟" in text
    assert "有 1 件包裹超时" in text
    assert "D02 已停用" in text
    assert 'href="/doors/A01"' in text


async def test_sign_out(keeper: Keeper) -> None:
    assert 'name="pin"' in await keeper.post("/sign-out")
    assert 'name="pin"' in await keeper.get("/")


async def test_a_scan_of_an_expected_parcel_opens_its_compartment(
    keeper: Keeper, station: FakeStation
) -> None:
    text = await keeper.post("/scan", text=" LL-003307 ")
    assert station.desk.asked == ["scan LL-003307"]
    assert "放入包裹，关好柜门" in text
    assert '<p class="door">E03</p>' in text
    for reason in ("too_small", "dirty", "did_not_open"):
        assert f'value="{reason}"' in text


async def test_a_scan_of_a_door_shows_that_door(keeper: Keeper) -> None:
    assert "A01 号格口" in await keeper.post("/scan", text="A01")


async def test_a_scan_nobody_knows(keeper: Keeper) -> None:
    text = await keeper.post("/scan", text="<b>?")
    assert "没有标签 &lt;b&gt;? 的记录" in text
    assert "没有标签" not in await keeper.get("/")  # said once


async def test_a_parcel_that_lies_here_already_is_refused(keeper: Keeper) -> None:
    assert 'class="notice warn"' in await keeper.post("/scan", text="LL-007281")


async def test_an_empty_scan_is_nothing(keeper: Keeper, station: FakeStation) -> None:
    await keeper.post("/scan", text="  ")
    assert station.desk.asked == []


@pytest.mark.parametrize(
    ("path", "fields", "asked"),
    [
        ("/put-in/next", {"reason": "too_small"}, "next too_small"),
        ("/put-in/cancel", {}, "cancel"),
        ("/put-in/again", {}, "try_again"),
        ("/put-in/settle", {}, "settle"),
        ("/undo", {}, "undo"),
        ("/doors/A01/open", {"reason": "clean"}, "open A01 clean"),
        ("/doors/A01/open", {"reason": "repair", "note": "lamp"}, "open A01 repair: lamp"),
        ("/doors/A01/mark", {"reason": "dirty", "out_of_service": "yes"}, "mark A01 True dirty"),
        ("/doors/A01/mark", {"reason": "cleaned", "out_of_service": "no"}, "mark A01 False cleaned"),
    ],
)  # fmt: skip
async def test_every_act_reaches_the_desk(
    keeper: Keeper, station: FakeStation, path: str, fields: dict[str, str], asked: str
) -> None:
    station.desk.hands = hands(station.desk.parcels[3])
    await keeper.post(path, **fields)
    assert station.desk.asked == [asked]


@pytest.mark.parametrize("act", ["hand-over", "remove"])
async def test_giving_out_needs_a_reason(keeper: Keeper, station: FakeStation, act: str) -> None:
    parcel_id = station.desk.parcels[2].parcel_id
    text = await keeper.post(f"/parcels/{parcel_id}/{act}")
    assert 'class="notice crit"' in text
    assert station.desk.asked == []
    await keeper.post(f"/parcels/{parcel_id}/{act}", reason="no_code")
    assert station.desk.asked == [f"{act.replace('-', '_')} {parcel_id} no_code"]


async def test_a_form_about_a_door_of_before_does_nothing(
    keeper: Keeper, station: FakeStation
) -> None:
    """Two tablets: what the other one shows may be over."""
    station.desk.hands = hands(station.desk.parcels[3])
    assert 'name="task" value="t1"' in await keeper.get("/")
    assert 'class="notice crit"' in await keeper.post("/put-in/cancel", task="t0")
    assert station.desk.asked == []
    await keeper.post("/put-in/cancel", task="t1")
    assert station.desk.asked == ["cancel"]
    for path in ("next", "again", "settle", "cancel"):
        await keeper.post(f"/put-in/{path}", task="t1", reason="dirty")
    assert station.desk.asked == ["cancel"]


@pytest.mark.parametrize("label", ["%0d%0aA01", "A01%00", "%1b[A01"])
async def test_a_door_that_cannot_be_one_is_refused_before_anything_moves(
    keeper: Keeper, station: FakeStation, label: str
) -> None:
    for act in ("open", "mark"):
        answer = await keeper.raw(f"/doors/{label}/{act}", reason="clean")
        assert answer.status < 500
    assert station.desk.asked == []


async def test_an_unknown_reason_to_go_on_is_refused(keeper: Keeper, station: FakeStation) -> None:
    assert 'class="notice crit"' in await keeper.post("/put-in/next", reason="bored")
    assert station.desk.asked == []


async def test_the_desk_says_no(keeper: Keeper, station: FakeStation) -> None:
    station.desk.fails = ConflictError("doors.busy", "busy")
    text = await keeper.post("/doors/A01/open", reason="clean")
    assert 'class="notice crit"' in text
    assert "这扇门还有未完成的开门请求" in text
    assert "A01 号格口" in text  # still at that door


async def test_a_form_twice_counts_once(keeper: Keeper, station: FakeStation) -> None:
    csrf = await keeper.csrf()
    for _ in range(3):
        await keeper.post("/doors/A01/open", csrf=csrf, reason="clean", key="same")
    assert station.desk.asked == ["open A01 clean"]


async def test_a_foreign_form_does_nothing(keeper: Keeper, station: FakeStation) -> None:
    for csrf in ("", "0" * 32, "é"):
        answer = await keeper.raw("/doors/A01/open", csrf=csrf, reason="clean")
        assert answer.status == 403
    assert station.desk.asked == []


async def test_without_session_an_act_leads_to_the_pin(
    stranger: Client, station: FakeStation
) -> None:
    answer = await stranger.post("/undo", data={"key": "k"})
    assert 'name="pin"' in await answer.text()
    assert station.desk.asked == []


async def test_last_four_only_narrow(keeper: Keeper, station: FakeStation) -> None:
    text = await keeper.get("/search?tail=7281")
    assert "仅用于查找，不能开门" in text
    assert "…7281" in text
    assert "没有这个尾号的包裹" in await keeper.get("/search?tail=0000")
    for tail in ("72", "72811", "ab-d", ""):
        assert "请输入四位尾号" in await keeper.get(f"/search?tail={tail}")
    assert station.desk.asked == []


async def test_a_parcel_page_offers_what_its_state_allows(
    keeper: Keeper, station: FakeStation
) -> None:
    placed, overdue, expected = (station.desk.parcels[n].parcel_id for n in (0, 2, 3))
    assert "/remove" not in await keeper.get(f"/parcels/{placed}")
    assert "/hand-over" in await keeper.get(f"/parcels/{placed}")
    assert "/remove" in await keeper.get(f"/parcels/{overdue}")
    assert "/hand-over" not in await keeper.get(f"/parcels/{expected}")
    assert (await keeper.client.get("/parcels/none")).status == 404
    assert (await keeper.client.get("/doors/Z99")).status == 404


async def test_a_failed_taking_out_can_be_tried_again(keeper: Keeper, station: FakeStation) -> None:
    station.desk.hands = hands(station.desk.parcels[0], DeskStep.FAILED, DeskKind.HAND_OVER)
    text = await keeper.get("/")
    assert 'action="/put-in/again"' in text
    assert 'action="/put-in/next"' not in text


async def test_a_put_in_whose_door_is_gone_asks_where_the_parcel_is(
    keeper: Keeper, station: FakeStation
) -> None:
    station.desk.hands = hands(station.desk.parcels[3], DeskStep.DOOR_GONE)
    text = await keeper.get("/")
    assert {'action="/put-in/cancel"', 'action="/put-in/settle"'} <= set(
        re.findall(r'action="/put-in/\w+"', text)
    )
    assert 'action="/put-in/next"' not in text


async def test_a_parcel_behind_a_door_that_is_gone_needs_a_hand(
    keeper: Keeper, station: FakeStation
) -> None:
    lost = behind_a_door_that_is_gone(station)
    here = f"/parcels/{lost.parcel_id}"
    assert f'href="{here}">处理' in await keeper.get("/")
    text = await keeper.get(here)
    assert {f'action="{here}/take-back"', f'action="{here}/hand-over"'} <= set(
        re.findall(r'action="/parcels/[^"]+"', text)
    )
    await keeper.post(f"{here}/take-back")
    assert station.desk.asked == [f"take_back {lost.parcel_id}"]


async def test_the_last_put_in_can_be_undone(keeper: Keeper, station: FakeStation) -> None:
    station.desk.undoable = UndoView(station.desk.parcels[0], "A01", 500.0)
    assert 'action="/undo"' in await keeper.get("/")


async def test_temperatures_with_band_and_breach(keeper: Keeper) -> None:
    text = await keeper.get("/temperatures")
    assert text.count('<svg class="chart"') == 2
    assert "over-mark" in text
    assert "允许 0 °C 至 8 °C" in text


async def test_devices_and_their_alarms(keeper: Keeper, station: FakeStation) -> None:
    assert "报告" not in await keeper.get("/")
    fridge = DeviceFact("fridge", True, True, False, None, ())
    station.facts.machines = (
        fridge,
        replace(fridge, name="still", cools=False),
        replace(fridge, name="frosty", defrosting=True),
        replace(fridge, name="gone", answers=False, cools=None, defrosting=None),
        replace(fridge, name="meter", cools=None, watts=183.6),
        replace(fridge, name="warm", alarms=("high_alarm", "something_new")),
    )
    text = await keeper.get("/temperatures")
    said = re.findall(r'<span class="ell">([a-z]+)</span><span class="tag ([a-z]*)">([^<]+)', text)
    assert said == [
        ("fridge", "ok", "正在制冷"), ("still", "ok", "停机中"), ("frosty", "info", "正在除霜"),
        ("gone", "", "没有读数"), ("meter", "ok", "184 W"), ("warm", "crit", "温度过高 · 报警"),
    ]  # fmt: skip
    assert "warm 报告：温度过高" in await keeper.get("/")


async def test_the_tablet_keeps_its_language(keeper: Keeper) -> None:
    origin = str(keeper.client.make_url("/")).rstrip("/")
    await keeper.client.post("/language", data={"lang": "en"}, headers={"Origin": origin})
    assert "Needs a hand" in await keeper.get("/")
    assert "Cloud offline 27 min, local work as usual" in await keeper.get("/overdue")


async def test_the_stream_follows_the_desk(keeper: Keeper, station: FakeStation) -> None:
    answer = await keeper.client.get("/live?view=day")
    text = ""
    while "data: today" not in text:
        text += (await answer.content.readany()).decode()
    for name in ("banner", "wall", "work", "needs"):
        assert f"data: {name}\n" in text
    station.desk.hands = hands(station.desk.parcels[3])
    station.desk.watch.bump()
    text = ""
    while "放入包裹" not in text:
        text += (await answer.content.readany()).decode()
    answer.close()


async def test_the_stream_ends_with_the_session(keeper: Keeper, station: FakeStation) -> None:
    answer = await keeper.client.get("/live")
    await answer.content.readany()
    station.desk.sessions.clear()
    station.desk.watch.bump()
    while not answer.content.at_eof():
        await answer.content.readany()


@pytest.mark.parametrize(
    ("seen", "word"),
    [
        (TimeView(ClockState.UNTRUSTED, 0, None), "时间未知"),
        (TimeView(ClockState.HOLDOVER, 0, None), "重启后时间尚未校准"),
        (TimeView(ClockState.TRUSTED, 3_600_000, None), "本机时钟有误"),
        (TimeView(ClockState.TRUSTED, 0, 99_000_000), "云端时钟有误"),
    ],
)
async def test_the_tablet_says_how_far_the_time_can_be_relied_on(
    keeper: Keeper, station: FakeStation, seen: TimeView, word: str
) -> None:
    assert word not in await keeper.get("/overdue")
    station.facts.clock = seen
    assert word in await keeper.get("/overdue")


async def test_the_keeper_reads_why_codes_open_nothing(
    keeper: Keeper, station: FakeStation
) -> None:
    station.facts.why = Why.FENCED
    assert "另一台主机正代表本站点" in await keeper.get("/")
    station.facts.why = Why.STALE
    assert "本机磁盘比云端记录旧" in await keeper.get("/")
