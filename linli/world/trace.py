"""The trace of a run: a running hash over everything that happened, equal for equal seeds."""

import hashlib


class Trace:
    """Feed it facts; compare `digest` of two runs."""

    def __init__(self, keep: int = 50) -> None:
        """Remember the last `keep` entries in words, for the person who reads a failure."""
        self._hash = hashlib.blake2b(digest_size=16)
        self._keep = keep
        self.count = 0
        self.last: list[str] = []

    def note(self, *facts: object) -> None:
        """Add one entry."""
        line = "|".join(map(str, facts))
        self.count += 1
        self._hash.update(line.encode() + b"\n")
        self.last = [*self.last[-self._keep + 1 :], line]

    @property
    def digest(self) -> str:
        """Return the hash so far, hex."""
        return self._hash.hexdigest()
