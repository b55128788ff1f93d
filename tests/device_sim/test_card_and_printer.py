"""The simulated card reader and printer by the bench and by their bytes."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from common.kit.chance import seeded_chance
from common.kit.clock import SystemClock
from common.kit.work import ThreadWork
from device_sim.app import Sim, SimPorts, build_sim
from device_sim.config import CabinetConfig
from device_sim.printer_device import PrinterDevice
from firmware_protocols import escpos, rdm6300
from firmware_protocols.escpos import Paper, Status
from tests.device_sim.cabinets import config
from tests.device_sim.test_pty_port import RawPort

SERIAL = [{"kind": "rdm6300", "name": "cards"}, {"kind": "escpos", "name": "printer"}]


@pytest.fixture
def built(tmp_path: Path) -> Sim:
    made = {**config().model_dump(), "serial": SERIAL}
    ports = SimPorts(SystemClock(), seeded_chance("cards"), ThreadWork())
    return build_sim(ports, CabinetConfig.model_validate(made), tmp_path, port=0, modbus_port=0)


@pytest.fixture
async def bench(sim: Sim) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(sim.bench.url) as session:
        yield session


def port_of(sim: Sim, name: str) -> RawPort:
    return RawPort(next(one.link for one in sim.serial if one.link.name == name))


async def test_a_card_is_said_again_and_again(sim: Sim, bench: aiohttp.ClientSession) -> None:
    port = port_of(sim, "cards")
    async with bench.post("/card", json={"card": "0100abcdef", "for_s": 5}) as answer:
        assert await answer.json() == {"card": "0100ABCDEF"}
    assert await port.read(28) == rdm6300.encode("0100ABCDEF") * 2
    port.close()
    async with bench.post("/card", json={"card": "0100ABCDEG"}) as answer:
        assert answer.status == 422


async def test_a_printer_prints_and_its_paper_can_be_taken(
    sim: Sim, bench: aiohttp.ClientSession
) -> None:
    port = port_of(sim, "printer")
    port.write("你好\n".encode("gb18030") + escpos.ask(escpos.Question.PAPER))
    assert await port.read(1) == b"\x12"
    async with bench.post("/printer", json={"paper": "out"}) as answer:
        assert await answer.json() == {"printed": "你好\n"}
    port.write(escpos.ask(escpos.Question.PAPER))
    assert await port.read(1) == b"\x7e"
    port.close()


def test_what_it_cannot_print_it_keeps() -> None:
    subject = PrinterDevice()
    subject.become(Status(False, False, False, Paper.OUT))
    subject.feed(b"later\n", 0.0)
    assert subject.printed == b""
    subject.become(Status(False, False, False, Paper.OK))
    assert subject.printed == b"later\n"


def test_a_question_may_come_in_pieces_and_in_the_middle_of_text() -> None:
    subject = PrinterDevice()
    assert subject.feed(b"ab\x10", 0.0) == []
    assert subject.feed(b"\x04", 0.0) == []
    (said,) = subject.feed(b"\x01cd", 0.0)
    assert said.data == b"\x12"
    subject.silence()
    assert subject.printed == b"abcd"
    assert subject.feed(b"\x10\x04\x09", 0.0) == []
