"""The door map: state told by colour, glyph and word; the sentence leads to the right door."""

import xml.etree.ElementTree as ET

import pytest

from common.ui.doormap import Cell, CellState, Place, door_map_svg, door_place, state_word
from common.ui.i18n import Catalogue, Lang

ZH, EN = Catalogue().texts(Lang.ZH), Catalogue().texts(Lang.EN)
SCREEN = Place(2, 1, 1, 2)
LABELS = {
    f"{'ABCDEF'[column]}{row + 1:02d}": Place(column, row)
    for column in range(6) for row in range(5) if column != 2 or row not in (1, 2)
}  # fmt: skip


def cells(**states: CellState) -> list[Cell]:
    """Return the cabinet with the named doors in other states."""
    return [
        Cell(label, place, states.get(label, CellState.FREE), cold=label.startswith("F"))
        for label, place in LABELS.items()
    ]


@pytest.mark.parametrize(
    ("label", "zh", "en"),
    [
        ("E04", "屏幕右侧第 2 列，从上往下第 4 个", "Right of the screen, column 2, 4th down"),
        ("D01", "屏幕右侧第 1 列，从上往下第 1 个", "Right of the screen, column 1, 1st down"),
        ("B02", "屏幕左侧第 1 列，从上往下第 2 个", "Left of the screen, column 1, 2nd down"),
        ("A05", "屏幕左侧第 2 列，从上往下第 5 个", "Left of the screen, column 2, 5th down"),
        ("C01", "屏幕上方，往上第 1 个", "Above the screen, 1st up"),
        ("C04", "屏幕下方，往下第 1 个", "Below the screen, 1st down"),
        ("C05", "屏幕下方，往下第 2 个", "Below the screen, 2nd down"),
    ],
)
def test_says_where_a_door_is(label: str, zh: str, en: str) -> None:
    assert door_place(cells(), SCREEN, label, ZH) == zh
    assert door_place(cells(), SCREEN, label, EN) == en


def test_says_it_without_a_screen_too() -> None:
    assert door_place(cells(), None, "B02", EN) == "Column 2 from the left, 2nd down"


def test_an_unknown_door_is_an_error() -> None:
    with pytest.raises(KeyError):
        door_place(cells(), SCREEN, "Z99", ZH)


def test_state_is_colour_and_glyph_and_word() -> None:
    shown = cells(A01=CellState.OPEN, A02=CellState.FAULT, A03=CellState.OCCUPIED)
    root = ET.fromstring(door_map_svg(shown, SCREEN, ZH, label="柜门"))
    assert root.get("role") == "img"
    assert root.get("aria-label") == "柜门"
    groups = {group.findtext("title") or "": group for group in root.iter("g")}
    assert groups["A01 开着"].get("class") == "cell open"
    assert groups["A01 开着"].find(".//path[@class='glyph']") is not None
    assert "开着" in [text.text for text in groups["A01 开着"].iter("text")]
    assert groups["A02 停用"].find(".//path[@class='glyph stroke']") is not None
    assert groups["A03 有货"].find("path[@class='hatch']") is not None
    assert groups["F01 空"].get("class") == "cell free cold"
    assert "屏幕" in [text.text for text in root.iter("text")]


def test_everything_stays_inside_the_picture() -> None:
    root = ET.fromstring(door_map_svg(cells(), SCREEN, EN, label="Doors"))
    _x, _y, width, height = (float(part) for part in (root.get("viewBox") or "").split())
    for rect in root.iter("rect"):
        box = {name: float(rect.get(name) or 0) for name in ("x", "y", "width", "height")}
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= height


def test_doors_can_be_links_with_names() -> None:
    drawn = door_map_svg(cells(), SCREEN, EN, label="Doors", link=lambda cell: f"/d/{cell.label}")
    root = ET.fromstring(drawn)
    assert root.get("role") == "group"
    links = {link.get("href"): link.get("aria-label") for link in root.iter("a")}
    assert links["/d/E04"] == "E04 free"
    assert len(links) == len(LABELS)


def test_names_are_escaped() -> None:
    drawn = door_map_svg(cells(), None, EN, label='"><script>')
    assert "<script>" not in drawn
    ET.fromstring(drawn)


def test_every_state_has_a_word_in_both_languages() -> None:
    for state in CellState:
        assert state_word(state, ZH) != state_word(state, EN)
