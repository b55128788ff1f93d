"""A scale on a bus: what is laid on it by the bench, as a client reads it off the wire."""

import random
from typing import Any

import pytest

from common.kit.errors import NotFoundError
from device_sim.faults import NoAnswer
from device_sim.profile_board import shipped
from device_sim.scale_board import ScaleBoard, Scales
from firmware_protocols import profile_codec, profiles
from tests.device_sim.cabinets import Rig, profile_cabinet

UNIT = 9
KINDS = [kind for kind in profiles.names() if shipped(kind).weight is not None]


def rig_of(kind: str) -> Rig:
    board = {"kind": kind, "unit": UNIT, "capacity_g": 5000, "division_g": 5}
    return Rig(profile_cabinet(board))


def read(rig: Rig, kind: str) -> dict[str, Any]:
    """Return role → value; of several flags of a role whether any is true."""
    profile, seen = shipped(kind), dict[profile_codec.Place, int]()
    for request in profile_codec.plan(profile):
        reply = rig.ask(UNIT, request)
        assert reply is not None
        seen |= profile_codec.image(request, reply)
    found = profile_codec.readings(profile, seen)
    said: dict[str, Any] = {}
    for point in profile.point:
        value = found[point.id].value
        said[point.role] = value or said.get(point.role, value)
    return said


@pytest.mark.parametrize("kind", KINDS)
def test_it_shows_what_lies_there_by_its_divisions(kind: str) -> None:
    rig = rig_of(kind)
    assert read(rig, kind)["gross_weight"] == 0
    plate = rig.cabinet.scales.find()
    for load_g, shown_g in ((1232, 1230), (-41, -40), (4999, 5000)):
        plate.put(load_g, rig.cabinet.settle_now(), moving_s=0, drift_g_per_s=0)
        said = read(rig, kind)
        assert said["gross_weight"] == pytest.approx(shown_g, abs=0.01)
        assert (said["stable"], said["overload"]) == (True, False)


@pytest.mark.parametrize("kind", KINDS)
def test_it_says_when_it_moves_and_when_it_is_too_much(kind: str) -> None:
    rig = rig_of(kind)
    plate = rig.cabinet.scales.find(str(UNIT))
    plate.put(500, rig.cabinet.settle_now(), moving_s=2, drift_g_per_s=0)
    assert read(rig, kind)["stable"] is False
    rig.wait(2)
    assert read(rig, kind)["stable"] is True
    plate.put(5010, rig.cabinet.settle_now(), moving_s=0, drift_g_per_s=0)
    said = read(rig, kind)
    assert (said["stable"], said["overload"]) == (False, True)


def test_it_falls_silent_like_every_board() -> None:
    rig = rig_of("weigh_v380")
    rig.cabinet.lay(NoAnswer(kind="no_answer", target=UNIT))
    (first, *_) = profile_codec.plan(shipped("weigh_v380"))
    assert rig.ask(UNIT, first) is None


def test_a_scale_that_is_not_there_is_named() -> None:
    rig = rig_of("weigh_v380")
    with pytest.raises(NotFoundError, match="no scale 'left'"):
        rig.cabinet.scales.find("left")
    with pytest.raises(NotFoundError, match="the cabinet has no scale"):
        Scales({}, {}).find()
    board = ScaleBoard(
        1, shipped(KINDS[0]), rig.cabinet.scales.find(), rig.cabinet.physics, random.Random(1)
    )
    assert Scales({}, {1: board}).find("1") is board.load
