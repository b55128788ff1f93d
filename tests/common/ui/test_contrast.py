"""The tokens themselves are readable: axe cannot judge text in SVG, this can."""

import re
from pathlib import Path

import pytest

from common.ui.assets import STATIC_FOLDER

SHEET = (STATIC_FOLDER / "tokens.css").read_text("utf-8")
NAME = re.compile(r"--([\w-]+):\s*([^;]+);")
TEXT, CONTROL = 4.5, 3.0


def tokens(block: str) -> dict[str, str]:
    """Return the colours of a block of the sheet, references resolved."""
    start = SHEET.index(block)
    body = SHEET[start : SHEET.index("}", start)]
    light = tokens(":root {") if "screen" in block else {}
    raw = light | {name: value.strip() for name, value in NAME.findall(body)}
    return {name: _resolve(raw, value) for name, value in raw.items()}


def _resolve(raw: dict[str, str], value: str) -> str:
    while match := re.fullmatch(r"var\(--([\w-]+)\)", value):
        value = raw[match[1]]
    return value


def luminance(colour: str) -> float:
    """Return WCAG's relative luminance of #rrggbb."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    """Return WCAG's contrast ratio."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_measure_itself() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#ffffff", "#0a7a4b") == pytest.approx(5.4, abs=0.1)


@pytest.mark.parametrize("face", [":root {", '[data-face="screen"] {'])
@pytest.mark.parametrize(
    ("front", "back", "least"),
    [
        ("text", "bg", TEXT), ("text", "surface", TEXT), ("muted", "bg", TEXT),
        ("muted", "surface", TEXT), ("on-brand", "brand", TEXT), ("ok", "ok-bg", TEXT),
        ("warn", "warn-bg", TEXT), ("crit", "crit-bg", TEXT), ("info", "info-bg", TEXT),
        ("off", "off-bg", TEXT), ("crit", "surface", TEXT), ("edge", "surface", CONTROL),
        ("edge", "bg", CONTROL),
    ],
)  # fmt: skip
def test_pairs_of_every_face(face: str, front: str, back: str, least: float) -> None:
    found = tokens(face)
    assert contrast(found[front], found[back]) >= least


@pytest.mark.parametrize(
    ("front", "back", "least"),
    [
        ("n0", "jade600", TEXT), ("n0", "jade400", 2.5), ("n600", "n0", TEXT),
        ("n700", "n200", TEXT), ("red700", "red50", TEXT), ("n0", "n800", TEXT),
        ("red600", "red50", CONTROL), ("ice600", "n0", CONTROL), ("n500", "n0", CONTROL),
        ("jade700", "jade50", TEXT), ("jade100", "jade700", TEXT), ("vio600", "vio50", TEXT),
        ("price", "n0", TEXT), ("focus", "n50", CONTROL), ("n600", "n100", TEXT),
    ],
)  # fmt: skip
def test_pairs_of_door_map_and_parts(front: str, back: str, least: float) -> None:
    found = tokens(":root {")
    assert contrast(found[front], found[back]) >= least


@pytest.mark.parametrize("sheet", sorted(STATIC_FOLDER.glob("*.css")), ids=lambda f: f.name)
def test_baseline_of_small_browsers(sheet: Path) -> None:
    """WPE 2.38: no nesting, no oklch, no popover; nothing from another origin."""
    text = sheet.read_text("utf-8")
    assert not re.search(r"oklch\(|:popover|@import|url\(|^\s*&", text, re.MULTILINE)
