"""A whole station on a disk that does not give all back (EIO): it serves what it can prove, and says what it lost."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from common.kit.disk import MIB
from common.kit.errors import UnavailableError
from common.kit.walfile import log_of
from edge.pickup.views import Accepted
from edge.salvage import Keep
from linli.drill.rot.sectors import Sectors
from tests.edge.pickup.house import CODE, House, in_house
from tests.edge.salvage.test_station import OFTEN, pages_of, stopped


@pytest.fixture(autouse=True)
def bad() -> Iterator[Sectors]:
    sectors = Sectors()
    with closing(sectors), sectors.under_sqlite():
        yield sectors


async def _answer(house: House) -> object:
    try:
        return await house.edge.pickup.submit(CODE)
    except UnavailableError as error:
        return error.key


def test_a_page_that_does_not_read_loses_no_pickup(tmp_path: Path, bad: Sectors) -> None:
    async def body(house: House) -> None:
        house.sectors = bad
        await house.delivered("LP-0001")
        path = await stopped(house)
        bad.spoil(path, pages_of(path, "compartment_wear")[0] - 1)
        await house.boot()
        told = house.events("storage.damaged")
        assert [
            (one["outcome"], one["pages"], one["tables"], one["grants_held"]) for one in told
        ] == [("rebuilt", 1, ["compartment_wear"], 0)]
        await stopped(house)
        await house.boot()
        assert len(house.events("storage.damaged")) == 1, "the new file lies elsewhere"
        assert isinstance(await _answer(house), Accepted)

    in_house(tmp_path, body)


@pytest.mark.parametrize("table", ["grant_use", "grant_item"])
def test_what_decides_an_opening_and_does_not_read_holds_the_grant(
    tmp_path: Path, bad: Sectors, table: str
) -> None:
    async def body(house: House) -> None:
        house.sectors = bad
        await house.delivered("LP-0001")
        path = await stopped(house)
        for page in pages_of(path, table):
            bad.spoil(path, page - 1)
        await house.boot()
        assert await _answer(house) == "pickup.held"

    in_house(tmp_path, body)


@pytest.mark.parametrize("sums", [True, False])
def test_a_file_whose_first_page_does_not_read_is_rebuilt_from_the_copy(
    tmp_path: Path, bad: Sectors, sums: bool
) -> None:
    async def body(house: House) -> None:
        house.sectors = bad
        await house.delivered("LP-0001")
        assert house.edge.guard.copies.make(house.clock, house.edge.disk, Keep(2, 64 * MIB))
        path = await stopped(house)
        bad.spoil(path, 0)
        if not sums:
            bad.spoil(path.with_name("state.db.sums"), 0)
        await house.boot()
        told = house.events("storage.damaged")[0]
        assert told["copy_age_s"] is not None
        assert told["grants_held"] == 1

    in_house(tmp_path, body)


def test_sums_that_do_not_read_are_made_anew(tmp_path: Path, bad: Sectors) -> None:
    async def body(house: House) -> None:
        house.sectors = bad
        await house.delivered("LP-0001")
        path = await stopped(house)
        bad.spoil(path.with_name("state.db.sums"), 0)
        await house.boot()
        assert house.events("storage.damaged") == []
        assert house.edge.guard.sums.pages
        assert isinstance(await _answer(house), Accepted)

    in_house(tmp_path, body)


def test_a_log_that_does_not_read_in_its_midst_holds_every_grant(
    tmp_path: Path, bad: Sectors
) -> None:
    """Any page may have had a newer content there."""

    async def body(house: House) -> None:
        house.sectors = bad
        await house.delivered("LP-0001")
        assert house.edge.guard.copies.make(house.clock, house.edge.disk, Keep(2, 64 * MIB))
        path = _as_power_leaves_it(house)
        await house.cut()
        for end in ("", "-wal", ".sums"):
            (tmp_path / f"kept{end}").replace(path.with_name(path.name + end))
        bad.spoil(log_of(path), 5)
        await house.boot()
        told = house.events("storage.damaged")[0]
        assert told["outcome"] == "rebuilt"
        assert "grant_use" in told["tables"]
        await asyncio.sleep(700)  # attempts may be used up as well
        assert await _answer(house) == "pickup.held"
        assert house.pulses == 1, "the put-in alone"

    in_house(tmp_path, body)


def _as_power_leaves_it(house: House) -> Path:
    path = house.folder / "state.db"
    for end in ("", "-wal", ".sums"):
        (house.folder / f"kept{end}").write_bytes(path.with_name(path.name + end).read_bytes())
    return path


@pytest.mark.parametrize("where", ["state.db", "state.db-wal"])
def test_what_stops_reading_while_serving_ends_the_run_and_the_next_recovers(
    tmp_path: Path, bad: Sectors, where: str
) -> None:
    async def body(house: House) -> None:
        house.sectors = bad
        await house.delivered("LP-0001")
        await stopped(house)
        await house.boot()
        path = tmp_path / "state.db"
        page = pages_of(path, "compartment_wear")[0]
        bad.spoil(tmp_path / where, page - 1 if where == "state.db" else 0)
        assert house._task is not None
        done, _ = await asyncio.wait({house._task}, timeout=90)
        assert done, "looked through every interval"
        with pytest.raises(BaseExceptionGroup) as ended:
            house._task.result()
        told = ended.value.subgroup(lambda one: getattr(one, "key", "") == "storage.damaged")
        assert told is not None
        await house.boot()
        assert isinstance(await _answer(house), Accepted)

    in_house(tmp_path, body, disk=OFTEN)


def test_a_temperature_record_that_does_not_read_is_begun_anew(
    tmp_path: Path, bad: Sectors
) -> None:
    async def body(house: House) -> None:
        house.sectors = bad
        await stopped(house)
        bad.spoil(tmp_path / "telemetry.db", 0)
        await house.boot()
        assert (tmp_path / "telemetry.db.damaged").exists()

    in_house(tmp_path, body)
