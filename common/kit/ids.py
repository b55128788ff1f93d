"""ULIDs: 48 bits of milliseconds and 80 random bits, 26 Crockford characters that sort by time.

Source: github.com/ulid/spec.
"""

from common.kit.chance import Chance
from common.kit.clock import Clock, to_ms

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CHARS = 26
ID_PATTERN = r"^[0-9A-HJKMNP-TV-Z]{26}$"


def new_id(clock: Clock, chance: Chance) -> str:
    """Return a fresh ULID."""
    number = (to_ms(clock.wall()) << 80) | int.from_bytes(chance.secure.token_bytes(10), "big")
    return _text(number)


def id_bytes(ulid: str) -> bytes:
    """Return the 16 bytes of a ULID; ValueError for what is none."""
    number = 0
    for letter in ulid:
        number = number * 32 + _ALPHABET.index(letter)
    if len(ulid) != _CHARS or number >> 128:
        raise ValueError(f"{ulid!r} is no ULID")
    return number.to_bytes(16, "big")


def id_text(content: bytes) -> str:
    """Return the ULID of 16 bytes."""
    return _text(int.from_bytes(content, "big"))


def _text(number: int) -> str:
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))
