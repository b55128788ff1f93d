"""What may never reach the wire, for every kind of lock board: several doors, for ever, everybody, settings."""

from typing import Any, get_args

import pytest

from edge.hardware.errors import FrameRefusedError
from edge.hardware.jobs import Priority
from edge.hardware.lock_drivers import LOCK_DRIVERS
from firmware_protocols import (
    kerong_cu16,
    kerong_cu48,
    lc_relay,
    qianming,
    r421a08,
    waveshare_relay,
    wkly,
    xor_8a80,
)
from firmware_protocols.lock_boards import LOCK_BOARDS, LockKind
from firmware_protocols.modbus_pdu import Function, WriteManyRequest, WriteOneRequest
from firmware_protocols.wkly import Command
from tests.device_sim.cabinets import lock_cabinet
from tests.edge.hardware.lock_bench import CableBench, on_cable


def _coil(address: int, value: int) -> WriteOneRequest:
    return WriteOneRequest(Function.WRITE_SINGLE_COIL, address, value)


def _waveshare(channels: int) -> list[tuple[int, Any]]:
    return [
        (1, _coil(0x0200 + channels, 4)),
        (1, _coil(0x0200 + channels - 1, 11)),
        (1, _coil(0x0400, 4)),
        (1, _coil(channels - 1, 0xFF00)),
        (1, _coil(0x00FF, 0xFF00)),
        (1, WriteManyRequest(Function.WRITE_MULTIPLE_COILS, 0, 8, b"\x01")),
        (1, waveshare_relay.set_address(7)),
        (0, waveshare_relay.pulse(0, 400)),
        (9, waveshare_relay.pulse(0, 400)),
    ]


FORBIDDEN: dict[LockKind, list[tuple[int, Any]]] = {
    "waveshare_8ch_d": _waveshare(8),
    "waveshare_16ch": [*_waveshare(16), (101, waveshare_relay.pulse(0, 400))],
    "waveshare_32ch": [*_waveshare(32), (101, waveshare_relay.pulse(0, 400))],
    "wkly": [
        *((1, wkly.Request(command, b"\x01")) for command in (Command.KEEP_ON, Command.KEEP_OFF)),
        (1, wkly.Request(Command.OPEN_ALL)),
        (1, wkly.Request(Command.OPEN_TOGETHER, b"\x02\x01\x02")),
        (1, wkly.Request(Command.OPEN_IN_TURN, b"\x02\x01\x02")),
        (1, wkly.Request(Command.OPEN, b"\x19")),
        (1, wkly.Request(Command.OPEN, b"\x01\x02")),
        (1, wkly.Request(Command.MOVED, b"\x01\x00")),
        (2, wkly.open_one(0)),
    ],
    "xor_8a80": [
        (1, xor_8a80.Request(xor_8a80.Command.OPEN, xor_8a80.ALL)),
        (1, xor_8a80.Request(xor_8a80.Command.ADDRESS, xor_8a80.ALL)),
        (2, xor_8a80.open_one(0)),
    ],
    "kerong_cu16": [
        (1, kerong_cu16.Request(kerong_cu16.Command.OPEN_ALL)),
        (1, kerong_cu16.Request(kerong_cu16.Command.OPEN_LATER, 0, b"\x05")),
        (1, kerong_cu16.Request(kerong_cu16.Command.TIME, 0, b"\x17\x70")),
        (1, kerong_cu16.Request(kerong_cu16.Command.STATUS_OF_ALL)),
        (2, kerong_cu16.open_one(0)),
    ],
    "kerong_cu48": [(2, kerong_cu48.open_one(0))],
    "r421a08": [
        *((1, r421a08._write(1, command)) for command in r421a08.Command if command != 5),
        (1, r421a08.pulse(0, 2000)),
        (1, r421a08._write(r421a08.ALL, r421a08.Command.ALL_ON)),
        (0, r421a08.pulse(0, 1000)),
        (101, r421a08.pulse(0, 1000)),
    ],
    "qianming": [
        (1, qianming.Request(qianming.Function.RANGE, 16)),
        (8, qianming.open_box()),  # no door is configured there
        (17, qianming.open_box()),
    ],
    "lc_8r": [
        (1, lc_relay.pulse(0, 1100)),
        (1, lc_relay.flash(0, lc_relay.FLASH_OFF, 4)),
        (1, WriteManyRequest(Function.WRITE_MULTIPLE_COILS, 0, 8, b"\x01")),
        (1, _coil(0, 0xFF00)),
        (1, WriteOneRequest(Function.WRITE_SINGLE_REGISTER, 0, 7)),
        (0, lc_relay.pulse(0, 400)),
    ],
}
CASES = [(kind, unit, request) for kind, rows in FORBIDDEN.items() for unit, request in rows]


def test_every_kind_is_tried() -> None:
    assert set(FORBIDDEN) == set(get_args(LockKind))


@pytest.mark.parametrize("kind", FORBIDDEN)
def test_none_of_these_ever_reaches_the_wire(kind: LockKind) -> None:
    async def body(bench: CableBench) -> None:
        await bench.ready()
        for unit, request in FORBIDDEN[kind]:
            with pytest.raises(FrameRefusedError):
                await bench.owner.call(Priority.OPEN, unit, request)
        assert bench.cable.sent == []
        assert await bench.seen_open() == []

    on_cable(lock_cabinet(kind), body)


@pytest.mark.parametrize("kind", FORBIDDEN)
def test_the_rule_is_what_keeps_them_off(kind: LockKind) -> None:
    """The kind's own list says no, not the luck of an address."""
    rule = LOCK_DRIVERS[kind].rule
    own = [request for unit, request in FORBIDDEN[kind] if unit == 1]
    assert not any(rule.allows(request) for request in own)
    assert rule.all_off is None or rule.allows(rule.all_off)
    assert LOCK_BOARDS[kind].channels > 0
