"""Sound frames that should not be there: the address or the function of a frame changed and its checksum made right.

One forge a protocol; the bytes of each frame are explained in `firmware_protocols`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from firmware_protocols import kerong_cu48, qianming, wkly
from firmware_protocols.crc import CRC_BYTES, with_crc
from firmware_protocols.framing import sum_of, xor_of
from firmware_protocols.lock_boards import LineProtocol

_MODBUS_TWINS = {1: 2, 2: 1, 3: 4, 4: 3, 5: 6, 6: 5, 15: 16, 16: 15}


@dataclass(frozen=True, slots=True)
class Forge:
    """How frames of one protocol are altered."""

    close: Callable[[bytes], bytes]
    """Body → frame."""
    tail_bytes: int
    moved: Callable[[bytes, int], bytes]
    """Body with every address in it moved by so much."""
    function_at: int
    twins: Mapping[int, int]
    """Function → another that a board might answer."""
    addressed: Callable[[bytes], range]
    """Frame of a request → the units whose board it is for."""
    refused: Callable[[bytes, int], bytes]
    """Frame of a request → what a board says that does not obey; b"": it says nothing."""
    step: int = 1
    """How far the address of the next board is away."""

    def is_sound(self, frame: bytes) -> bool:
        """Tell whether this is one frame with a right checksum."""
        body = frame[: -self.tail_bytes]
        return len(body) > self.function_at and self.close(body) == frame

    def readdressed(self, frame: bytes, by: int) -> bytes:
        """Return the frame as the unit `by` addresses further would say or hear it."""
        return self.close(self.moved(frame[: -self.tail_bytes], by))

    def other_function(self, frame: bytes) -> bytes:
        """Return the frame as the answer to another function."""
        body = bytearray(frame[: -self.tail_bytes])
        at = self.function_at
        body[at] = self.twins.get(body[at], body[at] ^ 0x08)
        return self.close(bytes(body))

    def is_for(self, frame: bytes, unit: int) -> bool:
        """Tell whether a request is for the board `unit`."""
        return self.is_sound(frame) and unit in self.addressed(frame)

    def refusal(self, frame: bytes, code: int) -> bytes:
        """Return what a board says to a request that it does not obey."""
        return self.refused(frame, code)


def _byte_moved(at: int, step: int = 1) -> Callable[[bytes, int], bytes]:
    def moved(body: bytes, by: int) -> bytes:
        return body[:at] + bytes([(body[at] + by * step) & 0xFF]) + body[at + 1 :]

    return moved


def _one(at: int, shift: int = 0) -> Callable[[bytes], range]:
    return lambda frame: range(frame[at] >> shift, (frame[at] >> shift) + 1)


def _with_xor(body: bytes) -> bytes:
    return body + bytes([xor_of(body)])


def _with_sum(body: bytes) -> bytes:
    return body + bytes([sum_of(body)])


def _silent(_frame: bytes, _code: int) -> bytes:
    return b""


def _modbus_refusal(frame: bytes, code: int) -> bytes:
    return with_crc(bytes([frame[0], frame[1] | 0x80, code])) if frame[0] else b""


def _wkly_refusal(frame: bytes, _code: int) -> bytes:
    unit, request = wkly.parse_request(frame)
    bare = request.command is wkly.Command.READ_ALL
    said = b"\xff\x00" if bare else b"\xff" + request.data + b"\xff"
    return wkly.encode(unit, wkly.Answer(request.command, said))


def _boxes_moved(body: bytes, by: int) -> bytes:
    ends = {0x21: (2,), 0x22: (2,), 0x25: (2,), 0x23: (2, 4), 0xA2: (2, 4), 0xA5: (2, 4)}
    moved = bytearray(body)
    for at in ends.get(body[1], ()):
        box = int.from_bytes(body[at : at + 2], "big") + by
        moved[at : at + 2] = (box & 0xFFFF).to_bytes(2, "big")
    return bytes(moved)


def _boards_with(frame: bytes) -> range:
    box = int.from_bytes(frame[2:4], "big")
    return range(box - qianming.CHANNELS + 1, box + 1)


def _qianming_refusal(frame: bytes, code: int) -> bytes:
    _, request = qianming.parse_request(frame)
    if request.function is not qianming.Function.OPEN:
        return b""
    return qianming.encode_answer(qianming.Answer(request.function, result=code))


FORGES: Mapping[LineProtocol, Forge] = {
    LineProtocol.MODBUS: Forge(
        with_crc, CRC_BYTES, _byte_moved(0), 1, _MODBUS_TWINS, _one(0), _modbus_refusal
    ),
    LineProtocol.WKLY: Forge(
        _with_xor, 1, _byte_moved(5), 6, {0x82: 0x83, 0x83: 0x82, 0x84: 0x83}, _one(5),
        _wkly_refusal,
    ),
    LineProtocol.XOR_8A80: Forge(
        _with_xor, 1, _byte_moved(1), 0, {0x8A: 0x80, 0x80: 0x8A}, _one(1), _silent
    ),
    LineProtocol.KERONG_CU16: Forge(
        _with_sum, 1, _byte_moved(1, 16), 2, {0x35: 0x38, 0x38: 0x35}, _one(1, 4), _silent
    ),
    LineProtocol.KERONG_CU48: Forge(
        _with_sum, 1, _byte_moved(1), 3, {kerong_cu48.SUCCESS: 0x60}, _one(1), _silent
    ),
    LineProtocol.QIANMING: Forge(
        _with_xor, 1, _boxes_moved, 1, {0xA1: 0xA3, 0xA2: 0xA5, 0xA5: 0xA2}, _boards_with,
        _qianming_refusal, qianming.CHANNELS,
    ),
}  # fmt: skip
"""What a busy 8A/80 or KERONG board says is not documented: it says nothing."""
