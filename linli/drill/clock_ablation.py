"""Safeguards against lying clocks, switched off from outside; see `linli.world.ablation`."""

from collections.abc import Callable, Mapping

from cloud.sync.timekeeper import Timekeeper
from common.kit import trusted_time
from common.kit.clock import to_ms
from common.kit.trusted_time import TrustedTime
from linli.world.ablation import Patches

_NEVER_MS = 10**15


def _bound() -> Patches:
    def by_the_wall(self: TrustedTime, at_ms: int) -> bool:
        return to_ms(self._clock.wall()) >= at_ms

    return [(TrustedTime, "is_over", by_the_wall)]


def _sweep() -> Patches:
    return [(Timekeeper, "judge_tx", lambda _self, _conn: True)]


def _jumping_hub() -> Patches:
    return [(trusted_time, name, _NEVER_MS) for name in ("DAY_MS", "STORED_MS", "PUSH_MS")]


CLOCK_ABLATIONS: Mapping[str, Callable[[], Patches]] = {
    "bound": _bound,
    "hub-sweep": _sweep,
    "jumping-hub": _jumping_hub,
}
