"""Every kind of lock board with its driver and its allow-list, every protocol of a line with its speech."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic

from edge.hardware import kerong, qianming, wkly, xor_8a80
from edge.hardware.bus import BusOwner
from edge.hardware.framed import FramedSpeech
from edge.hardware.modbus import ModbusSpeech
from edge.hardware.modbus_relays import InputCodec, ModbusRelays, RelayCodec, SensingRelays, rule
from edge.hardware.ports import LockBoard
from edge.hardware.speech import A, BoardRule, Q, Speech
from firmware_protocols import kerong_cu16, kerong_cu48, lc_relay, r421a08, waveshare_relay
from firmware_protocols import qianming as qianming_wire
from firmware_protocols import wkly as wkly_wire
from firmware_protocols import xor_8a80 as xor_8a80_wire
from firmware_protocols.lock_boards import LineProtocol, LockKind


def _its_unit(unit: int, channel: int) -> int:  # noqa: ARG001 - most boards have one address
    return unit


@dataclass(frozen=True, slots=True)
class LockDriver(Generic[Q, A]):
    """How a board of one kind is driven and what may be sent to it."""

    make: Callable[[BusOwner[Q, A], int], LockBoard]
    rule: BoardRule[Q]
    opened_at: Callable[[int, int], int] = _its_unit
    """Unit and channel of a door → the address of the frame that opens it."""


def _relays(codec: RelayCodec) -> LockDriver[Any, Any]:
    return LockDriver(lambda bus, unit: ModbusRelays(bus, unit, codec), rule(codec))


def _sensing(codec: InputCodec) -> LockDriver[Any, Any]:
    return LockDriver(lambda bus, unit: SensingRelays(bus, unit, codec), rule(codec))


# Any: a kind's requests fit the speech of its line, which one table for all kinds cannot say.
LOCK_DRIVERS: Mapping[LockKind, LockDriver[Any, Any]] = {
    "waveshare_8ch_d": _sensing(waveshare_relay.Relays(8)),
    "waveshare_16ch": _relays(waveshare_relay.Relays(16)),
    "waveshare_32ch": _relays(waveshare_relay.Relays(32)),
    "wkly": LockDriver(wkly.WklyBoard, wkly.rule()),
    "xor_8a80": LockDriver(xor_8a80.Xor8a80Board, xor_8a80.rule()),
    "kerong_cu16": LockDriver(kerong.KerongCu16, kerong.cu16_rule()),
    "kerong_cu48": LockDriver(kerong.KerongCu48, kerong.cu48_rule()),
    "r421a08": _relays(r421a08),
    "lc_8r": _sensing(lc_relay),
    "qianming": LockDriver(qianming.QianmingBoard, qianming.rule(), qianming.box_of),
}
SPEECHES: Mapping[LineProtocol, Callable[[], Speech[Any, Any]]] = {
    LineProtocol.MODBUS: ModbusSpeech,
    LineProtocol.WKLY: lambda: FramedSpeech(wkly_wire),
    LineProtocol.XOR_8A80: lambda: FramedSpeech(xor_8a80_wire),
    LineProtocol.KERONG_CU16: lambda: FramedSpeech(kerong_cu16, openings_look_like_reads=True),
    LineProtocol.KERONG_CU48: lambda: FramedSpeech(kerong_cu48),
    LineProtocol.QIANMING: lambda: FramedSpeech(qianming_wire),
}
