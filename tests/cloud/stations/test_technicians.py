"""Technicians' certificates at the hub, on both engines: signed, short, audited, ended together."""

import pytest
import sqlalchemy as sa

from cloud.access.models import audit
from common.contract.capsule import decode as decode_sheet
from common.contract.certificate import LIFE_MAX_S, decode
from common.contract.replica import GrantKeyRow, StationRow
from common.kit.errors import InvalidError, NotFoundError
from common.kit.identity import verify
from tests.cloud.stations.world import STATION_ID, World, open_station


async def floor(world: World) -> int:
    (row,) = await world.rows("station")
    assert isinstance(row, StationRow)
    return row.revocation_epoch


async def test_it_is_signed_by_a_key_that_the_station_has(world: World) -> None:
    await open_station(world)
    made = await world.stations.technicians.certify(STATION_ID, " 李师傅 ", 8, "wang")
    one, signature = decode(made.text)
    keys = {row.kid: row for row in await world.rows("grant_key") if isinstance(row, GrantKeyRow)}
    assert verify(bytes.fromhex(keys[str(one.kid)].public_key), one.message(), signature)
    assert (one.station_id, one.technician, one.life_s) == (STATION_ID, "李师傅", LIFE_MAX_S)
    assert (one.issued_at_ms, one.expires_at_ms) == (world.now_ms(), made.expires_at_ms)
    said = await world.db.read(
        lambda c: c.execute(sa.select(audit.c.who, audit.c.about).where(
            audit.c.what == "technician.certified")).one()
    )  # fmt: skip
    assert said.who == "wang"
    assert "李师傅" in said.about
    assert made.text not in said.about


async def test_nobody_and_nowhere_get_none(world: World) -> None:
    await open_station(world)
    for name in ("", "  ", "李" * 21, "a\x00b"):
        with pytest.raises(InvalidError):
            await world.stations.technicians.certify(STATION_ID, name, 1, "wang")
    for act in (
        world.stations.technicians.certify("01K0N0B0DYKN0WS00000000001", "Li", 1, "wang"),
        world.stations.technicians.revoke("01K0N0B0DYKN0WS00000000001", "wang"),
    ):
        with pytest.raises(NotFoundError):
            await act


async def test_what_was_issued_ends_and_what_comes_after_does_not(world: World) -> None:
    await open_station(world)
    old = await world.stations.technicians.certify(STATION_ID, "Li", 4, "wang")
    assert await floor(world) <= old.epoch
    await world.stations.technicians.revoke(STATION_ID, "wang")
    assert await floor(world) > old.epoch
    new = await world.stations.technicians.certify(STATION_ID, "Li", 4, "wang")
    assert await floor(world) <= new.epoch
    assert await world.violations() == []


async def test_a_silent_station_is_told_by_a_sheet_while_it_matters(world: World) -> None:
    await open_station(world)
    await world.stations.technicians.revoke(STATION_ID, "wang")
    (sheet,) = await world.stations.capsules.of(STATION_ID)
    capsule, _ = decode_sheet(sheet.text)
    assert (capsule.grant_ids, capsule.epoch) == ((), await floor(world))
    world.clock.pass_s(LIFE_MAX_S + 1)
    assert await world.stations.capsules.of(STATION_ID) == ()
    await world.stations.technicians.revoke(STATION_ID, "wang")
    await world.apply_all()
    assert await world.stations.capsules.of(STATION_ID) == ()
