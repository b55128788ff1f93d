"""The control API over a real socket: state, faults, hands, and everything that must be refused politely."""

import json
import random
from collections.abc import AsyncIterator

import aiohttp
import pytest

from device_sim.app import Sim
from firmware_protocols import modbus_rtu
from firmware_protocols import waveshare_relay as relay

JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def http(sim: Sim) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(sim.bench.url) as session:
        yield session


async def state(http: aiohttp.ClientSession) -> dict[str, list[dict[str, object]]]:
    async with http.get("/state") as answer:
        assert answer.status == 200
        body: dict[str, list[dict[str, object]]] = await answer.json()
        return body


async def refused(
    http: aiohttp.ClientSession, method: str, path: str, **request: object
) -> tuple[int, str]:
    async with http.request(method, path, **request) as answer:  # type: ignore[arg-type]
        assert answer.content_type == "application/problem+json"
        body = await answer.json()
        assert {"type", "title", "status", "detail", "key"} <= set(body)
        assert body["status"] == answer.status
        return answer.status, body["key"]


async def test_a_pulse_on_the_wire_shows_in_the_state(
    sim: Sim, http: aiohttp.ClientSession
) -> None:
    before = await state(http)
    assert before["pulses"] == []
    frame = modbus_rtu.encode(2, relay.pulse(4, 400).pdu())
    sim.cabinet.bus(0).feed(frame, sim.serial[0].clock.monotonic_s())
    (pulse,) = (await state(http))["pulses"]
    assert {key: pulse[key] for key in ("board", "channel", "ms")} == {
        "board": 2,
        "channel": 4,
        "ms": 400,
    }


async def test_hands_on_a_door(sim: Sim, http: aiohttp.ClientSession) -> None:
    for action, expected in (
        ("pull", {"moved": True, "open": True, "jammed": False}),
        ("jam", {"moved": False, "open": True, "jammed": True}),
        ("push", {"moved": False, "open": True, "jammed": True}),
        ("free", {"moved": False, "open": True, "jammed": False}),
        ("push", {"moved": True, "open": False, "jammed": False}),
    ):
        async with http.post("/doors/B02", json={"action": action}) as answer:
            assert answer.status == 200
            body = await answer.json()
            assert {key: body[key] for key in expected} == expected


async def test_faults_come_and_go(http: aiohttp.ClientSession) -> None:
    fault = {"kind": "no_answer", "target": 1, "for_s": 30}
    async with http.post("/faults", json=fault) as answer:
        assert answer.status == 201
        assert (await answer.json())["target"] == 1
    async with http.get("/faults") as answer:
        assert [one["kind"] for one in (await answer.json())["faults"]] == ["no_answer"]
    assert [one["kind"] for one in (await state(http))["faults"]] == ["no_answer"]
    async with http.delete("/faults") as answer:
        assert answer.status == 204
    assert (await state(http))["faults"] == []


async def test_one_fault_is_lifted_and_the_others_stay(http: aiohttp.ClientSession) -> None:
    for target in ("A01", "A02"):
        async with http.post("/faults", json={"kind": "frozen", "target": target}) as answer:
            assert answer.status == 201
    lying = (await state(http))["faults"]
    async with http.post("/faults/lift", json=lying[0]) as answer:
        assert answer.status == 204
    assert (await state(http))["faults"] == lying[1:]
    again = json.dumps(lying[0])
    assert await refused(http, "POST", "/faults/lift", data=again, headers=JSON) == (
        404,
        "sim.no_such_fault",
    )


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/faults", b"{", 400),
        ("/faults", b"\xff\xfe", 400),
        ("/faults", b"[" * 8000, 400),
        ("/faults", b"[]", 422),
        ("/faults", b"null", 422),
        ("/faults", b'{"kind": "earthquake", "target": 1}', 422),
        ("/faults", b'{"kind": "no_answer", "target": 1, "color": 2}', 422),
        ("/faults", b'{"kind": "no_answer", "target": 1, "for_s": -1}', 422),
        ("/faults", b'{"kind": "no_answer", "target": 1, "for_s": NaN}', 422),
        ("/faults", b'{"kind": "no_answer", "target": 1, "for_s": 1e400}', 422),
        ("/faults", b'{"kind": "late_answer", "target": 1, "delay_s": 1e9}', 422),
        ("/faults", b'{"kind": "no_answer", "target": 99}', 404),
        ("/faults", b'{"kind": "jam", "target": "Z99"}', 404),
        ("/faults", b'{"kind": "adapter_unplugged", "target": "bus9"}', 404),
        ("/faults", b'{"kind": "jam", "target": "' + b"A" * 20_000 + b'"}', 413),
        ("/doors/Z99", b'{"action": "push"}', 404),
        ("/doors/A01", b'{"action": "kick"}', 422),
        ("/doors/A01", b'{"action": "push", "hard": true}', 422),
        ("/doors/A01", b"", 400),
    ],
)
async def test_wrong_bodies(
    http: aiohttp.ClientSession, path: str, body: bytes, status: int
) -> None:
    assert (await refused(http, "POST", path, data=body, headers=JSON))[0] == status


async def test_other_types_paths_and_methods(http: aiohttp.ClientSession) -> None:
    text = {"Content-Type": "text/plain"}
    assert (await refused(http, "POST", "/faults", data=b"{}", headers=text))[0] == 415
    assert (await refused(http, "GET", "/nothing"))[0] == 404
    assert (await refused(http, "GET", "/static/../app.py"))[0] == 404
    assert (await refused(http, "GET", "/static/none.js"))[0] == 404
    assert (await refused(http, "PUT", "/state"))[0] == 405
    assert (await refused(http, "GET", "/doors/A01"))[0] == 405


async def test_foreign_pages_cannot_reach_in(http: aiohttp.ClientSession) -> None:
    foreign = {**JSON, "Origin": "http://evil.example"}
    body = b'{"action": "pull"}'
    assert (await refused(http, "POST", "/doors/A01", data=body, headers=foreign))[0] == 403
    rebound = {**JSON, "Host": "evil.example"}
    assert (await refused(http, "GET", "/state", headers=rebound))[0] == 421
    assert not any(door["open"] for door in (await state(http))["doors"])


async def test_random_bodies_are_never_a_server_error(http: aiohttp.ClientSession) -> None:
    chance = random.Random(11)
    pieces = [
        "kind",
        "jam",
        "target",
        "A01",
        1,
        -1,
        1e308,
        None,
        True,
        [],
        {},
        "no_answer",
        "for_s",
    ]
    for _ in range(300):
        keys = chance.sample(["kind", "target", "for_s", "deaf", "delay_s", "action", "x"], 3)
        body = json.dumps({key: chance.choice(pieces) for key in keys})
        path = chance.choice(["/faults", "/doors/A01", "/doors/%00", "/doors/ä"])
        async with http.post(path, data=body, headers=JSON) as answer:
            assert answer.status < 500, body


async def test_the_page_in_both_languages(http: aiohttp.ClientSession) -> None:
    for path, words in (("/", "柜门"), ("/?lang=en", "Doors"), ("/?lang=xx", "柜门")):
        async with http.get(path) as answer:
            assert answer.status == 200
            assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
            page = await answer.text()
            assert words in page
            assert all(f'data-door="{side}0{n}"' in page for side in "AB" for n in range(1, 9))
            assert "<script>" not in page
            assert "built-in" not in page
            assert "style=" not in page


async def test_style_and_script_are_served(http: aiohttp.ClientSession) -> None:
    scripts = [
        (name, "text/javascript") for name in ("bench.js", "devices.js", "faults.js", "story.js")
    ]
    for name, kind in (("bench.css", "text/css"), *scripts):
        async with http.get(f"/static/{name}") as answer:
            assert answer.status == 200
            assert answer.content_type == kind
