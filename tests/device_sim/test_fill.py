"""The fill level of a recycling box: a switch on a spare input, moved at the bench."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import ValidationError

from common.kit.errors import NotFoundError
from device_sim.config import CabinetConfig, load
from device_sim.control import make_bench
from firmware_protocols import waveshare_relay as relay
from firmware_protocols.modbus_pdu import DataReply
from tests.device_sim.cabinets import ROOT, Rig

Client = TestClient[web.Request, web.Application]
FILE = ROOT / "cabinets/lvyuan-6.toml"


@pytest.fixture
def rig() -> Rig:
    return Rig(load(FILE, {}))


@pytest.fixture
def server(rig: Rig) -> TestServer:
    return TestServer(make_bench(rig.cabinet))


@pytest.fixture
async def bench(server: TestServer) -> AsyncIterator[Client]:
    async with TestClient(server) as client:
        yield client


def inputs(rig: Rig) -> list[bool]:
    reply = rig.ask(2, relay.read_inputs())
    assert isinstance(reply, DataReply)
    return list(relay.inputs(reply))


async def test_a_full_box_closes_its_switch(rig: Rig, bench: Client) -> None:
    assert inputs(rig) == [False] * 8
    async with bench.post("/fill", json={"name": "textiles", "full": True}) as answer:
        assert await answer.json() == {"full": True}
    assert inputs(rig) == [False] * 7 + [True]
    rig.cabinet.pull("R01")
    assert inputs(rig) == [True] + [False] * 6 + [True]
    rig.cabinet.fill("textiles", full=False)
    assert inputs(rig) == [True] + [False] * 7


async def test_a_box_that_is_not_there(rig: Rig, bench: Client) -> None:
    async with bench.post("/fill", json={"name": "paper", "full": True}) as answer:
        assert answer.status == 404
    with pytest.raises(NotFoundError):
        rig.cabinet.fill("paper", full=True)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"channel": 0}, "board and input of a door (2, 0) is given twice"),
        ({"board": 11}, "fill level bottles names board with spare inputs 11"),
        ({"name": "textiles"}, "name of a box 'textiles' is given twice"),
    ],
)
def test_a_switch_needs_an_input_of_its_own(change: dict[str, Any], said: str) -> None:
    record = json.loads(load(FILE, {}).model_dump_json())
    record["fill"][0] |= change
    with pytest.raises(ValidationError) as refused:
        CabinetConfig.model_validate(record)
    assert said in str(refused.value)
