"""Pickup codes and PINs: eight digits, an Argon2id tag over a peppered HMAC, and what makes a code too easy.

Source: reference scheme C.2 and C.3; Argon2id RFC 9106 with m = 19 MiB, t = 2, p = 1 (OWASP minimum).
"""

import hashlib
import hmac
from dataclasses import dataclass
from itertools import pairwise

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from argon2.low_level import Type, hash_secret_raw

from common.kit.chance import Chance

CODE_DIGITS = 8
TAIL_DIGITS = 4  # of the phone number: the keypad's second factor
_TAG_BYTES = 16


@dataclass(frozen=True, slots=True)
class Cost:
    """What one Argon2id takes; anything but `FULL_COST` is for the simulated world only."""

    rounds: int
    memory_kib: int


FULL_COST = Cost(rounds=2, memory_kib=19 * 1024)


def new_code(chance: Chance) -> str:
    """Return eight digits that are no repetition, no run and no pair pattern."""
    while True:
        code = f"{chance.secure.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
        if not is_weak_code(code):
            return code


def is_weak_code(code: str) -> bool:
    """Return whether a thief would try `code` early: few different digits or an even run."""
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(code)}
    return len(set(code)) < 3 or len(steps) == 1 or code[:4] == code[4:]


def confusable(code: str, other: str) -> bool:
    """Return whether one wrong digit or one swap of neighbours turns `code` into `other` (C.2)."""
    wrong = [index for index, (a, b) in enumerate(zip(code, other, strict=True)) if a != b]
    if len(wrong) < 2:
        return True
    first, *rest = wrong
    return (
        rest == [first + 1] and code[first] == other[first + 1] and code[first + 1] == other[first]
    )


def code_verifier(
    *, pepper: bytes, salt: bytes, station_id: str, code: str, cost: Cost = FULL_COST
) -> bytes:
    """Return the 16-byte tag the station looks up; about 30 ms and 19 MiB, so run it through `Work`."""
    peppered = hmac.digest(pepper, f"code|{station_id}|{code}".encode(), hashlib.sha256)
    return hash_secret_raw(
        peppered,
        salt,
        time_cost=cost.rounds,
        memory_cost=cost.memory_kib,
        parallelism=1,
        hash_len=_TAG_BYTES,
        type=Type.ID,
    )


def hash_secret(secret: str, cost: Cost = FULL_COST) -> str:
    """Return the Argon2id PHC string of a password or PIN; slow, so run it through `Work`."""
    hasher = PasswordHasher(
        time_cost=cost.rounds, memory_cost=cost.memory_kib, parallelism=1, type=Type.ID
    )
    return hasher.hash(secret)


def secret_matches(phc: str, secret: str) -> bool:
    """Return whether `secret` is the one behind `phc`; slow, so run it through `Work`."""
    try:
        return PasswordHasher().verify(phc, secret)
    except (Argon2Error, InvalidHashError):
        return False
