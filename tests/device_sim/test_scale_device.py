"""Simulated scales by the bench, on a pseudo-terminal, and what they answer."""

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
from device_sim.scale_device import EVERY_S, CasDevice, SicsDevice, ToledoDevice
from device_sim.serial_config import SerialSection
from firmware_protocols import cas, toledo
from firmware_protocols.weights import Weight
from tests.device_sim.cabinets import Rig, config
from tests.device_sim.test_pty_port import RawPort


@pytest.fixture
def built(tmp_path: Path) -> Sim:
    made = {**config().model_dump(), "serial": [{"kind": "toledo", "name": "scale"}]}
    ports = SimPorts(SystemClock(), seeded_chance("scale"), ThreadWork())
    return build_sim(ports, CabinetConfig.model_validate(made), tmp_path, port=0, modbus_port=0)


@pytest.fixture
async def bench(sim: Sim) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(sim.bench.url) as session:
        yield session


async def test_it_speaks_by_itself_of_what_was_laid_on_it(
    sim: Sim, bench: aiohttp.ClientSession
) -> None:
    async with bench.post("/scale", json={"load_g": 1234, "moving_s": 0}) as answer:
        assert await answer.json() == {"shown_g": 1230, "stable": True}
    port = RawPort(next(one.link for one in sim.serial if one.link.name == "scale"))
    subject = toledo.Parser(checksum=False)
    heard: list[Weight] = []
    while len(heard) < 3:
        heard += subject.feed(await port.read(17))
    port.close()
    assert heard[-1] == Weight(1_230_000, is_stable=True)


@pytest.mark.parametrize("body", [{}, {"load_g": 1e9}, {"load_g": 1, "moving_s": -1}])
async def test_what_the_bench_refuses(
    sim: Sim, bench: aiohttp.ClientSession, body: dict[str, object]
) -> None:
    async with bench.post("/scale", json=body) as answer:
        assert answer.status == 422


async def test_a_cabinet_without_a_scanner_has_none(sim: Sim, bench: aiohttp.ClientSession) -> None:
    async with bench.post("/scanner", json={"text": "A"}) as answer:
        assert answer.status == 404
        assert (await answer.json())["key"] == "sim.unknown_device"


def section(**changes: object) -> SerialSection:
    return SerialSection.model_validate({"kind": "mt_sics", "name": "scale", **changes})


def test_time_that_nobody_watched_is_not_made_up_for() -> None:
    made = {**config().model_dump(), "serial": [{"kind": "toledo", "name": "scale"}]}
    rig = Rig(CabinetConfig.model_validate(made))
    heard: list[bytes] = []
    (bus,) = rig.cabinet.serial.buses
    bus.listeners.append(lambda reply: heard.append(reply.data))
    rig.cabinet.settle_now()
    rig.wait(3600)
    rig.cabinet.settle_now()
    assert len(heard) == 2
    assert rig.cabinet.next_event_s() == rig.clock.now_s + EVERY_S


def test_sics_commands() -> None:
    subject = SicsDevice(section(), random.Random(1))
    subject.put(500, 0.0, moving_s=1.0, drift_g_per_s=0)
    assert subject.feed(b"S", 0.5) == []
    said = [one.data for one in subject.feed(b"\r\nZ\r\nXX\r\n", 0.5)]
    assert said == [b"S I\r\n", b"Z I\r\n", b"ES\r\n"]
    said = [one.data for one in subject.feed(b"S\r\nZ\r\nSI\r\n", 2.0)]
    assert said == [b"S S     500.00 g\r\n", b"Z A\r\n", b"S S       0.00 g\r\n"]
    subject.feed(b"S", 3.0)
    subject.silence()
    assert subject.feed(b"I\r\n", 3.1)[0].data == b"ES\r\n"


def test_swing_drift_and_range() -> None:
    subject = CasDevice(section(kind="cas"), random.Random(1))
    subject.put(500, 0.0, moving_s=1.0, drift_g_per_s=10)
    shown = {subject.weight(0.5).gross_mg for _ in range(20)}
    assert len(shown) > 5
    assert not subject.weight(0.5).is_stable
    assert subject.weight(2.0) == Weight(520_000, is_stable=True)
    subject.put(30_010, 0.0, moving_s=0, drift_g_per_s=0)
    assert subject.weight(1.0).flaw is not None
    assert [one.data for one in subject.feed(b"?" + cas.ENQ, 1.0)] == [cas.ACK]


def test_a_toledo_listens_to_nobody() -> None:
    subject = ToledoDevice(section(kind="toledo", checksum=True), random.Random(1))
    assert subject.feed(b"Z\r\n", 0.0) == []
    assert toledo.Parser(checksum=True).feed(subject.speak(0.0).data) == [Weight(0, is_stable=True)]
