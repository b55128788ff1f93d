"""R421A08 and LC relays: published frames, and what is a pulse and what is not."""

from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_protocols import lc_relay, modbus_pdu, modbus_rtu, r421a08
from firmware_protocols.errors import RangeError, WireError
from firmware_protocols.modbus_pdu import (
    DataReply,
    EchoReply,
    Function,
    Request,
    WriteManyRequest,
    WriteOneRequest,
)
from firmware_protocols.pulses import Pulse
from tests.firmware_protocols.vectors import RequestVector, request_vectors

CODECS = (
    (r421a08, "r421a08"),
    (lc_relay, "lc_8r"),
)
VECTORS = [(wire, vector) for wire, name in CODECS for vector in request_vectors(name)]


@pytest.mark.parametrize(("wire", "vector"), VECTORS)
def test_requests_on_the_wire(wire: ModuleType, vector: RequestVector) -> None:
    request = getattr(wire, vector.call)(*vector.args)
    frame = bytes.fromhex(vector.frame)
    assert modbus_rtu.encode(vector.unit, request.pdu()) == frame
    assert modbus_pdu.parse_request(modbus_rtu.decode(frame).pdu) == request


@given(st.integers(0, 7), st.integers(1, 255))
def test_a_pulse_of_seconds_is_read_as_it_was_asked(channel: int, seconds: int) -> None:
    request = r421a08.pulse(channel, seconds * 1000)
    assert r421a08.as_pulse(request) == Pulse(channel, seconds * 1000)


@given(st.integers(0, 7), st.integers(1, 0xFFFF))
def test_a_pulse_of_ticks_is_read_as_it_was_asked(channel: int, ticks: int) -> None:
    request = lc_relay.pulse(channel, ticks * 100)
    assert lc_relay.as_pulse(request) == Pulse(channel, ticks * 100)


@pytest.mark.parametrize(
    ("channel", "ms"), [(0, 0), (0, 400), (0, 1500), (0, 256_000), (8, 1000), (-1, 1000)]
)
def test_a_pulse_that_an_r421a08_cannot_time_is_refused(channel: int, ms: int) -> None:
    with pytest.raises(RangeError):
        r421a08.pulse(channel, ms)


@pytest.mark.parametrize(("channel", "ms"), [(0, 0), (0, 450), (0, 6_553_600), (8, 400), (-1, 400)])
def test_a_pulse_that_an_lc_cannot_time_is_refused(channel: int, ms: int) -> None:
    with pytest.raises(RangeError):
        lc_relay.pulse(channel, ms)


def register(address: int, value: int) -> WriteOneRequest:
    return WriteOneRequest(Function.WRITE_SINGLE_REGISTER, address, value)


@pytest.mark.parametrize(
    "request_",
    [
        r421a08.all_off(),
        r421a08.switch_on(0),
        r421a08.read_relay(0),
        register(1, 0x0600),
        register(1, 0x0501),
        register(9, 0x0601),
        register(0, 0x0601),
        WriteOneRequest(Function.WRITE_SINGLE_COIL, 1, 0x0601),
    ],
)
def test_what_is_no_pulse_of_an_r421a08(request_: Request) -> None:
    assert r421a08.as_pulse(request_) is None


def test_the_momentary_pulse_is_about_a_second() -> None:
    assert r421a08.as_pulse(r421a08.momentary(7)) == Pulse(7, 1000)


@pytest.mark.parametrize(
    "request_",
    [
        lc_relay.all_off(),
        lc_relay.read_inputs(),
        lc_relay.flash(0, lc_relay.FLASH_OFF, 4),
        lc_relay.flash(0, lc_relay.FLASH_ON, 0),
        lc_relay.flash(8, lc_relay.FLASH_ON, 4),
        WriteManyRequest(Function.WRITE_MULTIPLE_REGISTERS, 4, 2, bytes([0, 2, 0, 4])),
        WriteManyRequest(Function.WRITE_MULTIPLE_REGISTERS, 3, 1, bytes([0, 2])),
        WriteManyRequest(Function.WRITE_MULTIPLE_REGISTERS, 0, 2, bytes([0, 2, 0, 4])),
    ],
)
def test_what_is_no_pulse_of_an_lc(request_: Request) -> None:
    assert lc_relay.as_pulse(request_) is None


def test_inputs() -> None:
    said = DataReply(Function.READ_DISCRETE_INPUTS, b"\x81")
    assert [n for n, on in enumerate(lc_relay.inputs(said)) if on] == [0, 7]
    for other in (
        DataReply(Function.READ_COILS, b"\x81"),
        EchoReply(Function.WRITE_SINGLE_COIL, 0, 0),
    ):
        with pytest.raises(WireError):
            lc_relay.inputs(other)
