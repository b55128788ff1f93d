"""The weather of a scripted day: a curve through its points, around midnight, in steps of five minutes."""

from collections.abc import Iterator, Sequence

from device_sim.scenario_config import WeatherSection, seconds_of
from device_sim.zone import Air

DAY_S = 86_400.0
STEP_S = 300.0


class Weather:
    """What the air outside is at each time of the day."""

    def __init__(self, points: Sequence[WeatherSection], usual: Air) -> None:
        """Go straight from point to point; `usual` where none is given."""
        self._usual = usual
        self._points = sorted(
            (seconds_of(one.at), Air(one.outside_c, self._pct(one))) for one in points
        )

    def at(self, day_s: float) -> Air:
        """Return the air at a time of the day."""
        if not self._points:
            return self._usual
        first_s, first = self._points[0]
        last_s, last = self._points[-1]
        course = [(last_s - DAY_S, last), *self._points, (first_s + DAY_S, first)]
        time_s = day_s % DAY_S
        after = next(n for n, (at_s, _air) in enumerate(course) if at_s > time_s)
        (from_s, low), (to_s, high) = course[after - 1], course[after]
        return _between(low, high, (time_s - from_s) / (to_s - from_s))

    def steps(self) -> Iterator[float]:
        """Yield the seconds of a day at which the air is set anew."""
        if self._points:
            yield from (STEP_S * number for number in range(round(DAY_S / STEP_S)))

    def _pct(self, point: WeatherSection) -> float:
        return self._usual.humidity_pct if point.outside_pct is None else point.outside_pct


def _between(low: Air, high: Air, share: float) -> Air:
    return Air(
        low.temperature_c + (high.temperature_c - low.temperature_c) * share,
        low.humidity_pct + (high.humidity_pct - low.humidity_pct) * share,
    )
