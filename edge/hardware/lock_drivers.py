"""Every kind of lock board with its driver and its allow-list, every protocol of a line with its speech."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic

from edge.hardware import kerong, modbus_relays, qianming, waveshare, wkly, xor_8a80
from edge.hardware.bus import BusOwner
from edge.hardware.framed import FramedSpeech
from edge.hardware.modbus import ModbusSpeech
from edge.hardware.ports import LockBoard
from edge.hardware.speech import A, BoardRule, Q, Speech
from firmware_protocols import kerong_cu16, kerong_cu48
from firmware_protocols import qianming as qianming_wire
from firmware_protocols import wkly as wkly_wire
from firmware_protocols import xor_8a80 as xor_8a80_wire
from firmware_protocols.lock_boards import LOCK_BOARDS, LineProtocol, LockKind


def _its_unit(unit: int, channel: int) -> int:  # noqa: ARG001 - most boards have one address
    return unit


@dataclass(frozen=True, slots=True)
class LockDriver(Generic[Q, A]):
    """How a board of one kind is driven and what may be sent to it."""

    make: Callable[[BusOwner[Q, A], int], LockBoard]
    rule: BoardRule[Q]
    opened_at: Callable[[int, int], int] = _its_unit
    """Unit and channel of a door → the address of the frame that opens it."""


def _waveshare(kind: LockKind) -> LockDriver[Any, Any]:
    channels = LOCK_BOARDS[kind].channels
    return LockDriver(
        lambda bus, unit: waveshare.WaveshareRelay(bus, unit, channels), waveshare.rule(channels)
    )


# Any: a kind's requests fit the speech of its line, which one table for all kinds cannot say.
LOCK_DRIVERS: Mapping[LockKind, LockDriver[Any, Any]] = {
    "waveshare_8ch_d": _waveshare("waveshare_8ch_d"),
    "waveshare_16ch": _waveshare("waveshare_16ch"),
    "waveshare_32ch": _waveshare("waveshare_32ch"),
    "wkly": LockDriver(wkly.WklyBoard, wkly.rule()),
    "xor_8a80": LockDriver(xor_8a80.Xor8a80Board, xor_8a80.rule()),
    "kerong_cu16": LockDriver(kerong.KerongCu16, kerong.cu16_rule()),
    "kerong_cu48": LockDriver(kerong.KerongCu48, kerong.cu48_rule()),
    "r421a08": LockDriver(modbus_relays.R421a08Relay, modbus_relays.r421a08_rule()),
    "lc_8r": LockDriver(modbus_relays.LcRelay, modbus_relays.lc_rule()),
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
