"""Frames out of a stream: chunks, noise, leftovers, and the strict choice of a reply."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firmware_protocols import modbus_pdu, modbus_rtu
from firmware_protocols.errors import RangeError, WireError
from firmware_protocols.modbus_pdu import DataReply, EchoReply, ExceptionReply, Function
from firmware_protocols.modbus_rtu import Frame
from tests.firmware_protocols.test_modbus_pdu import answer_to, replies, requests

units = st.integers(0, 0xFF)
PULSE_3 = bytes.fromhex("01 05 02 03 00 04 3D B1")
PULSE_4 = modbus_rtu.encode(1, bytes.fromhex("05 02 04 00 04"))
READ_INPUTS = bytes.fromhex("01 02 00 00 00 08 79 CC")
INPUTS = bytes.fromhex("01 02 01 05 61 8B")


def in_chunks(stream: bytes, sizes: list[int]) -> list[bytes]:
    chunks, place = [], 0
    for size in sizes:
        chunks.append(stream[place : place + size])
        place += size
    return [*chunks, stream[place:]]


@given(units, requests)
def test_a_frame_comes_back(unit: int, request: modbus_pdu.Request) -> None:
    frame = Frame(unit, request.pdu())
    assert modbus_rtu.decode(frame.encode()) == frame
    assert modbus_rtu.split_requests(frame.encode()) == modbus_rtu.Split((frame,), b"", 0)


# The first six bytes end in four whose CRC fits by chance.
@example(0, modbus_pdu.ReadRequest(modbus_pdu.Function.READ_COILS, 0, 432), [6])
@given(units, requests, st.lists(st.integers(1, 9), max_size=12))
def test_a_request_in_any_chunks_is_found_once(
    unit: int, request: modbus_pdu.Request, sizes: list[int]
) -> None:
    found: list[Frame] = []
    rest = b""
    for chunk in in_chunks(modbus_rtu.encode(unit, request.pdu()), sizes):
        split = modbus_rtu.split_requests(rest + chunk)
        found += split.frames
        rest = split.rest
    assert found == [Frame(unit, request.pdu())]
    assert rest == b""


@given(st.lists(st.tuples(units, replies), min_size=1, max_size=4))
def test_replies_one_behind_the_other_are_all_found(
    sent: list[tuple[int, modbus_pdu.Reply]],
) -> None:
    frames = [Frame(unit, reply.pdu()) for unit, reply in sent]
    split = modbus_rtu.split_replies(b"".join(frame.encode() for frame in frames))
    assert list(split.frames) == frames


@given(st.binary(max_size=600))
def test_garbage_never_raises_and_nothing_gets_lost(garbage: bytes) -> None:
    for split_stream in (modbus_rtu.split_requests, modbus_rtu.split_replies):
        split = split_stream(garbage)
        assert garbage.endswith(split.rest)
        assert len(split.rest) <= modbus_rtu.MAX_FRAME_BYTES
        framed = sum(len(frame.encode()) for frame in split.frames)
        assert framed + split.noise_bytes + len(split.rest) == len(garbage)


@pytest.mark.parametrize("noise", ["00", "FF", "00 FF 00", "01", "01 03", "55 AA 13"])
def test_noise_before_a_request(noise: str) -> None:
    split = modbus_rtu.split_requests(bytes.fromhex(noise) + READ_INPUTS)
    assert [frame.encode() for frame in split.frames] == [READ_INPUTS]
    assert split.noise_bytes == len(bytes.fromhex(noise))
    assert split.rest == b""


def test_noise_between_frames() -> None:
    split = modbus_rtu.split_requests(PULSE_3 + b"\xff" + PULSE_4)
    assert [frame.encode() for frame in split.frames] == [PULSE_3, PULSE_4]
    assert split.noise_bytes == 1


def test_a_zero_behind_a_frame_does_not_join_it() -> None:
    # The CRC of a whole frame and one 00 holds as well: the length has to decide, not the CRC.
    split = modbus_rtu.split_requests(PULSE_3 + b"\x00")
    assert [frame.encode() for frame in split.frames] == [PULSE_3]


def test_a_damaged_frame_is_noise() -> None:
    damaged = PULSE_3[:-1] + b"\x00"
    split = modbus_rtu.split_requests(damaged + READ_INPUTS)
    assert [frame.encode() for frame in split.frames] == [READ_INPUTS]


def test_an_unknown_function_that_fills_the_burst_is_a_frame() -> None:
    whole = modbus_rtu.encode(7, bytes.fromhex("2B 0E 01 00"))
    split = modbus_rtu.split_requests(whole)
    assert split.frames == (Frame(7, bytes.fromhex("2B 0E 01 00")),)


def test_function_and_exception_of_a_frame() -> None:
    refused = Frame(1, ExceptionReply(Function.WRITE_SINGLE_COIL, 3).pdu())
    assert refused.function == Function.WRITE_SINGLE_COIL
    assert refused.is_exception
    assert not Frame(1, PULSE_3[1:-2]).is_exception


@pytest.mark.parametrize(
    ("unit", "pdu"), [(256, b"\x01"), (-1, b"\x01"), (1, b""), (1, bytes(254))]
)
def test_what_is_no_frame_is_not_sent(unit: int, pdu: bytes) -> None:
    with pytest.raises(RangeError):
        modbus_rtu.encode(unit, pdu)


@pytest.mark.parametrize("frame", [b"", PULSE_3[:3], PULSE_3[:-1], PULSE_3 + b"\x01"])
def test_what_is_no_frame_is_not_read(frame: bytes) -> None:
    with pytest.raises(WireError):
        modbus_rtu.decode(frame)


@pytest.mark.parametrize(
    ("baud", "gap_ms"), [(4800, 8.02), (9600, 4.01), (19200, 2.01), (38400, 1.75), (115200, 1.75)]
)
def test_silence_between_frames(baud: int, gap_ms: float) -> None:
    assert modbus_rtu.frame_gap_s(baud) * 1000 == pytest.approx(gap_ms, abs=0.01)


class TestPickReply:
    @given(st.integers(1, 247), requests.filter(lambda one: getattr(one, "count", 1) < 120))
    def test_the_answer_is_picked_out_of_noise(
        self, unit: int, request: modbus_pdu.Request
    ) -> None:
        answer = modbus_rtu.encode(unit, answer_to(request).pdu())
        asked = modbus_rtu.encode(unit, request.pdu())
        assert modbus_rtu.pick_reply(asked, b"\x00\xff" + answer + b"\x00") == answer

    @pytest.mark.parametrize(
        ("request_", "received"),
        [
            pytest.param(PULSE_4, PULSE_3, id="late echo of another door"),
            pytest.param(READ_INPUTS, b"", id="silence"),
            pytest.param(READ_INPUTS, INPUTS[:-1], id="not whole yet"),
            pytest.param(READ_INPUTS, INPUTS[:1], id="head only"),
            pytest.param(READ_INPUTS, b"\x01\x02", id="length not there yet"),
            pytest.param(READ_INPUTS, READ_INPUTS, id="the adapter's own echo"),
            pytest.param(
                READ_INPUTS,
                modbus_rtu.encode(2, INPUTS[1:-2]),
                id="another unit",
            ),
            pytest.param(
                READ_INPUTS,
                modbus_rtu.encode(1, DataReply(Function.READ_COILS, b"\x05").pdu()),
                id="late relay states",
            ),
            pytest.param(READ_INPUTS, INPUTS[:-1] + b"\x00", id="damaged"),
        ],
    )
    def test_anything_else_is_passed_over(self, request_: bytes, received: bytes) -> None:
        assert modbus_rtu.pick_reply(request_, received) == b""

    def test_the_late_one_first_then_the_right_one(self) -> None:
        assert modbus_rtu.pick_reply(PULSE_4, PULSE_3 + PULSE_4) == PULSE_4

    def test_a_refusal_is_an_answer(self) -> None:
        refusal = modbus_rtu.encode(1, ExceptionReply(Function.WRITE_SINGLE_COIL, 3).pdu())
        assert modbus_rtu.pick_reply(PULSE_3, refusal) == refusal

    @given(st.binary(max_size=80))
    def test_garbage_is_never_the_answer_of_another_unit(self, garbage: bytes) -> None:
        picked = modbus_rtu.pick_reply(PULSE_3, garbage)
        assert picked == b"" or picked[0] == PULSE_3[0]

    def test_a_write_of_many_is_answered_by_its_echo(self) -> None:
        asked = bytes.fromhex("01 10 10 00 00 08 10" + "00" * 16 + "0B 5C")
        echo = EchoReply(Function.WRITE_MULTIPLE_REGISTERS, 0x1000, 8).pdu()
        answer = modbus_rtu.encode(1, echo)
        assert modbus_rtu.pick_reply(asked, answer) == answer
