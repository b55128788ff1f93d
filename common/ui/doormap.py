"""The cabinet's front as SVG, and the sentence that says where a door is; one function for all faces.

State is told three times: colour (class), glyph (drawn) and word (title, and text where it matters).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from markupsafe import Markup

from common.ui.i18n import Texts

_GAP = 6
_NARROW, _WIDE, _LOW, _HIGH = 100, 150, 56, 72
_MANY_ROWS = 5
_RATIO = 1.3


class CellState(StrEnum):
    """What a face shows of a compartment."""

    FREE = "free"
    OCCUPIED = "occupied"
    YOURS = "yours"
    OPEN = "open"
    FAULT = "fault"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in the cabinet's grid; columns and rows count from 0."""

    column: int
    row: int
    width: int = 1
    height: int = 1


@dataclass(frozen=True, slots=True)
class Cell:
    """One compartment as a face shows it; `cold` marks chilled and frozen ones by their border."""

    label: str
    place: Place
    state: CellState
    cold: bool = False


@dataclass(frozen=True, slots=True)
class _Unit:
    """How large one grid unit is drawn."""

    width: int
    height: int

    @classmethod
    def fit(cls, columns: int, rows: int) -> "_Unit":
        """Draw a tall cabinet flatter than it is: its labels stay readable on a wide screen."""
        height = _LOW if rows > _MANY_ROWS else _HIGH
        return cls(min(max(_NARROW, round(rows * height * _RATIO / columns)), _WIDE), height)


_TWO_LINES = 60  # a lower door has no room for its mark under its label

Link = Callable[[Cell], str]


def state_word(state: CellState, texts: Texts) -> str:
    """Return the word that goes with a state."""
    _ = texts.gettext
    return {
        CellState.FREE: _("free"),
        CellState.OCCUPIED: _("occupied"),
        CellState.YOURS: _("yours"),
        CellState.OPEN: _("open"),
        CellState.FAULT: _("out of service"),
        CellState.UNKNOWN: _("unknown"),
    }[state]


def door_map_svg(
    cells: Sequence[Cell],
    screen: Place | None,
    texts: Texts,
    *,
    label: str,
    link: Link | None = None,
) -> Markup:
    """Return the map; `label` names it for those who do not see it, `link` makes each door a link."""
    places = [cell.place for cell in cells] + ([screen] if screen else [])
    columns = max(place.column + place.width for place in places)
    rows = max(place.row + place.height for place in places)
    unit = _Unit.fit(columns, rows)
    body = Markup("").join(_cell(cell, unit, texts, link) for cell in cells)
    if screen:
        body += _screen(screen, unit, texts)
    role = "group" if link else "img"
    return Markup(
        '<svg class="doormap" viewBox="0 0 {w} {h}" role="{role}" aria-label="{label}"'
        ' preserveAspectRatio="xMidYMid meet">{body}</svg>'
    ).format(w=columns * unit.width, h=rows * unit.height, role=role, label=label, body=body)


def door_place(cells: Sequence[Cell], screen: Place | None, label: str, texts: Texts) -> str:
    """Return where `label` is, seen by somebody in front of the screen; KeyError if it is not there."""
    _ = texts.gettext
    place = {cell.label: cell.place for cell in cells}[label]
    columns = sorted({cell.place.column for cell in cells})
    nth = 1 + sum(c.place.column == place.column and c.place.row < place.row for c in cells)
    from_top = texts.ordinal(nth)
    if screen is None:
        column = columns.index(place.column) + 1
        return _("Column %(column)s from the left, %(nth)s down", column=column, nth=from_top)
    if place.column >= screen.column + screen.width:
        column = 1 + sum(screen.column + screen.width <= c < place.column for c in columns)
        return _(
            "Right of the screen, column %(column)s, %(nth)s down",
            column=column, nth=from_top,
        )  # fmt: skip
    if place.column < screen.column:
        column = 1 + sum(place.column < c < screen.column for c in columns)
        return _(
            "Left of the screen, column %(column)s, %(nth)s down",
            column=column, nth=from_top,
        )  # fmt: skip
    return _above_or_below(cells, screen, place, texts)


def _above_or_below(cells: Sequence[Cell], screen: Place, place: Place, texts: Texts) -> str:
    rows = sorted(cell.place.row for cell in cells if cell.place.column == place.column)
    if place.row < screen.row:
        nth = 1 + sum(place.row < row < screen.row for row in rows)
        return texts.gettext("Above the screen, %(nth)s up", nth=texts.ordinal(nth))
    nth = 1 + sum(screen.row < row < place.row for row in rows)
    return texts.gettext("Below the screen, %(nth)s down", nth=texts.ordinal(nth))


def _cell(cell: Cell, unit: _Unit, texts: Texts, link: Link | None) -> Markup:
    x, y, width, height = _box(cell.place, unit)
    word = state_word(cell.state, texts)
    loud = cell.state in (CellState.YOURS, CellState.OPEN, CellState.FAULT)
    flat = loud and height < _TWO_LINES  # then label and mark stand side by side
    label_x = x + width * (0.24 if flat else 0.5)
    label_y = y + height / 2 - (10 if loud and not flat else 0)
    mark_x, mark_y = (x + width * 0.72, label_y) if flat else (label_x, label_y + 26)
    drawn = Markup(
        '<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="8"/>{hatch}'
        '<text x="{tx}" y="{ty}">{label}</text>{mark}'
    ).format(
        x=x, y=y, w=width, h=height, tx=label_x, ty=label_y, label=cell.label,
        hatch=_hatch(cell, x, y, width, height),
        mark=_mark(cell.state, mark_x, mark_y, texts) if loud else "",
    )  # fmt: skip
    css = f"cell {cell.state}{' cold' if cell.cold else ''}"
    name = f"{cell.label} {word}"
    if link is None:
        return Markup('<g class="{css}"><title>{name}</title>{drawn}</g>').format(
            css=css, name=name, drawn=drawn
        )
    return Markup('<a class="{css}" href="{href}" aria-label="{name}">{drawn}</a>').format(
        css=css, href=link(cell), name=name, drawn=drawn
    )


def _box(place: Place, unit: _Unit) -> tuple[int, int, int, int]:
    half = _GAP // 2
    return (
        place.column * unit.width + half,
        place.row * unit.height + half,
        place.width * unit.width - _GAP,
        place.height * unit.height - _GAP,
    )


def _hatch(cell: Cell, x: int, y: int, width: int, height: int) -> Markup:
    """Return the slanted strokes in the corners of an occupied compartment."""
    if cell.state is not CellState.OCCUPIED:
        return Markup("")
    strokes = (
        " ".join(f"M{x + 6 + step} {y + height - 6}l{12} {-12}" for step in range(0, 25, 8))
        + f" M{x + width - 18} {y + 18}l12 -12 M{x + width - 26} {y + 18}l12 -12"
    )
    return Markup('<path class="hatch" d="{strokes}"/>').format(strokes=strokes)


def _mark(state: CellState, x: float, y: float, texts: Texts) -> Markup:
    """Return glyph and word under the label: a triangle for open, a cross for out of service."""
    glyph = (
        Markup('<path class="glyph stroke" d="M-5 -5L5 5M5 -5L-5 5"/>')
        if state is CellState.FAULT
        else Markup('<path class="glyph" d="M-5 -6L6 0L-5 6Z"/>')
    )
    word = texts.gettext("off") if state is CellState.FAULT else state_word(state, texts)
    # Chinese characters are as wide as high, Latin letters about half; glyph and word stand centred.
    wide = sum(16.0 if ord(char) > 0x2E80 else 8.8 for char in word)
    left = x - (wide + 18) / 2
    return Markup(
        '<g transform="translate({gx} {y})">{glyph}</g><text class="word" x="{wx}" y="{y}">{word}</text>'
    ).format(gx=round(left + 5, 1), wx=round(left + 18 + wide / 2, 1), y=y, glyph=glyph, word=word)


def _screen(place: Place, unit: _Unit, texts: Texts) -> Markup:
    x, y, width, height = _box(place, unit)
    return Markup(
        '<g class="cell screen"><rect x="{x}" y="{y}" width="{w}" height="{h}" rx="8"/>'
        '<rect class="glass" x="{gx}" y="{gy}" width="34" height="24" rx="3"/>'
        '<text x="{tx}" y="{ty}">{word}</text></g>'
    ).format(
        x=x, y=y, w=width, h=height, gx=x + width / 2 - 17, gy=y + height / 2 - 30,
        tx=x + width / 2, ty=y + height / 2 + 14, word=texts.gettext("Screen"),
    )  # fmt: skip
