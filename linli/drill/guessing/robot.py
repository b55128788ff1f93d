"""What the robot tried, and a work port that counts the slow checks."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from common.kit.codes import code_verifier
from common.kit.work import InlineWork

P = ParamSpec("P")
T = TypeVar("T")
DAY_S = 86_400.0


class CountedWork(InlineWork):
    """The real Argon2id at its full cost, counted."""

    def __init__(self) -> None:
        """Start at none."""
        self.codes_checked = 0

    async def run(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `fn` between two turns of the loop."""
        self.codes_checked += fn is code_verifier
        return await super().run(fn, *args, **kwargs)


@dataclass(slots=True)
class Attempts:
    """Failed checks with their time, in order."""

    _all: list[float] = field(default_factory=list)
    _plain: list[float] = field(default_factory=list)

    def note(self, at_s: float, *, with_factor: bool) -> None:
        """Count one code that reached the verifier and opened nothing."""
        self._all.append(at_s)
        if not with_factor:
            self._plain.append(at_s)

    def most(self, *, with_factor: bool = True) -> int:
        """Return the most checks in any 24 hours; `with_factor` false: only those without the second factor."""
        times = self._all if with_factor else self._plain
        return max(
            (n + 1 - bisect_right(times, at_s - DAY_S) for n, at_s in enumerate(times)), default=0
        )
