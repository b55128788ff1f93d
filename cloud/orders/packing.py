"""How an order's goods become parcels: one temperature class each, small enough for a compartment. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from common.contract.words import Size, TemperatureClass

VOLUME = {Size.S: 1, Size.M: 3, Size.L: 8}
"""What one piece of a size takes, in small pieces; a product's size hint is its piece's."""
CAPACITY = {Size.S: 3, Size.M: 9, Size.L: 24}
"""What a parcel of a size holds, in small pieces: three pieces of its own size."""


@dataclass(frozen=True, slots=True)
class Goods:
    """Pieces of one article."""

    sku: str
    qty: int
    unit_price_fen: int
    temperature_class: TemperatureClass
    size: Size


@dataclass(frozen=True, slots=True)
class Packed:
    """One parcel to be: what goes in, how big it is, what it is worth."""

    temperature_class: TemperatureClass
    size: Size
    lines: tuple[tuple[str, int], ...]
    value_fen: int

    @property
    def items(self) -> int:
        """Return the number of pieces."""
        return sum(qty for _, qty in self.lines)


def pack(goods: Iterable[Goods]) -> tuple[Packed, ...]:
    """Return as few parcels as going through the lines in order gives; every piece is in exactly one."""
    wanted = list(goods)
    parcels: list[Packed] = []
    for temperature_class in TemperatureClass:
        own = [one for one in wanted if one.temperature_class is temperature_class]
        parcels += _pack_class(temperature_class, own)
    return tuple(parcels)


def _pack_class(temperature_class: TemperatureClass, goods: list[Goods]) -> list[Packed]:
    parcels: list[Packed] = []
    lines: dict[str, int] = {}
    volume = value_fen = 0

    def seal() -> None:
        nonlocal lines, volume, value_fen
        if lines:
            size = next(size for size in Size if volume <= CAPACITY[size])
            parcels.append(Packed(temperature_class, size, tuple(lines.items()), value_fen))
        lines, volume, value_fen = {}, 0, 0

    for one in goods:
        for _ in range(one.qty):
            if volume + VOLUME[one.size] > CAPACITY[Size.L]:
                seal()
            lines[one.sku] = lines.get(one.sku, 0) + 1
            volume += VOLUME[one.size]
            value_fen += one.unit_price_fen
    seal()
    return parcels
