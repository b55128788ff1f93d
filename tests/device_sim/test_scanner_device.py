"""The simulated scanner by its bench, on its own pseudo-terminal, and through a whole daemon's settings."""

import random
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from common.kit.chance import seeded_chance
from common.kit.clock import SystemClock
from common.kit.work import ThreadWork
from device_sim.app import Sim, SimPorts, build_sim
from device_sim.config import CabinetConfig
from device_sim.faults import AdapterUnplugged
from device_sim.scanner_device import ScannerDevice
from firmware_protocols import gm65
from firmware_protocols.gm65 import Mode
from tests.device_sim.cabinets import config
from tests.device_sim.test_pty_port import RawPort


@pytest.fixture
def built(tmp_path: Path) -> Sim:
    made = {**config().model_dump(), "serial": [{"kind": "gm65", "name": "scanner"}]}
    ports = SimPorts(SystemClock(), seeded_chance("scan"), ThreadWork())
    return build_sim(ports, CabinetConfig.model_validate(made), tmp_path, port=0, modbus_port=0)


@pytest.fixture
async def bench(sim: Sim) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(sim.bench.url) as session:
        yield session


@pytest.fixture
def port(sim: Sim) -> RawPort:
    return RawPort(next(one.link for one in sim.serial if one.link.name == "scanner"))


async def test_a_code_held_before_it_leaves_at_its_port(
    sim: Sim, bench: aiohttp.ClientSession, port: RawPort
) -> None:
    async with bench.post("/scanner", json={"text": "LG1ABC", "times": 2}) as answer:
        assert answer.status == 200
        assert (await answer.json())["read"] is True
    assert await port.read(14) == b"LG1ABC\rLG1ABC\r"
    port.close()


async def test_it_answers_commands_and_weaves_an_answer_into_a_code(
    sim: Sim, bench: aiohttp.ClientSession, port: RawPort
) -> None:
    port.write(gm65.read_zone(0x0060))
    assert await port.read(7) == gm65.answer(b"\x01")
    async with bench.post("/scanner", json={"text": "ABCDE", "woven": True}) as answer:
        assert (await answer.json())["read"] is False
    port.write(gm65.heartbeat())
    assert await port.read(13) == b"ABC" + gm65.answer(b"\x00", beat=True) + b"DE\r"
    port.close()


async def test_a_printed_setting_code_is_obeyed_until_that_is_closed(
    sim: Sim, bench: aiohttp.ClientSession
) -> None:
    manual = {"setting": {"zone": 0, "value": 0}}
    async with bench.post("/scanner", json=manual) as answer:
        assert await answer.json() == {
            "read": False, "zones": {"0000": 0, "0060": 1, "0003": 0, "000e": 0},
        }  # fmt: skip
    async with bench.post("/scanner", json={"text": "LG1ABC"}) as answer:
        assert (await answer.json())["read"] is False  # nobody triggers it


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"text": "A", "setting": {"zone": 0, "value": 0}}, 422),
        ({"text": ""}, 422),
        ({"text": "A", "name": "other"}, 404),
    ],
)
async def test_what_the_bench_refuses(
    sim: Sim, bench: aiohttp.ClientSession, body: dict[str, object], status: int
) -> None:
    async with bench.post("/scanner", json=body) as answer:
        assert answer.status == status


async def test_its_adapter_can_be_pulled(sim: Sim, port: RawPort) -> None:
    sim.cabinet.lay(AdapterUnplugged(kind="adapter_unplugged", target="scanner"))
    assert await port.read(1) == b""
    port.close()


def test_the_tails_of_both_families() -> None:
    old, new = ScannerDevice("gm65", random.Random(1)), ScannerDevice("gm812", random.Random(1))
    tails = []
    for value in (0x00, 0x01, 0x21, 0x41, 0x61):
        old.zones[0x60] = value
        tails.append(old._tail())
    assert tails == [b"", b"\r", b"\r\n", b"\t", b""]
    tails = []
    for value in range(8):
        new.zones[0x0E] = value
        tails.append(new._tail())
    assert tails == [b"\r", b"\n", b"\r\n", b"\t", b"", b"", b"", b""]


def test_half_a_command_is_never_finished() -> None:
    subject = ScannerDevice("gm65", random.Random(1))
    frame = gm65.write_zone(0, Mode.MANUAL)
    assert subject.feed(frame[:4], 0.0) == []
    subject.silence()
    assert subject.feed(frame[4:], 1.0) == []
    assert subject.zones[0] & 0b11 == Mode.CONTINUOUS
    subject.feed(frame + gm65.save(), 2.0)
    assert subject.zones[0] & 0b11 == Mode.MANUAL
    assert subject.saved == 1
