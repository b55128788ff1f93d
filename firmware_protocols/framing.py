"""What the frames of the lock board makers have in common: one-byte checksums, and finding frames in a stream.

Their checksums are weak (one byte), so a codec must also compare head, length, address and command.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import xor

LONGEST_FRAME_BYTES = 256


@dataclass(frozen=True, slots=True)
class Pieces:
    """Frames found, the bytes that may be the head of the next one, and how many bytes were noise."""

    frames: tuple[bytes, ...]
    rest: bytes
    noise_bytes: int


def xor_of(data: bytes) -> int:
    """Return the exclusive or of all bytes."""
    return reduce(xor, data, 0)


def sum_of(data: bytes) -> int:
    """Return the low byte of the sum of all bytes."""
    return sum(data) & 0xFF


def split(
    stream: bytes, size: Callable[[bytes], int | None], is_sound: Callable[[bytes], bool]
) -> Pieces:
    """Return the frames in `stream`; noise before, between and behind is passed over, an unfinished head is kept.

    `size` says from the first bytes how long a frame that begins here would be: 0 none can, None more bytes
    are needed. `is_sound` judges a whole one.
    """
    frames: list[bytes] = []
    place = done = noise = 0
    keep: int | None = None
    while place < len(stream):
        length = size(stream[place:])
        whole = stream[place : place + (length or 0)]
        if length and len(whole) == length and is_sound(whole):
            frames.append(whole)
            noise += place - done
            place = done = place + length
            keep = None
            continue
        if keep is None and (length is None or length > len(stream) - place):
            keep = place
        place += 1
    rest_from = len(stream) if keep is None else max(keep, len(stream) - LONGEST_FRAME_BYTES)
    return Pieces(tuple(frames), stream[rest_from:], noise + rest_from - done)
