"""The frames of a line in the judge's own words: which ones ask only, and which may move something."""

from collections.abc import Mapping
from typing import Any

from device_sim.config import CabinetConfig
from firmware_protocols import (
    kerong_cu16,
    kerong_cu48,
    lc_relay,
    modbus_rtu,
    qianming,
    r421a08,
    waveshare_relay,
    wkly,
    xor_8a80,
)
from firmware_protocols.lock_boards import LOCK_BOARDS, LineProtocol, LockKind

_READ_FUNCTIONS = range(1, 5)
CODECS: Mapping[LineProtocol, Any] = {
    LineProtocol.WKLY: wkly,
    LineProtocol.XOR_8A80: xor_8a80,
    LineProtocol.KERONG_CU16: kerong_cu16,
    LineProtocol.KERONG_CU48: kerong_cu48,
    LineProtocol.QIANMING: qianming,
}
_RELAYS: Mapping[LockKind, Any] = {
    "waveshare_8ch_d": waveshare_relay,
    "waveshare_16ch": waveshare_relay,
    "waveshare_32ch": waveshare_relay,
    "r421a08": r421a08,
    "lc_8r": lc_relay,
}
_READ_FRAMES: Mapping[LineProtocol, frozenset[Any]] = {
    LineProtocol.WKLY: frozenset({0x83, 0x84}),
    LineProtocol.XOR_8A80: frozenset({0x33}),
    LineProtocol.KERONG_CU16: frozenset({0x30, 0x37}),
    LineProtocol.KERONG_CU48: frozenset({0x60}),
    LineProtocol.QIANMING: frozenset({0x22, 0x25}),
}
_COMMAND_AT = {
    LineProtocol.WKLY: 6,
    LineProtocol.XOR_8A80: 3,
    LineProtocol.KERONG_CU16: 2,
    LineProtocol.KERONG_CU48: 3,
    LineProtocol.QIANMING: 1,
}


def is_read(protocol: LineProtocol, frame: bytes) -> bool:
    """Tell by its bytes that a frame asks one board something and moves nothing."""
    if protocol is LineProtocol.MODBUS:
        return 1 <= frame[0] <= 247 and frame[1] in _READ_FUNCTIONS
    if protocol is LineProtocol.KERONG_CU16 and (frame[1] >> 4 == 0xF or len(frame) != 5):
        return False
    return frame[_COMMAND_AT[protocol]] in _READ_FRAMES[protocol]


def unit_of(protocol: LineProtocol, frame: bytes) -> int:
    """Return the address of a frame."""
    if protocol is LineProtocol.MODBUS:
        return frame[0]
    unit, _ = CODECS[protocol].parse_request(frame)
    return int(unit)


def allowed_frames(cabinet: CabinetConfig) -> frozenset[bytes]:
    """Return every frame that may move something: one pulse of one door that there is, and all relays off."""
    kinds = {board.unit: board.lock_kind for board in cabinet.board if board.lock_kind}
    frames = {_opening(kinds[door.board], *door.wire) for door in cabinet.door}
    for unit, kind in kinds.items():
        if kind in _RELAYS:
            frames.add(modbus_rtu.encode(unit, _RELAYS[kind].all_off().pdu()))
    return frozenset(frames)


def _opening(kind: LockKind, unit: int, channel: int) -> bytes:
    facts = LOCK_BOARDS[kind]
    if kind in _RELAYS:
        length_ms = max(400, facts.pulse.step_ms)
        words = (channel, length_ms) + ((facts.channels,) if "waveshare" in kind else ())
        return modbus_rtu.encode(unit, _RELAYS[kind].pulse(*words).pdu())
    if kind == "qianming":
        return qianming.encode(unit + channel, qianming.open_box())
    codec = CODECS[facts.protocol]
    return bytes(codec.encode(unit, codec.open_one(channel)))
