"""A new code over a parcel that lies here already: it opens the door, the revoked one does not."""

from pathlib import Path

from common.contract.words import GrantState
from edge.pickup.views import Accepted, ParcelState, Refused, Step
from tests.edge.pickup.house import CODE, LIFE_S, House, in_house

NEW = "30517248"


def test_a_new_code_opens_what_the_revoked_one_covered(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        old = await house.delivered("LP-0001")
        await house.put(old.model_copy(update={"state": "revoked"}))
        (view,) = (await house.edge.desk.today()).parcels
        assert view.state is ParcelState.OVERDUE
        new = old.model_copy(
            update={"grant_id": house.id(), "verifier": house.tag(NEW).hex(), "state": "issued"}
        )
        await house.put(new)
        activated = [event["grant_id"] for event in house.events("grant.activated")]
        assert activated == [old.grant_id, new.grant_id]
        (view,) = (await house.edge.desk.today()).parcels
        assert view.state is ParcelState.PLACED
        assert view.placed_at is not None
        assert (
            view.expires_at is not None
        )  # the food's time runs from the put-in, not from the code
        assert (view.expires_at - view.placed_at).total_seconds() == LIFE_S
        assert await house.edge.pickup.submit(CODE) == Refused(0)
        assert isinstance(await house.edge.pickup.submit(NEW), Accepted)
        await house.push((await house.until(Step.OPEN)).compartment)
        await house.until(Step.CLOSED)
        await house.edge.pickup.finish()
        assert house.grant_state(new.grant_id) == GrantState.DONE
        assert house.grant_state(old.grant_id) == GrantState.REVOKED
        (collected,) = house.events("parcel.collected")
        assert collected["grant_id"] == new.grant_id

    in_house(tmp_path, body)
