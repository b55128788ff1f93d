"""What the oracle keeps of the world: parcels, orders and the acts that may explain a pulse."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum


class Place(StrEnum):
    """Where a parcel is."""

    VAN = "van"
    DOOR = "door"
    PERSON = "person"
    KEEPER = "keeper"
    COUNTER = "counter"


class Used(StrEnum):
    """Whether the station must know that the right to this parcel is used up."""

    NO = "no"
    MAYBE = "maybe"
    YES = "yes"


@dataclass(eq=False, slots=True)
class Parcel:
    """One parcel as the world has it."""

    parcel_id: str
    label: str
    order: "Order"
    place: Place = Place.VAN
    door: str = ""
    stored: bool = False
    """The station has acknowledged the put-in."""
    puts: int = 0
    used: Used = Used.NO
    pulses: int = 0
    arrives_s: float = 0.0
    unsure: bool = False
    """Taken by a keeper while the station could not see it."""


@dataclass(eq=False, slots=True)
class Order:
    """One order and the right to fetch it."""

    number: int
    order_id: str
    grant_id: str
    code: str
    valid_for_s: float
    parcels: list[Parcel] = field(default_factory=list)
    first_put_ms: int | None = None
    laid_ms: int | None = None
    """When a keeper first laid something behind a door for it, though no tablet may have said *stored*."""
    cancel_asked: bool = False
    revoke_asked: bool = False
    revoke_ruled: bool = False
    """The station has applied the revocation."""
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once everything was put in: the app says so."""
    ready_s: float = 0.0
    phone_tail: str = ""
    """The last four digits of her number, for a keypad that asks for them."""

    @property
    def doors(self) -> frozenset[str]:
        """Return the doors behind which its parcels lie."""
        return frozenset(one.door for one in self.parcels if one.place is Place.DOOR)

    @property
    def may_open(self) -> frozenset[str]:
        """Return its doors, with those that were emptied when nobody could see it."""
        unseen = {
            one.door
            for one in self.parcels
            if one.unsure or (one.place is Place.PERSON and one.used is not Used.YES)
        }
        return self.doors | unseen

    @property
    def is_ready(self) -> bool:
        """Return whether everything was put in and lies there or was taken."""
        return all(one.stored or one.place is not Place.VAN for one in self.parcels)


@dataclass(eq=False, slots=True)
class Act:
    """Something a person did that may explain one pulse."""

    who: str
    doors: Collection[str] | None
    """None: any door with nothing inside."""
    since_s: float
    until_s: float
    order: Order | None = None
    again: bool = False
    lasting: bool = False
    """Survives the daemon's death: a command of the hub."""
    spent: bool = False
