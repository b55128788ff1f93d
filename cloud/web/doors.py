"""The doors of a station as its map shows them: by place when the station has said it, else by label."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cloud.stations.views import CompartmentView, PlaceView, StationDetail
from common.contract.words import TemperatureClass
from common.ui.doormap import Cell, CellState, Place

_LABEL = re.compile(r"([A-Za-z]*)-?(\d*)")


@dataclass(frozen=True, slots=True)
class DoorMap:
    """What is drawn; `by_place` False: in the order of the labels. Equal maps look equal.

    `strays` are doors the station's settings no longer name: they stand in a row of their own beneath.
    """

    cells: tuple[Cell, ...]
    screen: Place | None
    by_place: bool
    strays: tuple[str, ...]
    pending: tuple[str, ...]

    @property
    def cold(self) -> bool:
        """Return whether a door has the border of a cold compartment."""
        return any(cell.cold for cell in self.cells)

    def count(self, state: CellState) -> int:
        """Return how many doors are in a state."""
        return sum(cell.state is state for cell in self.cells)


def door_map(detail: StationDetail) -> DoorMap:
    """Return the map of a station's doors."""
    doors = sorted(detail.compartments, key=lambda door: _sort_key(door.label))
    pending = tuple(door.label for door in doors if door.pending)
    if not any(door.place for door in doors):
        return DoorMap(_by_label(doors), None, False, (), pending)
    screen = None if detail.screen is None else _place(detail.screen)
    cells = _by_place(doors, screen, _cold_zones(detail))
    strays = tuple(door.label for door in doors if door.place is None)
    return DoorMap(cells, screen, True, strays, pending)


def door_state(door: CompartmentView) -> CellState:
    """Return what the map shows of a compartment."""
    if door.door_open:
        return CellState.OPEN
    if door.out_of_service or door.marked_out:
        return CellState.FAULT
    if door.door_open is None:
        return CellState.UNKNOWN
    return CellState.OCCUPIED if door.parcel_id else CellState.FREE


def _by_place(
    doors: Sequence[CompartmentView], screen: Place | None, cold: frozenset[str]
) -> tuple[Cell, ...]:
    placed = [
        Cell(door.label, _place(door.place), door_state(door), cold=door.zone in cold)
        for door in doors
        if door.place is not None
    ]
    taken = [cell.place for cell in placed] + ([screen] if screen else [])
    columns = max(place.column + place.width for place in taken)
    beneath = max(place.row + place.height for place in taken)
    strays = [door for door in doors if door.place is None]
    return (
        *placed,
        *(
            Cell(door.label, Place(n % columns, beneath + n // columns), door_state(door))
            for n, door in enumerate(strays)
        ),
    )


def _by_label(doors: Sequence[CompartmentView]) -> tuple[Cell, ...]:
    """Return the doors in blocks by the letters of their labels: nobody has said where they hang."""
    groups: dict[str, list[CompartmentView]] = {}
    for door in doors:
        groups.setdefault(_sort_key(door.label)[0], []).append(door)
    wide = 4 if len(groups) <= 2 else 2 if len(groups) <= 4 else 1
    return tuple(
        Cell(door.label, Place(group * wide + n % wide, n // wide), door_state(door))
        for group, found in enumerate(groups.values())
        for n, door in enumerate(found)
    )


def _cold_zones(detail: StationDetail) -> frozenset[str]:
    warm = (None, TemperatureClass.AMBIENT.value)
    return frozenset(
        zone.zone for zone in detail.station.zones if zone.temperature_class not in warm
    )


def _place(view: PlaceView) -> Place:
    return Place(view.column, view.row, view.width, view.height)


def _sort_key(label: str) -> tuple[str, int, str]:
    found = _LABEL.match(label)
    letters, digits = found.groups() if found else ("", "")
    return (letters, int(digits or 0), label)
