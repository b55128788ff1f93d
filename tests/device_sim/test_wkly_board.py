"""The WKLY board as a client meets it."""

import pytest

from device_sim.bus import Reply
from firmware_protocols import wkly
from firmware_protocols.wkly import Answer, Command, Request
from tests.device_sim.cabinets import Rig, lock_cabinet


@pytest.fixture
def rig() -> Rig:
    return Rig(lock_cabinet("wkly", unit=1))


def ask(rig: Rig, request: Request, unit: int = 1) -> Answer | None:
    replies = rig.send(wkly.encode(unit, request))
    if not replies:
        rig.wait(0.1)
        return None
    (reply,) = replies
    rig.wait(reply.ends_s - rig.clock.now_s + 0.01)
    return wkly.parse_answer(reply.data)[1]


def test_an_opening_is_answered_when_its_pulse_is_over(rig: Rig) -> None:
    (reply,) = rig.send(wkly.encode(1, wkly.open_one(23)))
    assert reply.starts_s - rig.clock.now_s > 0.35
    assert wkly.parse_answer(reply.data)[1] == Answer(Command.OPEN, b"\x00\x18\x00")
    rig.wait(1)
    assert rig.door("A01") == (True, False)
    assert [(one.channel, one.ms) for one in rig.cabinet.witness.pulses] == [(23, 350)]


def test_a_jammed_door_is_told_as_shut(rig: Rig) -> None:
    rig.cabinet.jam("A01")
    assert ask(rig, wkly.open_one(23)) == Answer(Command.OPEN, b"\x00\x18\x01")


def test_contacts_one_and_all(rig: Rig) -> None:
    rig.cabinet.pull("A02")
    assert ask(rig, wkly.read_one(0)) == Answer(Command.READ, b"\x00\x01\x00")
    said = ask(rig, wkly.read_all())
    assert said is not None
    assert [n for n, is_open in enumerate(wkly.contacts(said)) if is_open] == [0]


def test_a_door_that_moves_is_told_unasked(rig: Rig) -> None:
    heard: list[Reply] = []
    rig.bus.listeners.append(heard.append)
    rig.cabinet.pull("A02")
    rig.cabinet.push("A02")
    told = [wkly.parse_answer(reply.data) for reply in heard]
    assert told == [
        (1, Answer(Command.MOVED, b"\x01\x00")),
        (1, Answer(Command.MOVED, b"\x01\x01")),
    ]
    assert heard[1].starts_s >= heard[0].ends_s


def test_keeping_a_channel_on_burns_the_coil(rig: Rig) -> None:
    assert ask(rig, Request(Command.KEEP_ON, b"\x01")) == Answer(Command.KEEP_ON, b"\x00\x01")
    rig.wait(5)
    assert next(one for one in rig.cabinet.state().doors if one.label == "A02").burnt
    assert rig.cabinet.state().pulses == ()


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (Request(Command.OPEN, b"\x19"), Answer(Command.OPEN, b"\xff\x19\xff")),
        (Request(Command.READ, b"\x00"), Answer(Command.READ, b"\xff\x00")),
        (Request(Command.BLINK, b"\x02"), Answer(Command.BLINK, b"\x00\x02")),
        (Request(Command.MOVED, b"\x02"), None),
    ],
)
def test_what_it_says_to_the_rest(rig: Rig, request_: Request, said: Answer | None) -> None:
    assert ask(rig, request_) == said
    assert rig.cabinet.state().pulses == ()


@pytest.mark.parametrize("command", [Command.OPEN_ALL, Command.OPEN_TOGETHER, Command.OPEN_IN_TURN])
def test_several_at_once_open_several(rig: Rig, command: Command) -> None:
    data = b"" if command is Command.OPEN_ALL else b"\x02\x01\x02"
    assert ask(rig, Request(command, data)) == Answer(command, b"\x00")
    assert len(rig.cabinet.state().pulses) in (2, 24)


def test_other_boards_and_torn_frames_are_not_answered(rig: Rig) -> None:
    assert ask(rig, wkly.read_all(), unit=2) is None
    frame = wkly.encode(1, wkly.read_all())
    assert rig.send(frame[:4]) == []
    rig.wait(1)
    assert rig.send(frame[4:]) == []
    rig.wait(1)
    assert rig.send(bytes.fromhex("57 4B 4C 59 08 01 70 70")) == []
