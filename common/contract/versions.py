"""Which protocols and row projections this release speaks: its own and, while they exist, the two before (N-2).

A projection is the shape in which rows travel. It only changes when a row changes in a way that an older reader
would misread; new fields do not count, because readers ignore them and both sides hash the text.
"""

from collections.abc import Collection
from dataclasses import dataclass

KEPT = 3
FIRST = 1
"""What a station speaks that says nothing: releases before this list existed."""


@dataclass(frozen=True, slots=True)
class Versions:
    """What one side speaks, newest first."""

    protos: tuple[int, ...] = (1,)
    projections: tuple[int, ...] = (1,)

    @classmethod
    def of_release(cls, number: int) -> "Versions":
        """Return what release `number` of a line speaks in which both versions rise with every release."""
        spoken = tuple(range(number, max(0, number - KEPT), -1))
        return cls(spoken, spoken)


OURS = Versions()


def highest_common(ours: Collection[int], theirs: Collection[int] | None) -> int | None:
    """Return the highest version both speak, None when there is none."""
    return max(set(ours) & set(theirs if theirs is not None else (FIRST,)), default=None)
