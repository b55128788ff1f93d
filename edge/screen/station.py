"""The station's facts in the words of a page: names, zones, the way to the hub, the door map."""

from collections.abc import Hashable
from dataclasses import dataclass

from common.contract.words import KeypadLevel, TemperatureClass
from common.kit.disk import DiskLevel
from common.kit.trusted_time import ClockState
from common.ui.doormap import Cell, CellState, Place
from common.ui.i18n import Lang, Texts
from edge.pickup.views import DoorCell
from edge.screen.services import ScreenServices
from edge.sync.fence import Why


@dataclass(frozen=True, slots=True)
class ZoneLine:
    """One zone in a header."""

    name: str
    temperature_c: float | None
    over_limit: bool


@dataclass(frozen=True, slots=True)
class Head:
    """What stands around every page; equal heads look equal."""

    name: str
    help_phone: str
    zones: tuple[ZoneLine, ...]
    online: bool
    offline_minutes: int
    waiting: int
    why: Why
    disk: DiskLevel
    time: ClockState
    clock_is_odd: bool
    hub_is_odd: bool
    keypad: KeypadLevel


class Station:
    """Reads the facts for a page."""

    def __init__(self, services: ScreenServices) -> None:
        """Read from `services`."""
        self._facts, self._config = services.facts, services.config
        self._pickup = services.pickup
        self._zone_names = {
            zone.name: {Lang.ZH: zone.name_zh, Lang.EN: zone.name_en} for zone in self._config.zone
        }
        self._cold = {
            zone.name for zone in self._config.zone
            if zone.temperature_class is not TemperatureClass.AMBIENT
        }  # fmt: skip
        screen = self._config.screen
        self.screen = Place(screen.column, screen.row, screen.width, screen.height)

    def head(self, lang: Lang) -> Head:
        """Return the header's content."""
        link, time = self._facts.link(), self._facts.time()
        zones = tuple(
            ZoneLine(
                self.zone_name(zone.zone, lang),
                None if zone.temperature_c is None else round(zone.temperature_c, 1),
                zone.over_limit,
            )
            for zone in self._facts.zones()
        )
        return Head(
            name=self._facts.name_zh if lang is Lang.ZH else self._facts.name_en,
            help_phone=self._facts.help_phone,
            zones=zones,
            online=link.online,
            offline_minutes=0 if link.online else round(link.since_s // 60),
            waiting=link.waiting,
            why=link.why,
            disk=self._facts.disk(),
            time=time.state,
            clock_is_odd=time.system_is_odd,
            hub_is_odd=time.hub_off_ms is not None,
            keypad=self._pickup.keypad().level,
        )

    def zone_name(self, zone: str, lang: Lang) -> str:
        """Return a zone's name in a language."""
        return self._zone_names.get(zone, {}).get(lang, zone)

    def doors(self) -> tuple[DoorCell, ...]:
        """Return every compartment."""
        return tuple(self._facts.doors())

    def cells(self, *, yours: str | None = None, yours_open: bool = False) -> tuple[Cell, ...]:
        """Return the door map's cells; `yours` is the one a resident is led to."""
        return tuple(self._cell(door, yours, yours_open) for door in self._facts.doors())

    def _cell(self, door: DoorCell, yours: str | None, yours_open: bool) -> Cell:
        if door.label == yours:
            state = CellState.OPEN if yours_open else CellState.YOURS
        elif yours is not None:
            # A resident needs their own door; what lies behind the others is nobody's business.
            state = CellState.FREE
        else:
            state = door_state(door)
        place = Place(door.column, door.row, door.width, door.height)
        return Cell(door.label, place, state, cold=door.zone in self._cold)


def door_state(door: DoorCell) -> CellState:
    """Return what the keeper's wall shows of a door."""
    if door.open:
        return CellState.OPEN
    if door.out_of_service:
        return CellState.FAULT
    if door.open is None:
        return CellState.UNKNOWN
    return CellState.OCCUPIED if door.occupied else CellState.FREE


def head_key(head: Head, texts: Texts) -> Hashable:
    """Return what decides whether a header must be sent again."""
    return (head, texts.lang)
