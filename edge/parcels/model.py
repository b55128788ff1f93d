"""What this room knows of parcels: the hub's row with the placement, and the site they lie at."""

from dataclasses import dataclass
from enum import StrEnum

from common.contract.words import Size, TemperatureClass


class PlacementState(StrEnum):
    """What became of a parcel that reached the station."""

    PLACED = "placed"
    COLLECTED = "collected"
    HANDED_OVER = "handed_over"
    REMOVED = "removed"


CONTENT_UNKNOWN = "content unknown after damage of the disk: look inside"
"""The mark of a compartment of which nobody knows what lies in it."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a parcel lies or lay, since when, and who put it there."""

    compartment: str | None
    state: PlacementState
    keeper_id: str
    placed_at_ms: int | None
    ended_at_ms: int | None


@dataclass(frozen=True, slots=True)
class Parcel:
    """A row of the replica with its placement, if it has reached the station."""

    parcel_id: str
    label: str
    order_tail: str
    person_masked: str
    phone_tail: str
    temperature_class: TemperatureClass
    size: Size
    items: int
    expected_on: str
    cancelled: bool
    placement: Placement | None

    @property
    def compartment(self) -> str | None:
        """Return where it lies now, else None."""
        if self.placement is None or self.placement.state is not PlacementState.PLACED:
            return None
        return self.placement.compartment


@dataclass(frozen=True, slots=True)
class Site:
    """What the hub says about this site."""

    name_zh: str
    name_en: str
    help_phone: str
    timezone: str
    revocation_epoch: int = 0
