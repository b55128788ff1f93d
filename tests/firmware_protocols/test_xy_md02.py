"""The probe's vectors and the values that must never become a temperature."""

import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_protocols import modbus_pdu, modbus_rtu, xy_md02
from firmware_protocols.errors import RangeError, WireError
from firmware_protocols.modbus_pdu import DataReply, ExceptionReply, Function
from firmware_protocols.quality import Quality
from tests.firmware_protocols.vectors import FRAMES, RequestVector, request_vectors


@dataclass(frozen=True, slots=True)
class ReplyVector:
    name: str
    source: str
    unit: int
    temperature_c: float | None
    humidity_pct: float | None
    frame: str


REPLIES = [
    ReplyVector(**row) for row in json.loads((FRAMES / "xy_md02.json").read_text())["replies"]
]


@pytest.mark.parametrize("vector", request_vectors("xy_md02"), ids=lambda one: one.name)
def test_requests_on_the_wire(vector: RequestVector) -> None:
    request = getattr(xy_md02, vector.call)(*vector.args)
    assert modbus_rtu.encode(vector.unit, request.pdu()) == bytes.fromhex(vector.frame)


@pytest.mark.parametrize("vector", REPLIES, ids=lambda one: one.name)
def test_replies_off_the_wire(vector: ReplyVector) -> None:
    (frame,) = modbus_rtu.split_replies(bytes.fromhex(vector.frame)).frames
    assert frame.unit == vector.unit
    seen = xy_md02.measurement(modbus_pdu.parse_reply(frame.pdu))
    assert (seen.temperature_c, seen.humidity_pct) == (vector.temperature_c, vector.humidity_pct)
    bad = vector.temperature_c is None or vector.humidity_pct is None
    assert seen.quality is (Quality.BAD if bad else Quality.GOOD)


@given(st.floats(-40, 60), st.floats(0, 100))
def test_a_reading_comes_back_to_the_tenth(temperature_c: float, humidity_pct: float) -> None:
    raw = xy_md02.to_registers(temperature_c, humidity_pct)
    seen = xy_md02.from_registers(*raw)
    assert seen.temperature_c == pytest.approx(temperature_c, abs=0.0501)
    assert seen.humidity_pct == pytest.approx(humidity_pct, abs=0.0501)


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_no_register_makes_an_impossible_value(temperature: int, humidity: int) -> None:
    seen = xy_md02.from_registers(temperature, humidity)
    assert seen.raw == (temperature, humidity)
    assert seen.temperature_c is None or -40 <= seen.temperature_c <= 60
    assert seen.humidity_pct is None or 0 <= seen.humidity_pct <= 100


@pytest.mark.parametrize(
    "reply",
    [
        ExceptionReply(Function.READ_INPUT_REGISTERS, 2),
        DataReply(Function.READ_HOLDING_REGISTERS, bytes(4)),
        DataReply(Function.READ_INPUT_REGISTERS, bytes(2)),
    ],
)
def test_other_replies_are_no_measurement(reply: modbus_pdu.Reply) -> None:
    with pytest.raises(WireError):
        xy_md02.measurement(reply)


@pytest.mark.parametrize(("temperature_c", "humidity_pct"), [(3300.0, 50.0), (20.0, -1.0)])
def test_what_no_register_holds(temperature_c: float, humidity_pct: float) -> None:
    with pytest.raises(RangeError):
        xy_md02.to_registers(temperature_c, humidity_pct)
