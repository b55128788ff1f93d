"""The probe as a client meets it: what it measures and what it lets itself be told."""

import pytest

from firmware_protocols import modbus_pdu, xy_md02
from firmware_protocols.modbus_pdu import (
    DataReply,
    ExceptionCode,
    ExceptionReply,
    Function,
    ReadRequest,
    Request,
    WriteManyRequest,
    WriteOneRequest,
)
from firmware_protocols.quality import Quality
from firmware_protocols.xy_md02 import Measurement
from tests.device_sim.cabinets import Rig


def register(address: int, value: int) -> WriteOneRequest:
    return WriteOneRequest(Function.WRITE_SINGLE_REGISTER, address, value)


def measure(rig: Rig, unit: int) -> Measurement:
    reply = rig.ask(unit, xy_md02.read_both())
    assert reply is not None
    return xy_md02.measurement(reply)


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_each_probe_measures_its_zone(rig: Rig) -> None:
    chilled, ambient = measure(rig, 3), measure(rig, 4)
    assert chilled.quality is ambient.quality is Quality.GOOD
    assert chilled.temperature_c == pytest.approx(4.0, abs=0.11)
    assert ambient.temperature_c == pytest.approx(24.0, abs=0.11)
    assert chilled.humidity_pct == pytest.approx(70.0, abs=0.31)


def test_an_open_door_warms_only_its_zone(rig: Rig) -> None:
    rig.cabinet.pull("A05")
    rig.wait(300)
    warm_c = measure(rig, 3).temperature_c
    assert warm_c is not None
    assert warm_c > 8.0
    rig.cabinet.push("A05")
    rig.wait(3600)
    assert measure(rig, 3).temperature_c == pytest.approx(4.0, abs=0.6)
    rig.cabinet.pull("B05")
    rig.wait(300)
    assert measure(rig, 3).temperature_c == pytest.approx(4.0, abs=0.6)


def test_the_clock_factor_speeds_the_air_and_not_the_wire() -> None:
    fast = Rig(clock_factor=100.0)
    fast.cabinet.pull("A05")
    fast.wait(3)
    warm_c = measure(fast, 3).temperature_c
    assert warm_c is not None
    assert warm_c > 8.0
    (reply,) = fast.send("01 02 00 00 00 08 79 CC")
    assert reply.ends_s - fast.clock.now_s > 14 * 10 / 9600


def test_settings_are_read_back_and_a_correction_is_applied(rig: Rig) -> None:
    rig.ask(3, register(xy_md02.TEMPERATURE_CORRECTION, -15 & 0xFFFF))
    assert measure(rig, 3).temperature_c == pytest.approx(2.5, abs=0.11)
    reply = rig.ask(3, ReadRequest(Function.READ_HOLDING_REGISTERS, xy_md02.ADDRESS, 4))
    assert isinstance(reply, DataReply)
    assert modbus_pdu.registers(reply.data) == (3, 9600, 0xFFF1, 0)


def test_a_new_address_counts_at_once(rig: Rig) -> None:
    rig.ask(3, register(xy_md02.ADDRESS, 30))
    rig.ask(30, register(xy_md02.BAUD, 19200))
    assert measure(rig, 30).quality is Quality.GOOD
    assert rig.ask(3, xy_md02.read_both()) is None


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (ReadRequest(Function.READ_INPUT_REGISTERS, 0, 1), ExceptionCode.ILLEGAL_DATA_ADDRESS),
        (ReadRequest(Function.READ_INPUT_REGISTERS, 1, 3), ExceptionCode.ILLEGAL_DATA_ADDRESS),
        (ReadRequest(Function.READ_INPUT_REGISTERS, 1, 0), ExceptionCode.ILLEGAL_DATA_VALUE),
        (ReadRequest(Function.READ_COILS, 0, 1), ExceptionCode.ILLEGAL_FUNCTION),
        (register(xy_md02.ADDRESS, 0), ExceptionCode.ILLEGAL_DATA_VALUE),
        (register(xy_md02.BAUD, 1), ExceptionCode.ILLEGAL_DATA_VALUE),
        (register(0x0200, 1), ExceptionCode.ILLEGAL_DATA_ADDRESS),
        (
            WriteManyRequest(Function.WRITE_MULTIPLE_REGISTERS, 0x0101, 1, b"\x00\x05"),
            ExceptionCode.ILLEGAL_FUNCTION,
        ),
    ],
)
def test_refusals(rig: Rig, request_: Request, code: ExceptionCode) -> None:
    assert rig.ask(3, request_) == ExceptionReply(request_.function, code)
