"""The 8A/80 board's published frames, and answers that come late, short or from somebody else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_protocols import xor_8a80 as wire
from firmware_protocols.errors import RangeError, WireError
from firmware_protocols.framing import xor_of
from firmware_protocols.xor_8a80 import Answer, Command, Request
from tests.firmware_protocols.vectors import FRAMES, RequestVector, request_vectors

VECTORS = json.loads((FRAMES / "xor_8a80.json").read_text())
ALL_1 = wire.encode(1, wire.read_all())
ONE_1 = wire.encode(1, wire.read_one(0))
OPEN_1 = wire.encode(1, wire.open_one(0))


@pytest.mark.parametrize("vector", request_vectors("xor_8a80"), ids=lambda one: one.name)
def test_requests_on_the_wire(vector: RequestVector) -> None:
    request = getattr(wire, vector.call)(*vector.args)
    frame = bytes.fromhex(vector.frame)
    assert wire.encode(vector.unit, request) == frame
    assert wire.parse_request(frame) == (vector.unit, request)


@pytest.mark.parametrize("row", VECTORS["never_sent"], ids=lambda row: row["name"])
def test_what_is_never_sent_is_understood_and_is_no_read(row: dict[str, str]) -> None:
    unit, request = wire.parse_request(bytes.fromhex(row["frame"]))
    assert (unit, request.lock) == (1, wire.ALL)
    assert not wire.is_read(request)
    assert wire.encode(unit, request) == bytes.fromhex(row["frame"])


def test_the_status_of_all() -> None:
    (row,) = VECTORS["replies"]
    frame = bytes.fromhex(row["frame"])
    picked, answer = wire.pick_answer(ALL_1, b"\x80\x01" + frame)
    assert picked == frame
    assert answer is not None
    assert [n for n, is_open in enumerate(wire.contacts(answer)) if is_open] == row["open"]
    assert wire.encode_answer(1, answer) == frame


@pytest.mark.parametrize(("state", "is_open"), [(0x11, True), (0x00, False)])
@pytest.mark.parametrize("asked", [ONE_1, OPEN_1])
def test_the_status_of_one(asked: bytes, state: int, is_open: bool) -> None:
    command = wire.parse_request(asked)[1].command
    frame = wire.encode_answer(1, Answer(command, 1, bytes([state])))
    picked, answer = wire.pick_answer(asked, b"\xff" + frame)
    assert picked == frame
    assert answer is not None
    assert wire.contact(answer) is is_open


def test_the_answer_open_is_the_request() -> None:
    assert wire.pick_answer(OPEN_1, OPEN_1)[0] == OPEN_1


def answer_of(command: Command, lock: int, *state: int, unit: int = 1) -> bytes:
    return wire.encode_answer(unit, Answer(command, lock, bytes(state)))


@pytest.mark.parametrize(
    "received",
    [
        b"",
        ONE_1,  # its echo
        answer_of(Command.READ, 2, 0x11),  # another lock
        answer_of(Command.READ, 1, 0x11, unit=2),  # another board
        answer_of(Command.OPEN, 1, 0x11),  # a late answer to an opening
        answer_of(Command.READ, 1, 0x12),  # no state that there is
        answer_of(Command.READ, 1, 0x11)[:-1],
        answer_of(Command.READ, 1, 0x11)[:-1] + b"\x00",
        answer_of(Command.READ, wire.ALL, 0, 0, 0, 5),
    ],
)
def test_everything_else_is_no_answer(received: bytes) -> None:
    assert wire.pick_answer(ONE_1, received) == (b"", None)


@pytest.mark.parametrize("received", [ALL_1, answer_of(Command.READ, 1, 0x11)])
def test_one_is_no_answer_to_all(received: bytes) -> None:
    assert wire.pick_answer(ALL_1, received) == (b"", None)


def test_contacts_are_read_from_answers_that_have_them() -> None:
    with pytest.raises(WireError):
        wire.contact(Answer(Command.READ, wire.ALL, b"\x11"))
    with pytest.raises(WireError):
        wire.contact(Answer(Command.READ, 1, b"\x12"))
    with pytest.raises(WireError):
        wire.contacts(Answer(Command.READ, 1, b"\x11"))
    with pytest.raises(WireError):
        wire.contacts(Answer(Command.READ, wire.ALL, b"\x11"))


def test_what_the_owner_must_know() -> None:
    assert wire.is_read(wire.echo_test())
    assert wire.patience_s(wire.open_one(0)) == 1.5
    assert wire.patience_s(wire.read_all()) == 0
    assert wire.refusal(Answer(Command.OPEN, 1, b"\x00")) is None


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        OPEN_1[:-1],
        OPEN_1[:-1] + b"\x00",
        bytes.fromhex("8A 01 01 33 B9"),
        bytes.fromhex("80 01 01 11 91"),
    ],
)
def test_what_is_no_request(frame: bytes) -> None:
    with pytest.raises(WireError):
        wire.parse_request(frame)


def test_what_cannot_be_put_into_a_frame() -> None:
    for unit in (0, 201):
        with pytest.raises(RangeError):
            wire.encode(unit, wire.read_all())
    with pytest.raises(RangeError):
        wire.encode(1, Request(Command.OPEN, 25))
    for channel in (-1, 24):
        with pytest.raises(RangeError):
            wire.open_one(channel)


asked = st.builds(Request, st.sampled_from(Command), st.integers(0, 24))


@given(st.sampled_from(wire.UNITS), asked, st.binary(max_size=12))
def test_what_is_sent_is_heard_through_noise(unit: int, request: Request, before: bytes) -> None:
    frame = wire.encode(unit, request)
    assert wire.parse_request(frame) == (unit, request)
    clean = not {0x8A, 0x80} & set(before)
    assert not clean or wire.requests(before + frame).frames == (frame,)


@given(st.sampled_from([ONE_1, ALL_1, OPEN_1]), st.binary(max_size=200))
def test_rubbish_is_an_answer_only_in_its_shape(sent: bytes, received: bytes) -> None:
    frame, answer = wire.pick_answer(sent, sent[:2] + received)
    if answer is not None:
        assert frame in sent[:2] + received
        assert xor_of(frame) == 0
        assert frame[:2] == sent[:2]
