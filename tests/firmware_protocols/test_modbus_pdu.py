"""Messages: there and back, wrong lengths, and which reply can answer which request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_protocols import modbus_pdu as pdu
from firmware_protocols.errors import RangeError, WireError
from firmware_protocols.modbus_pdu import (
    DataReply,
    EchoReply,
    ExceptionReply,
    Function,
    ReadRequest,
    Request,
    WriteManyRequest,
    WriteOneRequest,
)

u16 = st.integers(0, 0xFFFF)
reads = st.builds(ReadRequest, st.sampled_from(sorted(pdu.READS)), u16, u16)
single_writes = st.builds(WriteOneRequest, st.sampled_from(sorted(pdu.SINGLE_WRITES)), u16, u16)


@st.composite
def many_writes(draw: st.DrawFn) -> WriteManyRequest:
    if draw(st.booleans()):
        values = tuple(draw(st.lists(u16, min_size=1, max_size=123)))
        packed = pdu.pack_registers(values)
        return WriteManyRequest(Function.WRITE_MULTIPLE_REGISTERS, draw(u16), len(values), packed)
    states = tuple(draw(st.lists(st.booleans(), min_size=1, max_size=1968)))
    return WriteManyRequest(
        Function.WRITE_MULTIPLE_COILS, draw(u16), len(states), pdu.pack_bits(states)
    )


requests = st.one_of(reads, single_writes, many_writes())
data_replies = st.builds(
    DataReply, st.sampled_from(sorted(pdu.READS)), st.binary(min_size=0, max_size=251)
)
echoes = st.builds(
    EchoReply, st.sampled_from(sorted(pdu.SINGLE_WRITES | pdu.MULTIPLE_WRITES)), u16, u16
)
refusals = st.builds(ExceptionReply, st.integers(1, 0x7F), st.integers(0, 0xFF))
replies = st.one_of(data_replies, echoes, refusals)


def answer_to(request: Request) -> pdu.Reply:
    if isinstance(request, ReadRequest):
        is_bits = request.function in pdu.BIT_READS
        size = (request.count + 7) // 8 if is_bits else 2 * request.count
        return DataReply(request.function, bytes(size))
    value = request.count if isinstance(request, WriteManyRequest) else request.value
    return EchoReply(request.function, request.address, value)


@given(requests)
def test_requests_come_back(request: Request) -> None:
    assert pdu.parse_request(request.pdu()) == request


@given(replies)
def test_replies_come_back(reply: pdu.Reply) -> None:
    assert pdu.parse_reply(reply.pdu()) == reply


@given(st.binary(max_size=260))
def test_garbage_is_refused_or_understood(garbage: bytes) -> None:
    for parse in (pdu.parse_request, pdu.parse_reply):
        try:
            understood = parse(garbage)
        except WireError:
            continue
        assert understood.pdu() == garbage


@given(requests)
def test_a_request_is_answered_by_its_answer_and_its_refusal(request: Request) -> None:
    assert pdu.answers(request, answer_to(request))
    assert pdu.answers(request, ExceptionReply(request.function, 2))


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        pytest.param(
            WriteOneRequest(Function.WRITE_SINGLE_COIL, 0x0204, 4),
            EchoReply(Function.WRITE_SINGLE_COIL, 0x0203, 4),
            id="late echo of another door",
        ),
        pytest.param(
            WriteOneRequest(Function.WRITE_SINGLE_COIL, 0x0204, 4),
            EchoReply(Function.WRITE_SINGLE_COIL, 0x0204, 3),
            id="another length of pulse",
        ),
        pytest.param(
            ReadRequest(Function.READ_DISCRETE_INPUTS, 0, 8),
            DataReply(Function.READ_COILS, b"\x01"),
            id="late relay states for door states",
        ),
        pytest.param(
            ReadRequest(Function.READ_INPUT_REGISTERS, 1, 2),
            DataReply(Function.READ_INPUT_REGISTERS, b"\x00\x01"),
            id="too few registers",
        ),
        pytest.param(
            ReadRequest(Function.READ_INPUT_REGISTERS, 1, 2),
            EchoReply(Function.WRITE_SINGLE_COIL, 1, 2),
            id="echo for a read",
        ),
        pytest.param(
            ReadRequest(Function.READ_INPUT_REGISTERS, 1, 2),
            ExceptionReply(Function.WRITE_SINGLE_COIL, 2),
            id="refusal of something else",
        ),
    ],
)
def test_a_foreign_reply_is_no_answer(request_: Request, reply: pdu.Reply) -> None:
    assert not pdu.answers(request_, reply)


@pytest.mark.parametrize(
    "request_",
    [
        WriteOneRequest(Function.WRITE_SINGLE_COIL, 0x10000, 0),
        WriteOneRequest(Function.WRITE_SINGLE_COIL, 0, -1),
        WriteManyRequest(Function.WRITE_MULTIPLE_REGISTERS, 0, 2, b"\x00\x01"),
        WriteManyRequest(Function.WRITE_MULTIPLE_REGISTERS, 0, 124, bytes(248)),
        DataReply(Function.READ_COILS, bytes(252)),
    ],
)
def test_what_does_not_fit_is_refused(request_: Request | DataReply) -> None:
    with pytest.raises(RangeError):
        request_.pdu()


def test_a_count_that_lies_is_refused() -> None:
    with pytest.raises(WireError):
        pdu.parse_request(bytes.fromhex("10 0000 0002 02 0001"))


def test_lengths_are_unknown_until_enough_has_come() -> None:
    assert pdu.request_bytes(b"") is None
    assert pdu.request_bytes(b"\x10\x00\x00\x00\x01") is None
    assert pdu.reply_bytes(b"") is None
    assert pdu.reply_bytes(b"\x02") is None


@given(st.lists(st.booleans(), max_size=64))
def test_bits_come_back(values: list[bool]) -> None:
    assert pdu.bits(pdu.pack_bits(tuple(values)), len(values)) == tuple(values)


@given(st.lists(u16, max_size=20))
def test_registers_come_back(values: list[int]) -> None:
    assert pdu.registers(pdu.pack_registers(tuple(values))) == tuple(values)


def test_bits_and_registers_that_are_not_there() -> None:
    with pytest.raises(WireError):
        pdu.bits(b"\x01", 9)
    with pytest.raises(WireError):
        pdu.registers(b"\x01")
    with pytest.raises(RangeError):
        pdu.pack_registers((0x10000,))


@pytest.mark.parametrize(
    ("register", "value"), [(0, 0), (0x7FFF, 32767), (0x8000, -32768), (0xFFFF, -1)]
)
def test_signed(register: int, value: int) -> None:
    assert pdu.signed(register) == value
