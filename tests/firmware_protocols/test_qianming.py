"""The QianMing board's frames as the rule of its one source makes them, and what is no answer."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_protocols import qianming as wire
from firmware_protocols.errors import RangeError, WireError
from firmware_protocols.framing import xor_of
from firmware_protocols.qianming import Answer, Function, Request
from tests.firmware_protocols.vectors import FRAMES, RequestVector, request_vectors

OPENED, DOORS = (
    bytes.fromhex(row["frame"])
    for row in json.loads((FRAMES / "qianming.json").read_text())["replies"]
)
OPEN_1 = wire.encode(1, wire.open_box())
DOORS_1 = wire.encode(1, wire.read_doors())
GOODS_1 = wire.encode(1, wire.read_goods())


@pytest.mark.parametrize("vector", request_vectors("qianming"), ids=lambda one: one.name)
def test_requests_on_the_wire(vector: RequestVector) -> None:
    request = getattr(wire, vector.call)(*vector.args)
    frame = bytes.fromhex(vector.frame)
    assert wire.encode(vector.unit, request) == frame
    assert wire.parse_request(frame) == (vector.unit, request)


def test_an_opening_is_acknowledged() -> None:
    assert wire.pick_answer(OPEN_1, b"\x5a" + OPENED) == (OPENED, Answer(Function.OPEN))
    assert wire.encode_answer(Answer(Function.OPEN)) == OPENED
    refused = wire.encode_answer(Answer(Function.OPEN, result=1))
    answer = wire.pick_answer(OPEN_1, refused)[1]
    assert answer is not None
    assert wire.refusal(answer) == 1


def test_doors_of_a_whole_board() -> None:
    picked, answer = wire.pick_answer(DOORS_1, b"\x5a\xa2" + DOORS)
    assert picked == DOORS
    assert answer is not None
    assert wire.of_boxes(answer, 1) == (True, *(False,) * 15)
    assert wire.of_boxes(answer, 9) == (*(False,) * 8, *(None,) * 8)
    assert wire.encode_answer(answer) == DOORS
    assert wire.refusal(answer) is None


def bits_of(function: Function, first: int, *states: bool) -> bytes:
    return wire.encode_answer(Answer(function, first_box=first, states=states))


@pytest.mark.parametrize(
    "received",
    [
        b"",
        b"\x5a\xa2\x00",
        DOORS_1,
        OPENED,
        DOORS[:-1],
        DOORS[:-1] + b"\x00",
        bits_of(Function.GOODS, 1, True, False),
        bits_of(Function.DOORS, 2, True, False),  # another board
        bytes.fromhex("5A A2 00 10 00 01 00 00 E9"),  # ends before it begins
    ],
)
def test_everything_else_is_no_answer(received: bytes) -> None:
    assert wire.pick_answer(DOORS_1, received) == (b"", None)


def test_a_torn_acknowledgement_is_none() -> None:
    assert wire.pick_answer(OPEN_1, OPENED[:3]) == (b"", None)
    assert wire.pick_answer(OPEN_1, OPENED[:3] + b"\x00") == (b"", None)


def test_goods_are_asked_with_a_function_of_their_own() -> None:
    said = bits_of(Function.GOODS, 1, False, True)
    answer = wire.pick_answer(GOODS_1, said)[1]
    assert answer is not None
    assert wire.of_boxes(answer, 1)[:3] == (False, True, None)


def test_states_are_read_from_answers_that_have_them() -> None:
    with pytest.raises(WireError):
        wire.of_boxes(Answer(Function.OPEN), 1)


def test_what_the_owner_must_know() -> None:
    assert wire.is_read(wire.echo_test())
    assert wire.is_read(wire.read_goods())
    assert not wire.is_read(wire.open_box())
    assert not wire.is_read(Request(Function.RANGE, 16))
    assert wire.patience_s(wire.open_box()) == 0


def test_a_torn_request_is_kept_until_it_is_whole() -> None:
    for cut in range(1, len(OPEN_1)):
        pieces = wire.requests(OPEN_1[:cut])
        assert pieces.frames == ()
        assert wire.requests(pieces.rest + OPEN_1[cut:]).frames == (OPEN_1,)


NO_REQUESTS = (
    b"",
    b"\x5a",
    OPEN_1[:-1],
    OPEN_1[:-1] + b"\x00",
    bytes.fromhex("5A 24 00 01 7F"),
    b"\x00" + OPEN_1[1:],
)


@pytest.mark.parametrize("frame", NO_REQUESTS)
def test_what_is_no_request(frame: bytes) -> None:
    with pytest.raises(WireError):
        wire.parse_request(frame)


@pytest.mark.parametrize(
    ("unit", "request_"),
    [
        (0, wire.read_doors()),
        (0x10000, wire.read_doors()),
        (1, Request(Function.RANGE, 0)),
        (1, Request(Function.RANGE)),
        (1, Request(Function.OPEN, 2)),
    ],
)
def test_what_cannot_be_put_into_a_frame(unit: int, request_: Request) -> None:
    with pytest.raises(RangeError):
        wire.encode(unit, request_)


asked = st.one_of(
    st.builds(Request, st.sampled_from([Function.OPEN, Function.DOORS, Function.GOODS])),
    st.builds(Request, st.just(Function.RANGE), st.integers(1, 0xFFFF)),
)


@given(st.integers(1, 0xFFFF), asked, st.binary(max_size=12))
def test_what_is_sent_is_heard_through_noise(box: int, request: Request, before: bytes) -> None:
    frame = wire.encode(box, request)
    assert wire.parse_request(frame) == (box, request)
    assert wire.HEAD in before or wire.requests(before + frame).frames == (frame,)


@given(st.sampled_from([OPEN_1, DOORS_1, GOODS_1]), st.binary(max_size=200))
def test_rubbish_is_an_answer_only_in_its_shape(sent: bytes, received: bytes) -> None:
    head = bytes([wire.HEAD, sent[1] | wire.ANSWER_BIT])
    frame, answer = wire.pick_answer(sent, head + received)
    if answer is not None:
        assert frame in head + received
        assert xor_of(frame) == 0
