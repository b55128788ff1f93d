"""The KERONG boards as a client meets them."""

import pytest

from firmware_protocols import kerong_cu16 as cu16
from firmware_protocols import kerong_cu48 as cu48
from firmware_protocols.kerong_cu16 import Command, Request
from tests.device_sim.cabinets import Rig, lock_cabinet


@pytest.fixture
def rig() -> Rig:
    return Rig(lock_cabinet("kerong_cu16", unit=1))


def ask(rig: Rig, frame: bytes) -> str:
    replies = rig.send(frame)
    rig.wait(max((one.ends_s for one in replies), default=rig.clock.now_s) - rig.clock.now_s + 0.05)
    return " ".join(one.data.hex(" ") for one in replies)


def test_an_opening_is_answered_at_once_and_may_still_say_locked(rig: Rig) -> None:
    assert ask(rig, cu16.encode(1, cu16.open_one(15))) == "02 10 35 ff ff 00 00 03 48"
    rig.wait(1)
    assert rig.door("A01") == (True, False)
    assert ask(rig, cu16.encode(1, cu16.read_all())) == "02 10 35 ff 7f 00 00 03 c8"


def test_the_pulse_is_as_long_as_it_was_set(rig: Rig) -> None:
    assert ask(rig, cu16.encode(1, cu16.read_pulse())) == "02 10 38 00 32 03 7f"
    ask(rig, cu16.encode(1, Request(Command.TIME, data=b"\x17\x70")))
    ask(rig, cu16.encode(1, cu16.open_one(0)))
    rig.wait(5)
    assert [pulse.ms for pulse in rig.cabinet.state().pulses] == [60_000]
    assert next(one for one in rig.cabinet.state().doors if one.label == "A02").burnt


def test_all_boards_are_asked_and_all_locks_opened(rig: Rig) -> None:
    assert ask(rig, bytes.fromhex("02 F0 32 03 27")) == "02 10 35 ff ff 00 00 03 48"
    ask(rig, cu16.encode(1, Request(Command.OPEN_ALL)))
    assert len(rig.cabinet.state().pulses) == 16


def test_what_is_not_answered(rig: Rig) -> None:
    assert ask(rig, cu16.encode(2, cu16.read_all())) == ""
    assert ask(rig, cu16.encode(1, Request(Command.OPEN_LATER, 0, b"\x05"))) == ""


def test_a_cu48() -> None:
    rig = Rig(lock_cabinet("kerong_cu48", unit=0))
    assert ask(rig, cu48.encode(0, cu48.open_one(47))) == "02 00 2f 75 03 a9"
    rig.wait(1)
    assert rig.door("A01") == (True, False)
    assert ask(rig, cu48.encode(0, cu48.read_all())) == "02 00 00 75 06 ff ff ff ff ff 7f f7"
    assert ask(rig, cu48.encode(1, cu48.read_all())) == ""
