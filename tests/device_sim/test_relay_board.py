"""The relay board's register map as a client meets it, refusals included."""

import pytest

from firmware_protocols import modbus_pdu, modbus_rtu
from firmware_protocols import waveshare_relay as relay
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
from tests.device_sim.cabinets import Rig


def coil(address: int, value: int) -> WriteOneRequest:
    return WriteOneRequest(Function.WRITE_SINGLE_COIL, address, value)


def register(address: int, value: int) -> WriteOneRequest:
    return WriteOneRequest(Function.WRITE_SINGLE_REGISTER, address, value)


def holding(address: int, count: int = 1) -> ReadRequest:
    return ReadRequest(Function.READ_HOLDING_REGISTERS, address, count)


def relays_of(rig: Rig, unit: int = 1) -> list[int]:
    reply = rig.ask(unit, relay.read_relays())
    assert reply is not None
    return [channel for channel, on in enumerate(relay.relays(reply)) if on]


def doors_of(rig: Rig, unit: int = 1) -> list[int]:
    reply = rig.ask(unit, relay.read_inputs())
    assert reply is not None
    return [channel for channel, is_open in enumerate(relay.inputs(reply)) if is_open]


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_a_pulse_is_echoed_and_times_itself(rig: Rig) -> None:
    reply = rig.ask(2, relay.pulse(3, 400))
    assert reply == EchoReply(Function.WRITE_SINGLE_COIL, 0x0203, 4)
    assert relays_of(rig, 2) == [3]
    rig.wait(0.4)
    assert relays_of(rig, 2) == []


def test_an_input_reads_one_while_its_door_is_open(rig: Rig) -> None:
    assert doors_of(rig) == []
    rig.ask(1, relay.pulse(6, 400))
    rig.wait(1.0)
    assert doors_of(rig) == [6]
    assert rig.cabinet.push("A07")
    assert doors_of(rig) == []


def test_the_other_board_is_not_touched(rig: Rig) -> None:
    rig.ask(1, relay.pulse(0, 400))
    rig.wait(1.0)
    assert doors_of(rig, 2) == []


def test_all_off_ends_a_pulse(rig: Rig) -> None:
    rig.ask(1, relay.pulse(0, 1000))
    rig.ask(1, relay.all_off())
    assert relays_of(rig) == []
    assert rig.cabinet.next_event_s() == float("inf")


def test_on_off_and_toggle(rig: Rig) -> None:
    rig.ask(1, coil(2, 0xFF00))
    assert relays_of(rig) == [2]
    rig.ask(1, coil(2, relay.COIL_TOGGLE))
    assert relays_of(rig) == []
    rig.ask(1, coil(relay.ALL_RELAYS, relay.COIL_TOGGLE))
    assert relays_of(rig) == list(range(8))


def test_switching_without_a_timer_is_witnessed_but_is_no_pulse(rig: Rig) -> None:
    rig.ask(1, coil(2, 0xFF00))
    assert rig.cabinet.state().pulses == ()
    assert any('"what": "relay"' in line and '"on": true' in line for line in rig.lines)


def test_a_relay_held_on_burns_the_coil(rig: Rig) -> None:
    rig.ask(1, coil(2, 0xFF00))
    rig.wait(5)
    door = next(one for one in rig.cabinet.state().doors if one.label == "A03")
    assert door.burnt
    assert any('"what": "burnt"' in line for line in rig.lines)


def test_flash_off_comes_back_on(rig: Rig) -> None:
    rig.ask(1, coil(4, 0xFF00))
    rig.ask(1, coil(relay.FLASH_OFF + 4, 3))
    assert relays_of(rig) == []
    rig.wait(0.3)
    assert relays_of(rig) == [4]


def test_write_several(rig: Rig) -> None:
    request = WriteManyRequest(Function.WRITE_MULTIPLE_COILS, 1, 3, b"\x05")
    assert rig.ask(1, request) == EchoReply(Function.WRITE_MULTIPLE_COILS, 1, 3)
    assert relays_of(rig) == [1, 3]


def test_part_of_the_inputs(rig: Rig) -> None:
    rig.cabinet.pull("A03")
    reply = rig.ask(1, ReadRequest(Function.READ_DISCRETE_INPUTS, 2, 2))
    assert reply == DataReply(Function.READ_DISCRETE_INPUTS, b"\x01")


def test_control_modes_are_kept(rig: Rig) -> None:
    rig.ask(1, register(relay.MODE + 2, relay.Mode.LINKAGE))
    reply = rig.ask(1, relay.read_modes())
    assert isinstance(reply, DataReply)
    assert modbus_pdu.registers(reply.data) == (0, 0, 1, 0, 0, 0, 0, 0)
    rig.ask(1, relay.set_all_modes(relay.Mode.NORMAL))
    assert rig.ask(1, holding(relay.MODE + 2)) == DataReply(
        Function.READ_HOLDING_REGISTERS, b"\x00\x00"
    )


def test_version_and_speed(rig: Rig) -> None:
    reply = rig.ask(1, relay.read_version())
    assert isinstance(reply, DataReply)
    assert relay.version(modbus_pdu.registers(reply.data)[0]) == "2.00"
    rig.ask(1, relay.set_baud(19200))
    assert rig.ask(1, holding(relay.UART)) == DataReply(
        Function.READ_HOLDING_REGISTERS, b"\x00\x02"
    )


def test_every_board_takes_an_address_sent_to_all(rig: Rig) -> None:
    """The trap of the document: with two boards on the wire both get the address."""
    rig.send(modbus_rtu.encode(0, relay.set_address(6).pdu()))
    rig.wait(0.1)
    assert len(rig.send(modbus_rtu.encode(6, relay.read_inputs().pdu()))) == 2
    rig.wait(0.1)
    assert rig.ask(1, relay.read_inputs()) is None


def test_reading_the_address_by_broadcast_is_answered(rig: Rig) -> None:
    replies = rig.send("00 03 40 00 00 01 90 1B")
    assert sorted(reply.data[0] for reply in replies) == [1, 2]


def test_a_board_moved_by_address_still_drives_its_own_doors(rig: Rig) -> None:
    rig.ask(1, register(relay.ADDRESS, 7))
    rig.ask(7, relay.pulse(0, 400))
    rig.wait(1)
    assert rig.door("A01") == (True, False)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (coil(0x0200, 0), ExceptionCode.ILLEGAL_DATA_VALUE),
        (coil(0x0200, 0xFF00), ExceptionCode.ILLEGAL_DATA_VALUE),
        (coil(0x0400, 0), ExceptionCode.ILLEGAL_DATA_VALUE),
        (coil(0x0208, 4), ExceptionCode.ILLEGAL_DATA_ADDRESS),
        (coil(8, 0xFF00), ExceptionCode.ILLEGAL_DATA_ADDRESS),
        (coil(0, 1), ExceptionCode.ILLEGAL_DATA_VALUE),
        (register(relay.MODE, 4), ExceptionCode.ILLEGAL_DATA_VALUE),
        (register(relay.ADDRESS, 0), ExceptionCode.ILLEGAL_DATA_VALUE),
        (register(relay.ADDRESS, 248), ExceptionCode.ILLEGAL_DATA_VALUE),
        (register(relay.UART, 8), ExceptionCode.ILLEGAL_DATA_VALUE),
        (register(0x5000, 1), ExceptionCode.ILLEGAL_DATA_ADDRESS),
        (holding(0x5000), ExceptionCode.ILLEGAL_DATA_ADDRESS),
        (holding(relay.MODE + 4, 5), ExceptionCode.ILLEGAL_DATA_ADDRESS),
        (ReadRequest(Function.READ_COILS, 0, 9), ExceptionCode.ILLEGAL_DATA_ADDRESS),
        (ReadRequest(Function.READ_COILS, 7, 2), ExceptionCode.ILLEGAL_DATA_ADDRESS),
        (ReadRequest(Function.READ_COILS, 0, 0), ExceptionCode.ILLEGAL_DATA_VALUE),
        (ReadRequest(Function.READ_INPUT_REGISTERS, 0, 1), ExceptionCode.ILLEGAL_FUNCTION),
        (
            WriteManyRequest(Function.WRITE_MULTIPLE_COILS, 6, 3, b"\x07"),
            ExceptionCode.ILLEGAL_DATA_ADDRESS,
        ),
        (
            WriteManyRequest(Function.WRITE_MULTIPLE_REGISTERS, relay.MODE + 7, 2, bytes(4)),
            ExceptionCode.ILLEGAL_DATA_ADDRESS,
        ),
    ],
)
def test_refusals_move_nothing(rig: Rig, request_: Request, code: ExceptionCode) -> None:
    assert rig.ask(1, request_) == ExceptionReply(request_.function, code)
    assert rig.cabinet.state().pulses == ()
    assert relays_of(rig) == []


def test_an_unknown_function_is_refused(rig: Rig) -> None:
    (reply,) = rig.send(modbus_rtu.encode(1, bytes.fromhex("2B 0E 01 00")))
    refused = ExceptionReply(0x2B, ExceptionCode.ILLEGAL_FUNCTION)
    assert modbus_pdu.parse_reply(modbus_rtu.decode(reply.data).pdu) == refused


def test_an_unknown_function_to_all_is_not_answered(rig: Rig) -> None:
    assert rig.send(modbus_rtu.encode(0, bytes.fromhex("2B 0E 01 00"))) == []


def test_a_refused_broadcast_is_not_answered(rig: Rig) -> None:
    assert rig.send(modbus_rtu.encode(0, coil(99, 1).pdu())) == []
