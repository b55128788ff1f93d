"""Rows of an order as a station gets them, with a random tag where nobody will type the code."""

from collections.abc import Iterator

from common.contract.base import Message
from common.contract.replica import GrantRow, ParcelRow
from common.contract.words import Size, TemperatureClass
from common.kit.chance import Chance
from common.kit.clock import Clock, to_ms
from common.kit.ids import new_id

LIFE_S = 72 * 3600
_NINE_DAYS_MS = 9 * 86_400_000
_TAG_BYTES = 16


def new_grant(clock: Clock, chance: Chance, tag: bytes) -> GrantRow:
    """Return a live grant over one parcel."""
    return GrantRow(
        grant_id=new_id(clock, chance),
        verifier=tag.hex(),
        parcel_ids=(new_id(clock, chance),),
        valid_for_s=LIFE_S,
        not_after_ms=to_ms(clock.wall()) + _NINE_DAYS_MS,
        state="issued",
    )


def parcel_of(grant: GrantRow, number: int = 0) -> ParcelRow:
    """Return the parcel of `grant`."""
    return ParcelRow(
        parcel_id=grant.parcel_ids[0],
        label=f"LL-{grant.grant_id[-12:]}",
        order_tail=f"{number % 10_000:04d}",
        person_masked="张*明",
        phone_tail="",
        temperature_class=TemperatureClass.CHILLED,
        size=Size.S,
        items=1,
        expected_on="2026-01-01",
        state="announced",
    )


def random_tag(chance: Chance) -> bytes:
    """Return a tag that belongs to no code anybody knows."""
    return chance.secure.token_bytes(_TAG_BYTES)


def rows_of_one_order(clock: Clock, chance: Chance) -> Iterator[tuple[str, Message]]:
    """Yield the rows with which the hub announces one order."""
    grant = new_grant(clock, chance, random_tag(chance))
    yield "parcel", parcel_of(grant)
    yield "grant", grant
