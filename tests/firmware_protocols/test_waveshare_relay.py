"""The relay board's vectors, the limits of a pulse, and what a simulator reads out of a request."""

import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_protocols import modbus_pdu, modbus_rtu
from firmware_protocols import waveshare_relay as relay
from firmware_protocols.errors import RangeError, WireError
from firmware_protocols.modbus_pdu import (
    DataReply,
    EchoReply,
    ExceptionReply,
    Function,
    ReadRequest,
    Request,
    WriteOneRequest,
)
from firmware_protocols.pulses import Pulse
from tests.firmware_protocols.vectors import FRAMES, RequestVector, request_vectors


@dataclass(frozen=True, slots=True)
class ReplyVector:
    name: str
    source: str
    unit: int
    reads: str
    value: list[int]
    frame: str


REPLIES = [
    ReplyVector(**row)
    for row in json.loads((FRAMES / "waveshare_8ch_d.json").read_text())["replies"]
]


@pytest.mark.parametrize("vector", request_vectors("waveshare_8ch_d"), ids=lambda one: one.name)
def test_requests_on_the_wire(vector: RequestVector) -> None:
    request = getattr(relay, vector.call)(*vector.args)
    wire = bytes.fromhex(vector.frame)
    assert modbus_rtu.encode(vector.unit, request.pdu()) == wire
    (frame,) = modbus_rtu.split_requests(wire).frames
    assert frame.unit == vector.unit
    assert modbus_pdu.parse_request(frame.pdu) == request


@pytest.mark.parametrize("vector", REPLIES, ids=lambda one: one.name)
def test_replies_off_the_wire(vector: ReplyVector) -> None:
    (frame,) = modbus_rtu.split_replies(bytes.fromhex(vector.frame)).frames
    assert frame.unit == vector.unit
    reply = modbus_pdu.parse_reply(frame.pdu)
    match vector.reads:
        case "inputs":
            assert [n for n, on in enumerate(relay.inputs(reply)) if on] == vector.value
        case "relays":
            assert [n for n, on in enumerate(relay.relays(reply)) if on] == vector.value
        case "exception":
            assert reply == ExceptionReply(*vector.value)
        case "echo":
            assert reply == EchoReply(Function.WRITE_SINGLE_COIL, *vector.value)
        case other:
            pytest.fail(f"unknown kind {other}")


def test_address_by_broadcast() -> None:
    request = ReadRequest(Function.READ_HOLDING_REGISTERS, relay.ADDRESS, 1)
    assert modbus_rtu.encode(0, request.pdu()) == bytes.fromhex("00 03 40 00 00 01 90 1B")


@given(st.integers(0, 7), st.integers(1, relay.MAX_TICKS))
def test_a_pulse_is_read_as_it_was_asked(channel: int, ticks: int) -> None:
    request = relay.pulse(channel, ticks * relay.TICK_MS)
    assert relay.as_pulse(request) == Pulse(channel, ticks * relay.TICK_MS)


@pytest.mark.parametrize(
    ("channel", "channels", "frame"),
    [(15, 16, "01 05 02 0F 00 04 FD B2"), (31, 32, "01 05 02 1F 00 04 FC 77")],
)
def test_a_pulse_of_the_larger_boards(channel: int, channels: int, frame: str) -> None:
    request = relay.pulse(channel, 400, channels)
    assert modbus_rtu.encode(1, request.pdu()) == bytes.fromhex(frame)
    assert relay.as_pulse(request, channels) == Pulse(channel, 400)
    assert relay.as_pulse(request) is None, "the 8CH has no such channel"
    with pytest.raises(RangeError):
        relay.pulse(channels, 400, channels)


def test_relays_of_the_larger_boards() -> None:
    assert relay.read_relays(16).count == 16
    said = DataReply(Function.READ_COILS, b"\x01\x80")
    assert [n for n, on in enumerate(relay.relays(said, 16)) if on] == [0, 15]


@pytest.mark.parametrize(
    ("channel", "ms"), [(0, 0), (0, -100), (0, 50), (0, 450), (0, 3_276_800), (8, 400), (-1, 400)]
)
def test_a_pulse_the_board_cannot_time_is_refused(channel: int, ms: int) -> None:
    with pytest.raises(RangeError):
        relay.pulse(channel, ms)


@pytest.mark.parametrize(
    "request_",
    [
        relay.all_off(),
        relay.read_inputs(),
        WriteOneRequest(Function.WRITE_SINGLE_REGISTER, 0x0200, 4),
        WriteOneRequest(Function.WRITE_SINGLE_COIL, 0x0208, 4),
        WriteOneRequest(Function.WRITE_SINGLE_COIL, 0x01FF, 4),
        WriteOneRequest(Function.WRITE_SINGLE_COIL, 0x0200, 0),
        WriteOneRequest(Function.WRITE_SINGLE_COIL, 0x0200, 0xFF00),
        WriteOneRequest(Function.WRITE_SINGLE_COIL, 0x0400, 4),
    ],
)
def test_what_is_no_pulse(request_: Request) -> None:
    assert relay.as_pulse(request_) is None


@pytest.mark.parametrize(
    "reply",
    [
        DataReply(Function.READ_COILS, b"\x01"),
        EchoReply(Function.WRITE_SINGLE_COIL, 0, 0),
        DataReply(Function.READ_DISCRETE_INPUTS, b""),
    ],
)
def test_doors_are_read_from_door_replies_only(reply: modbus_pdu.Reply) -> None:
    with pytest.raises(WireError):
        relay.inputs(reply)


@pytest.mark.parametrize("unit", [0, 248])
def test_an_address_no_board_may_have(unit: int) -> None:
    with pytest.raises(RangeError):
        relay.set_address(unit)


def test_a_speed_the_board_does_not_know() -> None:
    with pytest.raises(RangeError, match="4800, 9600"):
        relay.set_baud(1200)


def test_version() -> None:
    assert relay.version(205) == "2.05"
