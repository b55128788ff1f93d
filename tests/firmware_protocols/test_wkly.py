"""The WKLY board's published frames in both directions, and what is no answer."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_protocols import wkly
from firmware_protocols.errors import RangeError, WireError
from firmware_protocols.framing import xor_of
from firmware_protocols.wkly import Answer, Command, Request
from tests.firmware_protocols.vectors import FRAMES, RequestVector, request_vectors

REPLIES = json.loads((FRAMES / "wkly.json").read_text())["replies"]
OPEN_1 = wkly.encode(0, wkly.open_one(0))


@pytest.mark.parametrize("vector", request_vectors("wkly"), ids=lambda one: one.name)
def test_requests_on_the_wire(vector: RequestVector) -> None:
    request = getattr(wkly, vector.call)(*vector.args)
    wire = bytes.fromhex(vector.frame)
    assert wkly.encode(vector.unit, request) == wire
    assert wkly.parse_request(wire) == (vector.unit, request)


@pytest.mark.parametrize("row", REPLIES, ids=lambda row: row["name"])
def test_replies_off_the_wire(row: dict[str, Any]) -> None:
    wire = bytes.fromhex(row["frame"])
    answer = Answer(Command(row["command"]), bytes(row["data"]))
    assert wkly.parse_answer(wire) == (row["unit"], answer)
    assert wkly.encode(row["unit"], answer) == wire


def test_contacts() -> None:
    said = Answer(Command.READ_ALL, bytes([0, 3, 0, 1, 0xFF]))
    assert wkly.contacts(said) == (True, False, None)
    assert wkly.contact(Answer(Command.OPEN, bytes([0, 1, 0]))) is True
    assert wkly.contact(Answer(Command.MOVED, bytes([3, 1]))) is False


@pytest.mark.parametrize(
    "answer", [Answer(Command.OPEN, b"\x00\x01\x00"), Answer(Command.READ_ALL, b"\x00\x05\x00")]
)
def test_contacts_are_read_from_whole_answers_only(answer: Answer) -> None:
    with pytest.raises(WireError):
        wkly.contacts(answer)


@pytest.mark.parametrize("answer", [Answer(Command.BLINK, b"\x00\x01"), Answer(Command.OPEN, b"")])
def test_a_contact_needs_an_answer_that_has_one(answer: Answer) -> None:
    with pytest.raises(WireError):
        wkly.contact(answer)


def test_what_the_owner_must_know() -> None:
    assert wkly.is_read(wkly.read_all())
    assert wkly.is_read(wkly.read_one(3))
    assert not wkly.is_read(wkly.open_one(3))
    assert not wkly.is_read(wkly.blink(3))
    assert wkly.echo_test() == wkly.read_all()
    assert wkly.patience_s(wkly.open_one(0)) == 0.7
    assert wkly.patience_s(wkly.blink(0)) == 0.2
    assert wkly.refusal(Answer(Command.OPEN, b"\xff\x01\xff")) == 0xFF
    assert wkly.refusal(Answer(Command.OPEN, b"\x00\x01\x00")) is None


def answer_of(command: int, *data: int, board: int = 0) -> bytes:
    return wkly.encode(board, Answer(Command(command), bytes(data)))


def test_the_answer_is_found_behind_a_door_that_moved() -> None:
    moved, answer = answer_of(0x85, 3, 0), answer_of(0x82, 0, 1, 0)
    assert wkly.pick_answer(OPEN_1, moved + answer) == (
        answer,
        Answer(Command.OPEN, b"\x00\x01\x00"),
    )


@pytest.mark.parametrize(
    "received",
    [
        OPEN_1,  # its own echo
        answer_of(0x82, 0, 2, 0),  # another channel
        answer_of(0x82, 0, 1, 0, board=1),  # another board
        answer_of(0x83, 0, 1, 0),  # the answer to a read
        answer_of(0x82, 0, 1),  # too short
        answer_of(0x82, 9, 1, 0),  # no status that there is
        answer_of(0x82, 0, 1, 7),  # no contact that there is
        answer_of(0x85, 1, 0),  # unasked
        answer_of(0x82, 0, 1, 0)[:-1],
        answer_of(0x82, 0, 1, 0)[:-1] + b"\x00",
        bytes.fromhex("57 4B 4C 59 08 00 70 71"),  # a command nobody knows
    ],
)
def test_everything_else_is_no_answer(received: bytes) -> None:
    assert wkly.pick_answer(OPEN_1, received) == (b"", None)


def test_all_contacts_must_be_as_many_as_it_says() -> None:
    asked = wkly.encode(0, wkly.read_all())
    assert wkly.pick_answer(asked, answer_of(0x84, 0, 2, 1))[1] is None
    assert wkly.pick_answer(asked, answer_of(0x84, 0))[1] is None
    assert wkly.pick_answer(asked, answer_of(0x84, 0, 2, 1, 3))[1] is None
    assert wkly.pick_answer(asked, answer_of(0x84, 0, 2, 1, 0))[1] is not None


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        OPEN_1[:-1],
        OPEN_1 + b"\x00",
        b"\x00" + OPEN_1[1:],
        OPEN_1[:-1] + b"\x00",
        bytes.fromhex("57 4B 4C 59 08 00 70 76"),
    ],
)
def test_what_is_no_frame(frame: bytes) -> None:
    with pytest.raises(WireError):
        wkly.parse_request(frame)


@pytest.mark.parametrize("channel", [-1, 24])
def test_a_channel_that_is_not_there(channel: int) -> None:
    with pytest.raises(RangeError):
        wkly.open_one(channel)


def test_what_cannot_be_put_into_a_frame() -> None:
    with pytest.raises(RangeError):
        wkly.encode(32, wkly.read_all())
    with pytest.raises(RangeError):
        wkly.encode(0, Request(Command.OPEN_IN_TURN, bytes(27)))


requests = st.builds(Request, st.sampled_from(Command), st.binary(max_size=26))


@given(st.sampled_from(wkly.UNITS), requests, st.binary(max_size=12), st.binary(max_size=12))
def test_what_is_sent_is_heard_through_noise(
    unit: int, request: Request, before: bytes, behind: bytes
) -> None:
    wire = wkly.encode(unit, request)
    assert wkly.parse_request(wire) == (unit, request)
    clean = wkly.HEADER[:1] not in before
    assert not clean or wire in wkly.frames(before + wire + behind).frames


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_rubbish_is_never_an_answer_of_another_shape(received: bytes, more: bytes) -> None:
    frame, answer = wkly.pick_answer(OPEN_1, received + wkly.HEADER + more)
    if answer is not None:
        assert frame in received + wkly.HEADER + more
        assert xor_of(frame) == 0
        assert answer.data[1] == 1
