"""`linli hub seed`: one town to try things in; running it again changes nothing that is there.

Passwords and PINs are drawn at the first run and kept in `demo-access.json` (mode 0600) beside the database.
"""

import json
import os
from dataclasses import asdict
from pathlib import Path

from cloud.access.caller import ADMIN, DRIVER, OPERATOR, WAREHOUSE, Caller
from cloud.access.seeded import SeedAccess
from cloud.app import HubPorts, Rooms
from cloud.catalog.service import Product
from cloud.stations.keepers import is_weak_pin
from cloud.stations.service import NewStation
from common.contract.words import Size, TemperatureClass
from common.kit.chance import Chance
from common.kit.errors import NotFoundError

STATION_ID = "01K0YANGGVANG0000000000003"
_STAFF = ((ADMIN, "admin"), (OPERATOR, "operator"), (WAREHOUSE, "warehouse"), (DRIVER, "driver"))
_KEEPERS = (("王阿姨", "01K0KEEPER0000000000000001"), ("陈师傅", "01K0KEEPER0000000000000002"))
_PEOPLE = (("张小明", "13800001234"), ("李雷", "13900005678"), ("Ana Souza", "13700009012"))
_TOKEN_HOURS = 24 * 30
_WORDS = (
    *("amber", "birch", "cedar", "delta", "ember", "frost", "grove", "heron"),
    *("islet", "jade", "kelp", "lotus", "maple", "north", "olive", "pearl"),
)
_SEED = Caller("seed", "seed", frozenset({ADMIN}))
_C, _A = TemperatureClass.CHILLED, TemperatureClass.AMBIENT
_PRODUCTS = (
    ("MILK-1L", "鲜牛奶 1 升", "Fresh milk 1 l", _C, Size.S, 1590, "MILK-1L", 1),
    ("YOGURT-6", "原味酸奶 6 杯", "Plain yoghurt, 6 cups", _C, Size.S, 1880, "YOGURT", 6),
    ("TOFU-400", "嫩豆腐 400 克", "Silken tofu 400 g", _C, Size.S, 480, "TOFU-400", 1),
    ("PORK-500", "猪里脊 500 克", "Pork loin 500 g", _C, Size.M, 2690, "PORK-500", 1),
    ("SHRIMP-300", "鲜虾仁 300 克", "Shrimp 300 g", _C, Size.S, 3290, "SHRIMP-300", 1),
    ("SPINACH-300", "菠菜 300 克", "Spinach 300 g", _C, Size.M, 590, "SPINACH-300", 1),
    ("EGG-10", "土鸡蛋 10 枚", "Free-range eggs, 10", _A, Size.M, 1690, "EGG", 10),
    ("EGG-30", "土鸡蛋 30 枚", "Free-range eggs, 30", _A, Size.L, 4690, "EGG", 30),
    ("RICE-5KG", "东北大米 5 公斤", "Rice 5 kg", _A, Size.L, 4590, "RICE-5KG", 1),
    ("NOODLE-1KG", "挂面 1 公斤", "Dried noodles 1 kg", _A, Size.M, 1250, "NOODLE-1KG", 1),
    ("APPLE-2KG", "红富士苹果 2 公斤", "Fuji apples 2 kg", _A, Size.L, 2380, "APPLE-2KG", 1),
    ("TEA-100", "茉莉花茶 100 克", "Jasmine tea 100 g", _A, Size.S, 3900, "TEA-100", 1),
)
_PIECES = 500


async def seed(rooms: Rooms, ports: HubPorts, data: Path) -> SeedAccess:
    """Bring the demo town into being and return its doors' keys."""
    path = data / "demo-access.json"
    known = _read(path)
    await _products(rooms)
    await _station(rooms)
    await rooms.orders.open_round("第 1 期")
    found = SeedAccess(
        station_id=STATION_ID,
        staff=await _staff(rooms, ports.chance, known.staff),
        keepers=await _keepers(rooms, ports.chance, known.keepers),
        residents=await _residents(rooms, known.residents),
    )
    if found != known:
        _write(path, found)
    return found


async def _products(rooms: Rooms) -> None:
    have = {product.sku for product in await rooms.catalog.products()}
    for sku, name_zh, name_en, temperature_class, size, price_fen, item, units in _PRODUCTS:
        if sku in have:
            continue
        await rooms.catalog.add(
            Product(sku, name_zh, name_en, temperature_class, size, price_fen, item, units)
        )
        await rooms.catalog.receive(sku, _PIECES, "seed")


async def _station(rooms: Rooms) -> None:
    try:
        await rooms.stations.detail(STATION_ID)
    except NotFoundError:
        await rooms.stations.create_station(
            NewStation("阳光里 3 号", "Yangguangli 3", "400-820-0123", station_id=STATION_ID)
        )


async def _staff(rooms: Rooms, chance: Chance, known: list[dict[str, str]]) -> list[dict[str, str]]:
    have = {account.login for account in await rooms.access.accounts()}
    found = list(known)
    for role, login in _STAFF:
        if login in have:
            continue
        password = _password(chance)
        await rooms.access.create(_SEED, login=login, role=role, password=password)
        found.append({"role": role, "login": login, "password": password})
    return found


async def _keepers(
    rooms: Rooms, chance: Chance, known: list[dict[str, str]]
) -> list[dict[str, str]]:
    have = {entry["keeper_id"] for entry in known}
    found = list(known)
    for name, keeper_id in _KEEPERS:
        if keeper_id in have:
            continue
        pin = _pin(chance)
        await rooms.stations.set_keeper(STATION_ID, display_name=name, pin=pin, keeper_id=keeper_id)
        found.append({"keeper_id": keeper_id, "name": name, "pin": pin})
    return found


async def _residents(rooms: Rooms, known: list[dict[str, str]]) -> list[dict[str, str]]:
    have = {entry["phone"] for entry in known}
    found = list(known)
    for name, phone in _PEOPLE:
        if phone in have:
            continue
        person = await rooms.people.by_phone(phone) or await rooms.people.add(name, phone)
        account = await rooms.access.resident_account(person.person_id)
        issued = await rooms.access.issue_token(_SEED, account.account_id, hours=_TOKEN_HOURS)
        found.append(
            {
                "name": name,
                "phone": phone,
                "person_id": person.person_id,
                "token": issued.token,
            }
        )
    return found


def _password(chance: Chance) -> str:
    words = [_WORDS[chance.secure.randbelow(len(_WORDS))] for _ in range(4)]
    return "-".join([*words, f"{chance.secure.randbelow(10**6):06d}"])


def _pin(chance: Chance) -> str:
    while is_weak_pin(pin := f"{chance.secure.randbelow(10**6):06d}"):
        continue
    return pin


def _read(path: Path) -> SeedAccess:
    if not path.exists():
        return SeedAccess(STATION_ID, [], [], [])
    return SeedAccess(**json.loads(path.read_text(encoding="utf-8")))


def _write(path: Path, found: SeedAccess) -> None:
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        json.dump(asdict(found), out, ensure_ascii=False, indent=2)
    part.replace(path)
