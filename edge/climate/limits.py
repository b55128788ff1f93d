"""Whether a zone is outside its limits: two equal samples decide, a hysteresis keeps it from flickering. Pure."""

from dataclasses import dataclass, replace

EQUAL_SAMPLES = 2
HYSTERESIS_C = 0.3
"""A zone counts as back inside when it is this far within the limit: the probe's own repeatability."""


@dataclass(frozen=True, slots=True)
class LimitState:
    """What is known so far; `over` is what is marked, `agreeing` how many samples in a row contradict it."""

    min_c: float
    max_c: float
    over: bool = False
    agreeing: int = 0


def judge(state: LimitState, temperature_c: float | None) -> LimitState:
    """Return the state after one sample; None (bad or stale) proves nothing, but breaks a run of samples."""
    if temperature_c is None:
        return replace(state, agreeing=0)
    if _says_over(state, temperature_c) is state.over:
        return replace(state, agreeing=0)
    if state.agreeing + 1 < EQUAL_SAMPLES:
        return replace(state, agreeing=state.agreeing + 1)
    return replace(state, over=not state.over, agreeing=0)


def limit_c(state: LimitState, temperature_c: float) -> float:
    """Return the limit that `temperature_c` is nearest to."""
    nearer_max = abs(temperature_c - state.max_c) <= abs(temperature_c - state.min_c)
    return state.max_c if nearer_max else state.min_c


def _says_over(state: LimitState, temperature_c: float) -> bool:
    margin_c = HYSTERESIS_C if state.over else 0.0
    return not state.min_c + margin_c <= temperature_c <= state.max_c - margin_c
