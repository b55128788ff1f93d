"""Parcels to play with: a few orders that stand at the station's door when the demo starts for the first time."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from cloud.access.seeded import SeedAccess
from linli.demo.stage import Stage
from linli.journey.story import Basket, Cast, bring, buy

_BASKETS: tuple[Basket, ...] = (
    (("MILK-1L", 2), ("EGG-10", 1)),
    (("TOFU-400", 1),),
    (("TEA-100", 1), ("NOODLE-1KG", 1)),
)
_FILE = "parcels.json"


@dataclass(frozen=True, slots=True)
class ToTry:
    """One order: what the keeper scans and what its owner types."""

    person: str
    labels: tuple[str, ...]
    code: str
    order_page: str


async def parcels_to_try(stage: Stage, cast: Cast, access: SeedAccess) -> tuple[ToTry, ...]:
    """Return the demo's orders; the first start places them and brings them to the station."""
    path = stage.site.root / _FILE
    if not path.exists():
        found = [
            await _order(stage, cast, person, basket)
            for person, basket in zip(access.residents, _BASKETS, strict=True)
        ]
        _write(path, found)
    return tuple(
        ToTry(**(one | {"labels": tuple(one["labels"])})) for one in json.loads(path.read_text())
    )


async def _order(stage: Stage, cast: Cast, person: dict[str, str], basket: Basket) -> ToTry:
    buyer = cast.buyer.as_holder_of(person["token"])
    own = cast.of(buyer, person["person_id"])
    bought = await buy(own, basket)
    await bring(own, bought)
    page = f"{stage.hub_url}/o/{bought.link_token}"
    return ToTry(person["name"], bought.labels, bought.code, page)


def _write(path: Path, found: list[ToTry]) -> None:
    path.touch(mode=0o600)
    path.write_text(
        json.dumps([asdict(one) for one in found], ensure_ascii=False), encoding="utf-8"
    )
