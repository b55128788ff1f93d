"""What leaves its compartment by the keeper while its owner stands at the screen."""

from pathlib import Path

from edge.pickup.views import DeskStep, Step
from tests.edge.pickup.house import CODE, KEEPER, House, in_house


def test_what_the_keeper_takes_out_meanwhile_opens_no_door_any_more(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001", "LP-0002")
        await house.edge.pickup.submit(CODE)
        first = (await house.until(Step.OPEN)).compartment
        (other,) = house.sql("SELECT * FROM placement WHERE compartment <> ?", first)
        await house.edge.desk.hand_over(KEEPER, other["parcel_id"], "stands here")
        await house.desk_until(DeskStep.OPEN)
        await house.push(other["compartment"])
        await house.desk_until(DeskStep.DONE)
        await house.push(first)
        await house.until(Step.CLOSED)
        pulses = house.pulses
        await house.edge.pickup.proceed()
        view = house.edge.pickup.session()
        assert view is not None
        assert view.step is Step.DONE
        assert house.pulses == pulses

    in_house(tmp_path, body)
