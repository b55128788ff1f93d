"""The KERONG boards' published frames, and what is no answer."""

import json
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_protocols import kerong_cu16 as cu16
from firmware_protocols import kerong_cu48 as cu48
from firmware_protocols.errors import RangeError, WireError
from firmware_protocols.framing import sum_of
from firmware_protocols.kerong_cu16 import Answer, Command, Request
from tests.firmware_protocols.vectors import FRAMES, RequestVector, request_vectors

VECTORS = json.loads((FRAMES / "kerong_cu16.json").read_text())
STATUS_0 = cu16.encode(0, cu16.read_all())
OPEN_0 = cu16.encode(0, cu16.open_one(0))
OPEN_5 = cu48.encode(3, cu48.open_one(5))


def check_request(wire: ModuleType, vector: RequestVector) -> None:
    request = getattr(wire, vector.call)(*vector.args)
    frame = bytes.fromhex(vector.frame)
    assert wire.encode(vector.unit, request) == frame
    assert wire.parse_request(frame) == (vector.unit, request)


@pytest.mark.parametrize("vector", request_vectors("kerong_cu16"), ids=lambda one: one.name)
def test_requests_to_a_cu16(vector: RequestVector) -> None:
    check_request(cu16, vector)


@pytest.mark.parametrize("vector", request_vectors("kerong_cu48"), ids=lambda one: one.name)
def test_requests_to_a_cu48(vector: RequestVector) -> None:
    check_request(cu48, vector)


def test_asking_all_boards_is_understood_and_cannot_be_sent() -> None:
    (row,) = VECTORS["never_sent"]
    unit, request = cu16.parse_request(bytes.fromhex(row["frame"]))
    assert request == Request(Command.STATUS_OF_ALL)
    assert not cu16.is_read(request)
    with pytest.raises(RangeError):
        cu16.encode(unit, request)


def test_a_hook_that_is_not_locked_is_an_open_door() -> None:
    (row,) = VECTORS["replies"]
    frame = bytes.fromhex(row["frame"])
    picked, answer = cu16.pick_answer(STATUS_0, b"\x02\x00" + frame)
    assert picked == frame
    assert answer is not None
    assert [n for n, is_open in enumerate(cu16.doors(answer)) if is_open] == row["open"]
    assert [n for n, lies in enumerate(cu16.goods(answer)) if lies] == row["goods"]
    assert cu16.encode_answer(0, answer) == frame
    assert cu16.pick_answer(OPEN_0, frame)[0] == frame, "an opening is answered with a status"


def test_beams() -> None:
    assert [
        n
        for n, lies in enumerate(cu16.goods(Answer(Command.STATUS_SAID, b"\xff\xff\x02\x80")))
        if lies
    ] == [1, 15]


def test_the_length_of_the_pulse() -> None:
    asked = cu16.encode(2, cu16.read_pulse())
    said = cu16.encode_answer(2, Answer(Command.TIME_SAID, b"\x00\x32"))
    answer = cu16.pick_answer(asked, said)[1]
    assert answer is not None
    assert cu16.pulse_ms(answer) == 500
    assert cu16.pick_answer(cu16.encode(2, cu16.read_all()), said)[1] is None
    with pytest.raises(WireError):
        cu16.pulse_ms(Answer(Command.STATUS_SAID, bytes(4)))


def status_of(unit: int, data: bytes = b"\xff\xff\x00\x00") -> bytes:
    return cu16.encode_answer(unit, Answer(Command.STATUS_SAID, data))


@pytest.mark.parametrize(
    "received",
    [
        b"",
        STATUS_0,
        OPEN_0,
        status_of(1),
        status_of(0)[:-1],
        status_of(0)[:-1] + b"\x00",
        b"\x03" + status_of(0)[1:],
    ],
)
def test_everything_else_is_no_answer_of_a_cu16(received: bytes) -> None:
    assert cu16.pick_answer(STATUS_0, received) == (b"", None)


@pytest.mark.parametrize(
    "answer", [Answer(Command.TIME_SAID, bytes(4)), Answer(Command.STATUS_SAID, b"\x00")]
)
def test_doors_are_read_from_a_status(answer: Answer) -> None:
    with pytest.raises(WireError):
        cu16.doors(answer)


def test_what_the_owner_must_know_of_a_cu16() -> None:
    assert cu16.is_read(cu16.echo_test())
    assert cu16.is_read(cu16.read_pulse())
    assert not cu16.is_read(Request(Command.TIME, data=b"\x17\x70"))
    assert cu16.patience_s(cu16.open_one(0)) == 0
    assert cu16.refusal(Answer(Command.STATUS_SAID, bytes(4))) is None


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\x02\x00\x30",
        OPEN_0[:-1] + b"\x00",
        bytes.fromhex("02 00 99 03 9E"),
        b"\x03" + OPEN_0[1:],
    ],
)
def test_what_is_no_request_to_a_cu16(frame: bytes) -> None:
    with pytest.raises(WireError):
        cu16.parse_request(frame)


def test_a_torn_request_is_kept_until_it_is_whole() -> None:
    for cut in range(1, len(OPEN_0)):
        pieces = cu16.requests(OPEN_0[:cut])
        assert pieces.frames == ()
        assert cu16.requests(pieces.rest + OPEN_0[cut:]).frames == (OPEN_0,)


def test_what_cannot_be_put_into_a_frame_for_a_cu16() -> None:
    for unit, request in (
        (15, cu16.read_all()),
        (0, Request(Command.OPEN, 16)),
        (0, Request(Command.OPEN, 0, b"1")),
        (0, Request(Command.TIME_SAID)),
    ):
        with pytest.raises(RangeError):
            cu16.encode(unit, request)
    with pytest.raises(RangeError):
        cu16.open_one(16)


SHORT = (Command.STATUS, Command.OPEN, Command.OPEN_ALL, Command.TIME)
times = st.integers(0, 0x2FF).map(lambda ticks: ticks.to_bytes(2, "big"))
cu16_requests = st.one_of(
    st.builds(
        Request,
        st.sampled_from([Command.STATUS, Command.OPEN, Command.OPEN_ALL, Command.TIME]),
        st.integers(0, 15),
    ),
    st.builds(
        Request,
        st.just(Command.TIME),
        st.just(0),
        st.integers(0, 0x2FF).map(lambda n: n.to_bytes(2, "big")),
    ),
    st.builds(
        Request,
        st.just(Command.OPEN_LATER),
        st.integers(0, 15),
        st.sampled_from([b"\x01", b"\xfa"]),
    ),
)


@given(st.sampled_from(cu16.UNITS), cu16_requests, st.binary(max_size=12))
def test_what_is_sent_to_a_cu16_is_heard_through_noise(
    unit: int, request: Request, before: bytes
) -> None:
    frame = cu16.encode(unit, request)
    assert cu16.parse_request(frame) == (unit, request)
    assert 0x02 in before or cu16.requests(before + frame).frames == (frame,)


@given(st.binary(max_size=200))
def test_rubbish_is_an_answer_only_in_its_shape(received: bytes) -> None:
    for wire, sent in ((cu16, STATUS_0), (cu48, OPEN_5)):
        frame, answer = wire.pick_answer(sent, sent[:2] + received)
        if answer is not None:
            assert frame in sent[:2] + received
            assert frame[-1] == sum_of(frame[:-1])


def test_a_cu48_says_which_doors_are_open() -> None:
    asked = cu48.encode(3, cu48.read_all())
    said = bytes.fromhex("02 03 00 75 06 FE FF FF FF FF 7F")
    said += bytes([sum_of(said)])
    picked, answer = cu48.pick_answer(asked, b"\x02\x03" + said)
    assert picked == said
    assert answer is not None
    assert [n for n, is_open in enumerate(cu48.doors(answer)) if is_open] == [0, 47]
    assert cu48.encode_answer(3, answer) == said


def test_a_cu48_acknowledges_an_opening() -> None:
    said = cu48.encode_answer(3, cu48.Answer(cu48.Command.OPEN, 5, b"\x03"))
    assert said == bytes.fromhex("02 03 05 75 03 82")
    assert cu48.pick_answer(OPEN_5, said)[0] == said


@pytest.mark.parametrize(
    "received",
    [
        OPEN_5,
        cu48.encode_answer(3, cu48.Answer(cu48.Command.OPEN, 6, b"\x03")),
        cu48.encode_answer(4, cu48.Answer(cu48.Command.OPEN, 5, b"\x03")),
        bytes.fromhex("02 03 05 75 03 83"),
        bytes.fromhex("02 03 05 00 03 0D"),
        b"",
    ],
)
def test_everything_else_is_no_answer_of_a_cu48(received: bytes) -> None:
    assert cu48.pick_answer(OPEN_5, received) == (b"", None)


def test_what_the_owner_must_know_of_a_cu48() -> None:
    assert cu48.is_read(cu48.echo_test())
    assert not cu48.is_read(cu48.open_one(0))
    assert cu48.patience_s(cu48.open_one(0)) == 0
    assert cu48.refusal(cu48.Answer(cu48.Command.OPEN, 0, b"\x03")) is None
    with pytest.raises(WireError):
        cu48.doors(cu48.Answer(cu48.Command.OPEN, 0, b"\x03"))
    with pytest.raises(WireError):
        cu48.doors(cu48.Answer(cu48.Command.STATUS, 0, b"\x03"))


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        OPEN_5[:-1],
        OPEN_5[:-1] + b"\x00",
        bytes.fromhex("02 00 00 62 03 67"),
        bytes.fromhex("02 00 00 61 04 67"),
    ],
)
def test_what_is_no_request_to_a_cu48(frame: bytes) -> None:
    with pytest.raises(WireError):
        cu48.parse_request(frame)


def test_what_cannot_be_put_into_a_frame_for_a_cu48() -> None:
    for unit, lock in ((248, 0), (0, 48)):
        with pytest.raises(RangeError):
            cu48.encode(unit, cu48.Request(cu48.Command.OPEN, lock))
    with pytest.raises(RangeError):
        cu48.open_one(48)


@given(
    st.sampled_from(cu48.UNITS),
    st.sampled_from(cu48.Command),
    st.integers(0, 47),
    st.binary(max_size=12),
)
def test_what_is_sent_to_a_cu48_is_heard_through_noise(
    unit: int, command: cu48.Command, lock: int, before: bytes
) -> None:
    request = cu48.Request(command, lock)
    frame = cu48.encode(unit, request)
    assert cu48.parse_request(frame) == (unit, request)
    assert 0x02 in before or cu48.requests(before + frame).frames == (frame,)
