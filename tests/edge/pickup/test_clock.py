"""A station whose clocks lie: its own by ten years, its hub's by ten years, no battery, no hub."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from common.kit.errors import UnavailableError
from edge.pickup.views import Accepted, Refused
from tests.edge.pickup.house import CODE, House, in_house

YEARS = timedelta(days=3652)
DAY_MS = 86_400_000


@pytest.mark.timeout(60)
@pytest.mark.parametrize("lie", [YEARS, -YEARS])
def test_a_code_outlives_a_wall_clock_that_jumps(tmp_path: Path, lie: timedelta) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001")
        house.clock.skew = lie
        await house.edge.sweeper.sweep()
        await asyncio.sleep(35)  # the sweeper's own round
        await house.cut()
        await house.boot(new_machine_boot=True)
        assert house.grant_state(grant.grant_id) == "issued"
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)

    in_house(tmp_path, body)


@pytest.mark.parametrize("lie", [YEARS, -YEARS, timedelta(hours=-1)])
def test_a_code_that_has_ended_is_revived_by_no_clock(tmp_path: Path, lie: timedelta) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001", valid_for_s=60)
        await asyncio.sleep(61)
        house.clock.skew = lie
        assert await house.edge.pickup.submit(CODE) == Refused(0)
        await house.cut()
        await house.boot(new_machine_boot=True)
        assert await house.edge.pickup.submit(CODE) == Refused(0)
        assert house.grant_state(grant.grant_id) == "expired"

    in_house(tmp_path, body)


@pytest.mark.parametrize("off_ms", [3652 * DAY_MS, -3652 * DAY_MS])
def test_a_hub_that_jumps_ends_no_code(tmp_path: Path, off_ms: int) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001")
        assert not await house.hear_hub(off_ms=off_ms)
        await house.edge.sweeper.sweep()
        assert house.grant_state(grant.grant_id) == "issued"
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)

    in_house(tmp_path, body)


def test_a_battery_that_is_days_wrong_refuses_but_ends_nothing(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001")
        await house.cut()
        house.clock.skew = timedelta(days=5)
        await house.boot(new_machine_boot=True)
        for _ in range(7):  # more than the bucket holds: the resident did nothing wrong
            with pytest.raises(UnavailableError) as said:
                await house.edge.pickup.submit(CODE)
            assert said.value.key == "pickup.time_unsure"
        assert house.grant_state(grant.grant_id) == "issued"
        assert await house.hear_hub()
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)

    in_house(tmp_path, body)


def test_a_put_in_under_a_lying_clock_lives_as_long_as_any(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        house.clock.skew = -YEARS
        await house.delivered("LP-0001")
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)

    in_house(tmp_path, body)
