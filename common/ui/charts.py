"""Temperature lines as SVG: the allowed band shaded, time over it marked, gaps left open.

Server-side, so that the same picture stands on kiosk, tablet, phone and in a claim.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup

from common.ui.i18n import Texts

_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 26
_BUCKETS = 240


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading; None is a gap (no or bad reading)."""

    at: datetime
    temperature_c: float | None


@dataclass(frozen=True, slots=True)
class Band:
    """The allowed range."""

    min_c: float
    max_c: float

    def holds(self, value_c: float) -> bool:
        """Return whether a reading is inside."""
        return self.min_c <= value_c <= self.max_c


@dataclass(frozen=True, slots=True)
class _Frame:
    """Maps time and temperature to the drawing."""

    start: datetime
    span_s: float
    low_c: float
    high_c: float
    width: int
    height: int

    def x(self, at: datetime) -> float:
        share = (at - self.start).total_seconds() / self.span_s
        return round(_LEFT + share * (self.width - _LEFT - _RIGHT), 1)

    def y(self, value_c: float) -> float:
        share = (self.high_c - value_c) / (self.high_c - self.low_c)
        return round(_TOP + share * (self.height - _TOP - _BOTTOM), 1)


def temperature_svg(
    samples: Sequence[Sample],
    band: Band,
    texts: Texts,
    *,
    name: str,
    width: int = 640,
    height: int = 180,
) -> Markup:
    """Return the chart of one zone, `samples` in order of time; it says so when there are none."""
    known = [s.temperature_c for s in samples if s.temperature_c is not None]
    if not known:
        return Markup('<p class="muted">{text}</p>').format(text=texts.gettext("No readings yet"))
    frame = _frame(samples, known, band, width, height)
    runs = list(_runs(_thin(samples)))
    summary = texts.gettext(
        "%(name)s: now %(now)s, lowest %(low)s, highest %(high)s",
        name=name, now=texts.celsius(known[-1]), low=texts.celsius(min(known)),
        high=texts.celsius(max(known)),
    )  # fmt: skip
    return Markup(
        '<svg class="chart" viewBox="0 0 {w} {h}" role="img" aria-label="{summary}">'
        "{band}{grid}{lines}{over}</svg>"
    ).format(
        w=width, h=height, summary=summary,
        band=_band(frame, band), grid=_grid(frame, band, texts),
        lines=Markup("").join(_line(frame, run, "line") for run in runs),
        over=Markup("").join(_over(frame, run, band) for run in runs),
    )  # fmt: skip


def _frame(
    samples: Sequence[Sample], known: Sequence[float], band: Band, width: int, height: int
) -> _Frame:
    span_s = max((samples[-1].at - samples[0].at).total_seconds(), 60.0)
    return _Frame(
        samples[0].at,
        span_s,
        min(*known, band.min_c) - 1,
        max(*known, band.max_c) + 1,
        width,
        height,
    )


def _thin(samples: Sequence[Sample]) -> list[Sample]:
    """Return at most two samples (lowest, highest) a bucket: peaks survive, points do not."""
    if len(samples) <= 2 * _BUCKETS:
        return list(samples)
    kept: list[Sample] = []
    size = -(-len(samples) // _BUCKETS)
    for at in range(0, len(samples), size):
        bucket = samples[at : at + size]
        known = [s for s in bucket if s.temperature_c is not None]
        if not known:
            kept.append(bucket[0])
            continue
        low = min(known, key=lambda s: s.temperature_c or 0.0)
        high = max(known, key=lambda s: s.temperature_c or 0.0)
        kept.extend(sorted({low, high}, key=lambda s: s.at))
    return kept


def _runs(samples: Sequence[Sample]) -> Iterator[list[tuple[datetime, float]]]:
    run: list[tuple[datetime, float]] = []
    for sample in samples:
        if sample.temperature_c is None:
            if run:
                yield run
            run = []
        else:
            run.append((sample.at, sample.temperature_c))
    if run:
        yield run


def _line(frame: _Frame, run: Sequence[tuple[datetime, float]], css: str) -> Markup:
    points = " ".join(f"{frame.x(at)},{frame.y(value)}" for at, value in run)
    if len(run) == 1:
        x, y = points.split(",")
        return Markup('<circle class="{css} dot" cx="{x}" cy="{y}" r="2.5"/>').format(
            css=css, x=x, y=y
        )
    return Markup('<polyline class="{css}" points="{points}"/>').format(css=css, points=points)


def _over(frame: _Frame, run: Sequence[tuple[datetime, float]], band: Band) -> Markup:
    """Return the stretches outside the band once more, in red over the line, each with a triangle."""
    drawn = Markup("")
    stretch: list[tuple[datetime, float]] = []
    for point in [*run, (run[-1][0], band.max_c)]:
        if not band.holds(point[1]):
            stretch.append(point)
        elif stretch:
            at, value = stretch[len(stretch) // 2]
            drawn += _line(frame, stretch, "line over")
            drawn += Markup(
                '<path class="over-mark" transform="translate({x} {y})" d="M0 -9L7 3H-7Z"/>'
            ).format(x=frame.x(at), y=max(frame.y(value) - 8, 10))
            stretch = []
    return drawn


def _band(frame: _Frame, band: Band) -> Markup:
    top, bottom = frame.y(band.max_c), frame.y(band.min_c)
    return Markup('<rect class="band" x="{x}" y="{y}" width="{w}" height="{h}"/>').format(
        x=_LEFT, y=top, w=frame.width - _LEFT - _RIGHT, h=round(bottom - top, 1)
    )


def _grid(frame: _Frame, band: Band, texts: Texts) -> Markup:
    drawn = Markup("").join(
        Markup('<text class="tick end" x="{x}" y="{y}">{text}</text>').format(
            x=_LEFT - 6, y=frame.y(value), text=f"{texts.number(value)}°"
        )
        for value in (band.min_c, band.max_c)
    )
    for part in range(5):
        at = frame.start + timedelta(seconds=frame.span_s * part / 4)
        css = ("tick start", "tick", "tick", "tick", "tick end")[part]
        drawn += Markup('<text class="{css}" x="{x}" y="{y}">{text}</text>').format(
            css=css, x=frame.x(at), y=frame.height - 8, text=texts.time(at)
        )
    return drawn
