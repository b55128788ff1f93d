"""Temperature charts: the band, peaks that survive thinning, gaps, and what is over marked."""

import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta

from common.ui.charts import Band, Sample, temperature_svg
from common.ui.i18n import Catalogue, Lang

EN = Catalogue().texts(Lang.EN)
START = datetime(2026, 10, 13, tzinfo=UTC)
BAND = Band(0.0, 8.0)


def samples(*values: float | None) -> list[Sample]:
    """Return one sample a minute."""
    return [Sample(START + timedelta(minutes=n), value) for n, value in enumerate(values)]


def chart(*values: float | None) -> ET.Element:
    """Return the parsed chart of one zone."""
    return ET.fromstring(temperature_svg(samples(*values), BAND, EN, name="Chilled"))


def points(root: ET.Element, css: str) -> list[list[tuple[float, float]]]:
    """Return the points of every polyline of a class."""
    return [
        [(float(x), float(y)) for x, y in (pair.split(",") for pair in line.get("points", "").split())]
        for line in root.iter("polyline") if line.get("class") == css
    ]  # fmt: skip


def test_sums_up_for_those_who_do_not_see_it() -> None:
    assert chart(3.0, 4.5, 3.6).get("aria-label") == (
        "Chilled: now 3.6 °C, lowest 3.0 °C, highest 4.5 °C"
    )


def test_a_day_of_seconds_is_thinned_but_keeps_its_peak() -> None:
    values = [3.0 + (n % 7) / 10 for n in range(20_000)]
    values[12_345] = 15.0
    (line,) = points(chart(*values), "line")
    assert len(line) <= 480
    assert min(y for _x, y in line) < min(y for x, y in line if abs(x - line[0][0]) < 50)


def test_gaps_stay_open() -> None:
    assert len(points(chart(3.0, 3.1, None, 3.2, 3.3), "line")) == 2


def test_a_single_reading_between_gaps_is_a_dot() -> None:
    root = chart(3.0, 3.1, None, 3.2, None, 3.3, 3.4)
    assert len([c for c in root.iter("circle") if c.get("class") == "line dot"]) == 1


def test_marks_what_is_over_the_limit() -> None:
    root = chart(3.0, 9.0, 9.5, 3.0, 3.0)
    (over,) = points(root, "line over")
    assert len(over) == 2
    assert len([p for p in root.iter("path") if p.get("class") == "over-mark"]) == 1


def test_still_over_at_the_end_is_marked_too() -> None:
    assert len(points(chart(3.0, 9.0, 9.5), "line over")) == 1


def test_says_when_there_is_nothing() -> None:
    assert "No readings yet" in temperature_svg([], BAND, EN, name="x")
    assert "No readings yet" in temperature_svg(samples(None), BAND, EN, name="x")
