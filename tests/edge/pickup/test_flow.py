"""A code at the keypad, on the unmodified daemon: the right door, once, and only for the right person."""

import asyncio
from pathlib import Path

import pytest

from common.kit.errors import ConflictError, InvalidError
from edge.pickup.views import Accepted, Refused, Step
from tests.edge.pickup.house import CODE, House, in_house


def test_code_door_closed_done(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        grant = await house.delivered("LP-0001")
        (placed,) = house.sql("SELECT compartment FROM placement")
        before = house.pulses
        answer = await house.edge.pickup.submit("4071 8253")
        assert isinstance(answer, Accepted)
        assert answer.session.step is Step.OPENING
        assert house.grant_state(grant.grant_id) == "opening"
        view = await house.until(Step.OPEN)
        assert (view.compartment, view.items, view.person_masked) == (placed[0], 3, "张*明")
        assert house.is_open(view.compartment)
        assert house.pulses == before + 1
        assert house.grant_state(grant.grant_id) == "opened"
        await house.push(view.compartment)
        view = await house.until(Step.CLOSED)
        assert view.reopens_left == 2
        assert view.took_s is not None
        assert view.took_s < 3
        assert [e["parcel_id"] for e in house.events("parcel.collected")] == [grant.parcel_ids[0]]
        await house.edge.pickup.finish()
        done = house.edge.pickup.session()
        assert done is not None
        assert done.step is Step.DONE
        assert house.grant_state(grant.grant_id) == "done"
        states = [event["state"] for event in house.events("grant.state_changed")]
        assert states == ["opening", "opened", "done"]
        await asyncio.sleep(15)
        assert house.edge.pickup.session() is None

    in_house(tmp_path, body)
