"""A compartment taken out of station.toml while its parcel lies there: the code costs nothing, the screen goes on."""

from pathlib import Path

import pytest

from common.kit.errors import UnavailableError
from edge.pickup.views import Step
from tests.edge.pickup.house import CODE, House, in_house

WRONG = "52709164"


async def _boot_without(house: House, label: str) -> None:
    """Restart the daemon with a station.toml that lacks a compartment."""
    await house.cut()
    parts = tuple(part for part in house.config.compartment if part.label != label)
    house.config = house.config.model_copy(update={"compartment": parts})
    await house.boot()


def test_a_right_code_whose_door_is_gone_from_the_configuration_costs_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001")
        (placed,) = house.sql("SELECT compartment FROM placement")
        await house.edge.pickup.submit(WRONG)
        before = house.sql("SELECT tokens FROM limiter WHERE name = 'keypad'")[0]["tokens"]
        await _boot_without(house, placed["compartment"])
        pulses = house.pulses
        for _ in range(7):  # more than the bucket holds
            with pytest.raises(UnavailableError) as said:
                await house.edge.pickup.submit(CODE)
            assert said.value.key == "pickup.no_door"
        after = house.sql("SELECT tokens FROM limiter WHERE name = 'keypad'")[0]["tokens"]
        assert after == pytest.approx(before, abs=0.1)
        assert house.pulses == pulses
        assert house.edge.pickup.session() is None
        assert house.grant_state(grant.grant_id) == "issued"
        assert f"a parcel lies in {placed['compartment']}, which is not in" in caplog.text

    in_house(tmp_path, body)


def test_of_two_parcels_the_one_whose_door_is_there_is_handed_out(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001", "LP-0002")
        gone, there = (
            row["compartment"]
            for row in house.sql("SELECT compartment FROM placement ORDER BY compartment")
        )
        await _boot_without(house, gone)
        await house.edge.pickup.submit(CODE)
        view = await house.until(Step.OPEN)
        assert view.compartment == there
        await house.push(there)
        await house.until(Step.CLOSED)
        await house.edge.pickup.proceed()
        with pytest.raises(UnavailableError):
            await house.edge.pickup.submit(CODE)

    in_house(tmp_path, body)


def test_a_session_whose_door_was_taken_out_is_off_the_screen(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        await house.edge.pickup.submit(CODE)
        view = await house.until(Step.OPEN)
        await house.push(view.compartment)
        await house.until(Step.CLOSED)
        await _boot_without(house, view.compartment)
        assert house.edge.pickup.session() is None

    in_house(tmp_path, body)
