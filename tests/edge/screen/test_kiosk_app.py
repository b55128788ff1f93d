"""The kiosk over HTTP without a browser: forms, repetition, foreign origins, the live stream."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientPayloadError, web
from aiohttp.test_utils import TestClient, TestServer

from common.contract.words import KeypadLevel
from edge.hardware.ports import DeviceState
from edge.pickup.views import Step
from edge.screen import make_kiosk_app
from edge.screen.kiosk.app import SCRIPTS
from edge.screen.scans import ScanFeed
from edge.sync.fence import Why
from tests.edge.screen.fakes import GOOD_CODE, FakeStation, session

Client = TestClient[web.Request, web.Application]
FRAGMENT = {"Linli-Fragment": "stage"}


@pytest.fixture
def station() -> FakeStation:
    return FakeStation()


@pytest.fixture
def server(station: FakeStation) -> TestServer:
    return TestServer(make_kiosk_app(station.services()))


@pytest.fixture
async def client(server: TestServer) -> AsyncIterator[Client]:
    async with TestClient(server) as client:
        yield client


async def test_the_page_is_chinese_and_strict(client: Client) -> None:
    answer = await client.get("/")
    text = await answer.text()
    assert answer.status == 200
    assert '<html lang="zh-CN" data-face="kiosk"' in text
    assert "请输入取件码" in text
    assert "400-820-1234" in text
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "<style" not in text
    assert " style=" not in text
    assert "onclick" not in text


async def test_a_good_code_shows_the_door(client: Client, station: FakeStation) -> None:
    answer = await client.post("/code", data={"code": GOOD_CODE, "key": "k1"}, headers=FRAGMENT)
    text = await answer.text()
    assert "E03" in text
    assert "正在打开柜门" in text
    assert "<html" not in text


async def test_wrong_codes_of_all_kinds_read_the_same(client: Client) -> None:
    texts = []
    for number, code in enumerate(("11112222", "33334444", "00000000")):
        fields = {"code": code, "key": f"w{number}"}
        answer = await client.post("/code", data=fields, headers=FRAGMENT)
        text = await answer.text()
        texts.append(text.split("data-key")[0] + text.split("data-key")[1].split(">", 1)[1])
    assert len(set(texts)) == 1
    assert "打不开柜门" in texts[0]


async def test_a_keypad_that_asks_for_more_takes_the_phone_tail(
    client: Client, station: FakeStation
) -> None:
    station.pickup.level = KeypadLevel.STEP_UP
    text = await (await client.get("/")).text()
    assert text.split('id="code"')[1].split("</div>")[0].count("<span>") == 12
    assert "手机号的后 4 位" in text
    await client.post("/code", data={"code": GOOD_CODE + "0042", "key": "t1"}, headers=FRAGMENT)
    assert station.pickup.asked == [f"submit {GOOD_CODE} 0042"]


async def test_a_scan_is_tried_once_and_answered_like_a_code(
    client: Client, station: FakeStation
) -> None:
    fields, text = {"qr": "LG1NOTHING", "key": "q1"}, ""
    for _ in range(2):
        text = await (await client.post("/qr", data=fields, headers=FRAGMENT)).text()
    assert station.pickup.asked == ["qr LG1NOTHING"]
    assert "打不开柜门" in text
    for bad in ("", "L" * 401):
        await client.post("/qr", data={"qr": bad, "key": f"b{len(bad)}"}, headers=FRAGMENT)
    assert station.pickup.asked == ["qr LG1NOTHING"]
    good = await client.post("/qr", data={"qr": "LG1GOOD", "key": "q2"}, headers=FRAGMENT)
    assert "正在打开柜门" in await good.text()


async def test_a_keypad_that_is_off_says_so(client: Client, station: FakeStation) -> None:
    station.pickup.level, station.pickup.locked_s = KeypadLevel.OFF, 40_000
    text = await (await client.get("/")).text()
    assert "键盘已停用" in text
    assert text.count("disabled") == 12


async def test_the_same_form_twice_counts_once(client: Client, station: FakeStation) -> None:
    for _ in range(2):
        await client.post("/code", data={"code": "11112222", "key": "same"}, headers=FRAGMENT)
    assert station.pickup.asked == ["submit 11112222"]
    station.pickup.now = session(Step.NOT_OPENED)
    for _ in range(3):
        await client.post("/again", data={"key": "tap"}, headers=FRAGMENT)
    assert station.pickup.asked[1:] == ["again"]


@pytest.mark.parametrize("code", ["", "1234567", "123456789", "1234567a", "１２３４５６７８"])
async def test_what_is_no_code_is_not_tried(
    client: Client,
    station: FakeStation,
    code: str,
) -> None:
    answer = await client.post("/code", data={"code": code, "key": "k"}, headers=FRAGMENT)
    assert answer.status == 200
    assert station.pickup.asked == []


@pytest.mark.parametrize(
    ("path", "step", "asked"),
    [("/again", Step.NOT_OPENED, "again"), ("/reopen", Step.CLOSED, "reopen"),
     ("/proceed", Step.CLOSED, "proceed"), ("/proceed", Step.FAILED, "proceed"),
     ("/finish", Step.FAILED, "finish")],
)  # fmt: skip
async def test_every_button_reaches_the_flow(
    client: Client,
    station: FakeStation,
    path: str,
    step: Step,
    asked: str,
) -> None:
    station.pickup.now = session(step)
    answer = await client.post(path, data={"key": "k"}, allow_redirects=False)
    assert answer.status == 303
    assert station.pickup.asked == [asked]


async def test_an_act_without_session_is_not_an_error(client: Client) -> None:
    answer = await client.post("/again", data={"key": "k"}, headers=FRAGMENT)
    assert answer.status == 200
    assert "请输入取件码" in await answer.text()


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}],
)
async def test_other_sites_open_nothing(
    client: Client,
    station: FakeStation,
    headers: dict[str, str],
) -> None:
    fields = {"code": GOOD_CODE, "key": "k"}
    answer = await client.post("/code", data=fields, headers=headers)
    assert answer.status in (403, 421)
    assert station.pickup.asked == []


@pytest.mark.parametrize("body", [b"\xff\xfe", b"a=1&" * 30, b"no-equals"])
async def test_a_body_that_is_no_form_is_a_problem(client: Client, body: bytes) -> None:
    answer = await client.post("/code", data=body)
    assert answer.status == 422
    assert (await answer.json(content_type=None))["key"] == "web.bad_request"


async def test_an_oversize_body_is_refused(client: Client) -> None:
    assert (await client.post("/code", data=b"a=" + b"1" * 100_000)).status == 413


async def test_language_and_size_are_the_screens(client: Client) -> None:
    answer = await client.post("/settings", data={"lang": "en", "text": "large"})
    text = await answer.text()
    assert 'lang="en"' in text
    assert 'data-text="large"' in text
    assert "Enter pickup code" in text
    assert "请输入取件码" in await (await client.post("/settings", data={"reset": "1"})).text()


async def test_a_killed_browser_comes_back_to_the_same_step(
    client: Client,
    station: FakeStation,
) -> None:
    station.pickup.now = session(Step.CLOSED, total=2)
    for _ in range(2):
        assert "打开下一扇（2/2）" in await (await client.get("/")).text()


async def test_an_over_limit_zone_is_plainly_marked(client: Client, station: FakeStation) -> None:
    station.facts.over = ("cold",)
    station.facts.temperatures["cold"] = 11.2
    assert '<span class="tag crit">冷藏 11.2 °C 超温</span>' in await (await client.get("/")).text()


async def _events(client: Client, count: int) -> list[str]:
    answer = await client.get("/live")
    assert answer.content_type == "text/event-stream"
    text = ""
    while text.count("\n\n") < count:
        text += (await answer.content.readany()).decode()
    answer.close()
    return text.split("\n\n")[:count]


async def test_the_stream_starts_with_everything(client: Client, station: FakeStation) -> None:
    station.pickup.now = session(Step.OPEN)
    retry, hello, *regions = await _events(client, 5)
    assert retry == "retry: 1000"
    assert hello == "event: hello\ndata: build-1"
    names = [region.split("\n")[1] for region in regions]
    assert names == ["data: top", "data: foot", "data: stage"]
    assert "柜门已打开" in regions[2]


async def test_a_change_arrives_without_asking(client: Client, station: FakeStation) -> None:
    answer = await client.get("/live")
    text = ""
    while "data: stage" not in text:
        text += (await answer.content.readany()).decode()
    station.pickup.now = session(Step.OPEN)
    station.pickup.watch.bump()
    text = ""
    while "柜门已打开" not in text:
        text += (await answer.content.readany()).decode()
    assert "data: top" not in text  # only what changed is sent
    answer.close()


async def test_streams_end_with_the_program(server: TestServer, client: Client) -> None:
    answer = await client.get("/live")
    assert (await answer.content.readany()).startswith(b"retry")
    assert server.runner is not None
    await server.runner.shutdown()
    with pytest.raises(ClientPayloadError):  # cut off at once, instead of waiting for ever
        await answer.content.read()


async def test_health_and_scripts(client: Client) -> None:
    assert (await client.get("/healthz")).status == 200
    for name in SCRIPTS:
        assert (await client.get(f"/static/{name}")).status == 200


async def test_a_station_that_may_not_speak_says_so_and_takes_no_digits(
    client: Client, station: FakeStation
) -> None:
    for why in (Why.FENCED, Why.STALE):
        station.facts.why = why
        text = await (await client.get("/")).text()
        assert "本柜暂时不能凭码开门" in text
        assert "暂不能凭码取件" in text
        assert "离线可取件" not in text
        assert "柜门自动打开" not in text
        assert 'data-digit="1" disabled' in text
    await client.post("/settings", data={"lang": "en"})
    assert "Yours is not used up here" in await (await client.get("/")).text()
    station.facts.why = Why.NONE
    assert 'data-digit="1">' in await (await client.get("/")).text()


class HeldScanner:
    """A scanner before which a test holds codes."""

    def __init__(self) -> None:
        self.codes: asyncio.Queue[str | None] = asyncio.Queue()
        self.state = DeviceState("scanner", up=True, sound=True, detail="set up")

    async def next(self) -> str | None:
        return await self.codes.get()


@pytest.fixture
def scanner(station: FakeStation) -> HeldScanner:
    held = HeldScanner()
    station.scans = ScanFeed(held)
    return held


async def test_a_code_from_a_serial_scanner_shows_the_door_on_every_page(
    scanner: HeldScanner, station: FakeStation, client: Client
) -> None:
    feeding = asyncio.create_task(station.scans.run())
    version = station.pickup.watch.version
    async with client.get("/live") as stream:
        await scanner.codes.put("LG1GOOD")
        async with asyncio.timeout(5):
            await station.pickup.watch.wait(version)
            heard = b""
            while "正在打开柜门".encode() not in heard:
                heard += await stream.content.readany()
    feeding.cancel()
    await asyncio.gather(feeding, return_exceptions=True)
    assert station.pickup.asked == ["qr LG1GOOD"]


@pytest.mark.parametrize("text", [None, "L" * 401])
async def test_what_cannot_be_a_code_of_ours_is_refused_without_asking(
    scanner: HeldScanner, station: FakeStation, client: Client, text: str | None
) -> None:
    assert station.scans.take is not None
    await station.scans.take(text)
    assert "打不开柜门" in await (await client.get("/")).text()
    assert station.pickup.asked == []


async def test_digits_in_a_scanned_code_are_not_typed_for_anybody(
    scanner: HeldScanner, station: FakeStation, client: Client
) -> None:
    assert station.scans.take is not None
    await station.scans.take(GOOD_CODE)
    assert station.pickup.asked == [f"qr {GOOD_CODE}"]


async def test_a_scan_during_a_pickup_changes_nothing(
    scanner: HeldScanner, station: FakeStation, client: Client
) -> None:
    station.pickup.now = session(Step.OPEN)
    assert station.scans.take is not None
    for text in ("LG1GOOD", None):
        await station.scans.take(text)
    assert station.pickup.asked == []
    assert "打不开柜门" not in await (await client.get("/")).text()


async def test_people_are_asked_to_scan_only_where_something_can_scan(
    scanner: HeldScanner, station: FakeStation, client: Client
) -> None:
    assert "对准扫码口" in await (await client.get("/")).text()
    station.pickup.level, station.pickup.locked_s = KeypadLevel.OFF, 40_000
    assert "扫描订单二维码" in await (await client.get("/")).text()
    scanner.state = DeviceState("scanner", up=False, sound=False, detail="unplugged")
    text = await (await client.get("/")).text()
    assert "键盘已停用" in text
    assert "扫描" not in text
    station.pickup.level, station.pickup.locked_s = KeypadLevel.NORMAL, 0
    assert "扫码" not in await (await client.get("/")).text()


async def test_a_scanner_that_types_can_scan_too() -> None:
    assert ScanFeed(types=True).can_scan
    assert not ScanFeed().can_scan
    await ScanFeed().run()


async def test_without_a_screen_codes_are_let_go() -> None:
    held = HeldScanner()
    feeding = asyncio.create_task(ScanFeed(held).run())
    await held.codes.put("LG1GOOD")
    while not held.codes.empty():  # noqa: ASYNC110 - one turn of the loop
        await asyncio.sleep(0)
    feeding.cancel()
    await asyncio.gather(feeding, return_exceptions=True)
    assert feeding.cancelled()
