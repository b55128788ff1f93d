"""What the keeper's pages show beyond plain views: the loaded day and the list of what needs a hand."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from common.ui.i18n import Texts
from edge.pickup.views import DoorCell, ParcelState, ParcelView, PutInView, UndoView
from edge.screen.services import Desk
from edge.screen.station import Head, Station, door_state

_HERE = (ParcelState.PLACED, ParcelState.OVERDUE)
_GONE = (ParcelState.COLLECTED, ParcelState.HANDED_OVER, ParcelState.REMOVED)


@dataclass(frozen=True, slots=True)
class Loaded:
    """One reading of the desk, so that a page and its live regions agree."""

    parcels: tuple[ParcelView, ...]
    overdue: tuple[ParcelView, ...]
    hands: PutInView | None
    undo: UndoView | None

    @property
    def collected(self) -> int:
        """Return how many of the day's parcels are gone."""
        return sum(parcel.state in _GONE for parcel in self.parcels)

    @property
    def waiting(self) -> int:
        """Return how many lie here."""
        return sum(parcel.state in _HERE for parcel in self.parcels)

    def find(self, parcel_id: str) -> ParcelView | None:
        """Return the parcel of that id."""
        both = (*self.parcels, *self.overdue)
        return next((parcel for parcel in both if parcel.parcel_id == parcel_id), None)


async def load(desk: Desk) -> Loaded:
    """Read the desk once."""
    return Loaded(
        parcels=(await desk.today()).parcels,
        overdue=tuple(await desk.overdue()),
        hands=desk.put_in_view(),
        undo=await desk.undo_view(),
    )


@dataclass(frozen=True, slots=True)
class Attention:
    """One thing that needs a hand: severity (crit, warn, fix), words, where to go and the verb."""

    kind: str
    word: str
    text: str
    href: str
    verb: str


def attention(
    station: Station, head: Head, loaded: Loaded, left_open_s: float, texts: Texts
) -> tuple[Attention, ...]:
    """Return what needs a hand, the worst first."""
    _ = texts.gettext
    found = [
        Attention(
            "crit", _("severe"),
            _("%(zone)s at %(temperature)s", zone=zone.name, temperature=texts.celsius(zone.temperature_c)),
            "/temperatures", _("Look"),
        )
        for zone in head.zones if zone.over_limit
    ]  # fmt: skip
    doors = sorted(station.doors(), key=lambda door: -door.since_s)
    found += [
        Attention(
            "warn", _("mind"),
            _("Door %(door)s open for %(duration)s", door=door.label, duration=texts.duration(door.since_s)),
            f"/doors/{door.label}", _("Handle"),
        )
        for door in doors if door.open and door.since_s >= left_open_s
    ]  # fmt: skip
    if loaded.overdue:
        count = texts.ngettext(
            "%(n)s parcel is overdue", "%(n)s parcels are overdue", len(loaded.overdue)
        )
        found.append(Attention("warn", _("mind"), count, "/overdue", _("Handle")))
    found += [_doorless(parcel, texts) for parcel in loaded.parcels if parcel.door_gone]
    found += [_broken(door, texts) for door in doors if door.out_of_service]
    return tuple(found)


def _broken(door: DoorCell, texts: Texts) -> Attention:
    _ = texts.gettext
    return Attention(
        "fix",
        _("repair"),
        _("Door %(door)s is out of service", door=door.label),
        f"/doors/{door.label}",
        _("Look"),
    )


def _doorless(parcel: ParcelView, texts: Texts) -> Attention:
    _ = texts.gettext
    return Attention(
        "warn",
        _("mind"),
        _("Door %(door)s is gone; a parcel is behind it", door=parcel.compartment or ""),
        f"/parcels/{parcel.parcel_id}",
        _("Handle"),
    )


def wall_counts(doors: Sequence[DoorCell]) -> Counter[str]:
    """Return how many doors are in each state of the legend."""
    return Counter(str(door_state(door)) for door in doors)


def state_tag(parcel: ParcelView, texts: Texts) -> tuple[str, str]:
    """Return (kind of tag, word) of a parcel's state."""
    _ = texts.gettext
    return {
        ParcelState.EXPECTED: ("", _("on its way")),
        ParcelState.PLACED: ("info", _("to be collected")),
        ParcelState.COLLECTED: ("ok", _("collected")),
        ParcelState.HANDED_OVER: ("ok", _("handed over")),
        ParcelState.REMOVED: ("", _("removed")),
        ParcelState.OVERDUE: ("warn", _("overdue")),
        ParcelState.CANCELLED: ("", _("cancelled")),
    }[parcel.state]


def zone_word(parcel: ParcelView, texts: Texts) -> str:
    """Return where the parcel belongs, in words."""
    _ = texts.gettext
    return {
        "ambient": _("ambient"), "chilled": _("chilled"), "frozen": _("frozen"),
    }[parcel.temperature_class.value]  # fmt: skip


def reason_words(reason: str, texts: Texts) -> str:
    """Return a stored reason for people: our codes in words, the note and free texts as they are."""
    _ = texts.gettext
    known = {
        "lock_broken": _("Lock broken"), "door_damaged": _("Door damaged"),
        "dirty": _("Dirty"), "sensor": _("Sensor wrong"),
    }  # fmt: skip
    code, colon, note = reason.partition(":")
    return known.get(code, code) + colon + note
