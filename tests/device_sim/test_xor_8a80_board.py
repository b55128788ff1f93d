"""The 8A/80 board as a client meets it."""

import pytest

from firmware_protocols import xor_8a80 as wire
from firmware_protocols.xor_8a80 import Command, Request
from tests.device_sim.cabinets import Rig, lock_cabinet


@pytest.fixture
def rig() -> Rig:
    return Rig(lock_cabinet("xor_8a80", unit=2))


def ask(rig: Rig, request: Request, unit: int = 2) -> str:
    replies = rig.send(wire.encode(unit, request))
    rig.wait(max((one.ends_s for one in replies), default=rig.clock.now_s) - rig.clock.now_s + 0.05)
    return " ".join(one.data.hex(" ") for one in replies)


def test_an_opening_is_answered_a_second_later(rig: Rig) -> None:
    (reply,) = rig.send(wire.encode(2, wire.open_one(0)))
    assert reply.data.hex(" ") == "8a 02 01 11 98"
    assert 1.0 < reply.starts_s - rig.clock.now_s < 1.1
    rig.wait(2)
    assert rig.door("A02") == (True, False)


def test_a_jammed_door_is_told_as_shut(rig: Rig) -> None:
    rig.cabinet.jam("A02")
    assert ask(rig, wire.open_one(0)) == "8a 02 01 00 89"


def test_status_of_one_and_all(rig: Rig) -> None:
    rig.cabinet.pull("A02")
    rig.cabinet.pull("A04")
    assert ask(rig, wire.read_one(0)) == "80 02 01 11 92"
    assert ask(rig, wire.read_one(1)) == "80 02 02 00 80"
    assert ask(rig, wire.read_all()) == "80 02 00 00 00 05 33 b4"


def test_lock_zero_opens_everything(rig: Rig) -> None:
    assert ask(rig, Request(Command.OPEN, wire.ALL)) == ""
    assert len(rig.cabinet.state().pulses) == 24


def test_everybody_tells_his_address(rig: Rig) -> None:
    assert ask(rig, Request(Command.ADDRESS, wire.ALL), unit=1) == "80 01 02 99 1a"


def test_another_board_is_not_answered(rig: Rig) -> None:
    assert ask(rig, wire.read_all(), unit=1) == ""
