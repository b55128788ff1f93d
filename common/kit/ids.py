"""ULIDs: 48 bits of milliseconds and 80 random bits, 26 Crockford characters that sort by time.

Source: github.com/ulid/spec.
"""

from common.kit.chance import Chance
from common.kit.clock import Clock, to_ms

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ID_PATTERN = r"^[0-9A-HJKMNP-TV-Z]{26}$"


def new_id(clock: Clock, chance: Chance) -> str:
    """Return a fresh ULID."""
    number = (to_ms(clock.wall()) << 80) | int.from_bytes(chance.secure.token_bytes(10), "big")
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))
