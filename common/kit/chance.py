"""Chance as a port with two faces: `secure` for secrets and ids, `jitter` for back-off and spreading.

The only module that may ask the operating system for randomness.
"""

import random
import secrets
from dataclasses import dataclass
from typing import Protocol


class Secure(Protocol):
    """Randomness that an attacker cannot predict."""

    def token_bytes(self, count: int) -> bytes:
        """Return `count` random bytes."""

    def randbelow(self, limit: int) -> int:
        """Return an integer in [0, limit)."""


class SystemSecure:
    """The operating system's generator."""

    def token_bytes(self, count: int) -> bytes:
        """Return `count` bytes of the CSPRNG."""
        return secrets.token_bytes(count)

    def randbelow(self, limit: int) -> int:
        """Return an unbiased integer in [0, limit)."""
        return secrets.randbelow(limit)


class SeededSecure:
    """Reproducible stand-in for the simulated world; never for a real door."""

    def __init__(self, seed: str) -> None:
        """Start the stream named by `seed`."""
        self._stream = random.Random(seed)

    def token_bytes(self, count: int) -> bytes:
        """Return the next `count` bytes of the stream."""
        return self._stream.randbytes(count)

    def randbelow(self, limit: int) -> int:
        """Return the next integer in [0, limit)."""
        return self._stream.randrange(limit)


@dataclass(frozen=True, slots=True)
class Chance:
    """The two faces; `seeded` tells `build_*` that `secure` must not guard a real door."""

    secure: Secure
    jitter: random.Random
    seeded: bool = False


def system_chance() -> Chance:
    """Return the real thing."""
    return Chance(SystemSecure(), random.Random())


def seeded_chance(seed: str) -> Chance:
    """Return a reproducible pair for tests and the simulated world."""
    return Chance(SeededSecure(f"secure|{seed}"), random.Random(f"jitter|{seed}"), seeded=True)
