"""What a driver that has lost its mind would ask for: everything the boards could do and must never be told."""

from collections.abc import Sequence
from typing import Any

from firmware_protocols import kerong_cu16, kerong_cu48, qianming, waveshare_relay, wkly, xor_8a80
from firmware_protocols.lock_boards import LockKind
from firmware_protocols.modbus_pdu import Function, WriteManyRequest, WriteOneRequest
from linli.drill.busnoise.stand import units_of

Wish = tuple[int, Any]


def rogue_requests(kind: LockKind) -> Sequence[Wish]:
    """Return unit and request of each."""
    unit, _ = units_of(kind)
    match kind:
        case "wkly":
            command = wkly.Command
            return [
                (unit, wkly.Request(command.OPEN_ALL)),
                (unit, wkly.Request(command.OPEN_TOGETHER, b"\x02\x01\x02")),
                (unit, wkly.Request(command.OPEN_IN_TURN, b"\x02\x01\x02")),
                (unit, wkly.Request(command.KEEP_ON, b"\x01")),
                (9, wkly.open_one(0)),
            ]
        case "xor_8a80":
            opening = xor_8a80.Request(xor_8a80.Command.OPEN, xor_8a80.ALL)
            return [(unit, opening), (9, xor_8a80.open_one(0))]
        case "kerong_cu16":
            command_16 = kerong_cu16.Command
            return [
                (unit, kerong_cu16.Request(command_16.OPEN_ALL)),
                (unit, kerong_cu16.Request(command_16.OPEN_LATER, 0, b"\x05")),
                (unit, kerong_cu16.Request(command_16.TIME, 0, b"\x17\x70")),
                (9, kerong_cu16.open_one(0)),
            ]
        case "kerong_cu48":
            return [(9, kerong_cu48.open_one(0)), (200, kerong_cu48.open_one(3))]
        case "qianming":
            return [
                (unit, qianming.Request(qianming.Function.RANGE, 99)),
                (unit + 14, qianming.open_box()),  # no door hangs there
            ]
        case _:
            return _modbus(unit)


def _modbus(unit: int) -> Sequence[Wish]:
    coil, register = Function.WRITE_SINGLE_COIL, Function.WRITE_SINGLE_REGISTER
    return [
        (0, waveshare_relay.pulse(0, 400)),  # everybody
        (unit, WriteOneRequest(coil, 0x0000, 0xFF00)),  # on for ever
        (unit, WriteOneRequest(coil, 0x00FF, 0xFF00)),  # all on
        (unit, WriteOneRequest(coil, 0x0200, 60)),  # six seconds
        (unit, WriteOneRequest(register, 0, 0x0700)),  # R421A08: all on
        (unit, WriteOneRequest(register, 1, 0x0100)),  # R421A08: on for ever
        (unit, WriteOneRequest(register, 0x4000, 7)),  # another address
        (unit, WriteManyRequest(Function.WRITE_MULTIPLE_COILS, 0, 8, b"\xff")),
        (9, waveshare_relay.pulse(0, 400)),  # nobody has it
    ]
