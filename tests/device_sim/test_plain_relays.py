"""R421A08 and LC boards as a client meets them, refusals included."""

import pytest

from firmware_protocols import lc_relay, r421a08
from firmware_protocols.modbus_pdu import (
    DataReply,
    EchoReply,
    ExceptionCode,
    ExceptionReply,
    Function,
    ReadRequest,
    Request,
    WriteManyRequest,
    WriteOneRequest,
)
from tests.device_sim.cabinets import Rig, lock_cabinet


def command(register: int, code: int, seconds: int = 0) -> WriteOneRequest:
    return WriteOneRequest(Function.WRITE_SINGLE_REGISTER, register, code << 8 | seconds)


def coil(address: int, value: int) -> WriteOneRequest:
    return WriteOneRequest(Function.WRITE_SINGLE_COIL, address, value)


@pytest.fixture
def r421() -> Rig:
    return Rig(lock_cabinet("r421a08"))


@pytest.fixture
def lc() -> Rig:
    return Rig(lock_cabinet("lc_8r"))


def states(rig: Rig) -> list[int]:
    reply = rig.ask(1, ReadRequest(Function.READ_HOLDING_REGISTERS, 1, 8))
    assert isinstance(reply, DataReply)
    return [number for number in range(8) if reply.data[2 * number + 1]]


def test_an_r421a08_times_whole_seconds(r421: Rig) -> None:
    asked = r421a08.pulse(7, 1000)
    assert r421.ask(1, asked) == EchoReply(Function.WRITE_SINGLE_REGISTER, 8, 0x0601)
    assert states(r421) == [7]
    r421.wait(1)
    assert states(r421) == []
    assert r421.door("A01") == (True, False)


def test_on_off_toggle_latch_and_all(r421: Rig) -> None:
    r421.ask(1, r421a08.switch_on(2))
    assert states(r421) == [2]
    r421.ask(1, command(3, r421a08.Command.TOGGLE))
    r421.ask(1, command(1, r421a08.Command.LATCH))
    assert states(r421) == [0]
    r421.ask(1, command(1, r421a08.Command.OFF))
    r421.ask(1, command(0, r421a08.Command.ALL_ON))
    assert states(r421) == list(range(8))
    r421.ask(1, r421a08.all_off())
    assert states(r421) == []
    assert r421.cabinet.state().pulses == ()


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (command(9, r421a08.Command.ON), ExceptionCode.ILLEGAL_DATA_ADDRESS),
        (command(1, 9), ExceptionCode.ILLEGAL_DATA_VALUE),
        (command(0, r421a08.Command.ON), ExceptionCode.ILLEGAL_DATA_ADDRESS),
        (coil(0, 0xFF00), ExceptionCode.ILLEGAL_FUNCTION),
        (lc_relay.all_off(), ExceptionCode.ILLEGAL_FUNCTION),
        (ReadRequest(Function.READ_DISCRETE_INPUTS, 0, 8), ExceptionCode.ILLEGAL_FUNCTION),
    ],
)
def test_refusals_of_an_r421a08(r421: Rig, request_: Request, code: ExceptionCode) -> None:
    assert r421.ask(1, request_) == ExceptionReply(request_.function, code)
    assert states(r421) == []


def test_an_lc_pulses_and_senses(lc: Rig) -> None:
    assert lc.ask(1, lc_relay.pulse(7, 400)) == EchoReply(Function.WRITE_MULTIPLE_REGISTERS, 38, 2)
    lc.wait(1)
    reply = lc.ask(1, lc_relay.read_inputs())
    assert reply is not None
    assert [n for n, is_open in enumerate(lc_relay.inputs(reply)) if is_open] == [7]
    assert [(one.channel, one.ms) for one in lc.cabinet.state().pulses] == [(7, 400)]


def test_coils_of_an_lc(lc: Rig) -> None:
    coils = ReadRequest(Function.READ_COILS, 0, 8)
    lc.ask(1, coil(3, 0xFF00))
    lc.ask(1, WriteManyRequest(Function.WRITE_MULTIPLE_COILS, 0, 2, b"\x01"))
    assert lc.ask(1, coils) == DataReply(Function.READ_COILS, b"\x09")
    lc.ask(1, lc_relay.all_off())
    assert lc.ask(1, coils) == DataReply(Function.READ_COILS, b"\x00")


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (coil(8, 0xFF00), ExceptionCode.ILLEGAL_DATA_ADDRESS),
        (coil(0, 4), ExceptionCode.ILLEGAL_DATA_VALUE),
        (
            WriteManyRequest(Function.WRITE_MULTIPLE_COILS, 7, 2, b"\x03"),
            ExceptionCode.ILLEGAL_DATA_ADDRESS,
        ),
        (
            WriteManyRequest(Function.WRITE_MULTIPLE_COILS, 0, 0, b""),
            ExceptionCode.ILLEGAL_DATA_ADDRESS,
        ),
        (lc_relay.flash(0, lc_relay.FLASH_OFF, 4), ExceptionCode.ILLEGAL_DATA_ADDRESS),
        (command(0, 0, 7), ExceptionCode.ILLEGAL_DATA_ADDRESS),
        (ReadRequest(Function.READ_INPUT_REGISTERS, 0, 1), ExceptionCode.ILLEGAL_FUNCTION),
    ],
)
def test_refusals_of_an_lc(lc: Rig, request_: Request, code: ExceptionCode) -> None:
    assert lc.ask(1, request_) == ExceptionReply(request_.function, code)
    assert lc.cabinet.state().pulses == ()
