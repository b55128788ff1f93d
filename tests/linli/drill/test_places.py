"""The drill's list: enough places a program, all of them in the code, each draw repeatable."""

import random

import pytest

from linli.drill.places import EDGE, HUB, MEDLEY, PLACES, Place, chosen, draw
from tests.house_rules import failpoint_names
from tests.parts import ROOT


def _in_code() -> set[str]:
    return {
        name
        for room in ("edge", "cloud", "common")
        for path in (ROOT / room).rglob("*.py")
        for name, _ in failpoint_names(path.read_text(encoding="utf-8"), path.name)
    }


def _stands(name: str, known: set[str]) -> bool:
    open_ended = {one.partition("<")[0] for one in known if "<" in one}
    return name in known or any(name.startswith(one) for one in open_ended)


def test_ten_places_and_more_in_each_program() -> None:
    for program in (EDGE, HUB):
        assert len({place.name for place in PLACES if place.program == program}) >= 10


@pytest.mark.xdist_group("tree")  # one worker parses it
def test_every_place_stands_in_the_code() -> None:
    known = _in_code()
    every = (*PLACES, MEDLEY)
    names = {name for place in every for program in (EDGE, HUB) for name in place.names(program)}
    assert not [name for name in sorted(names) if not _stands(name, known)]


def test_titles_are_unique_and_chosen_by_name() -> None:
    assert len({place.title for place in PLACES}) == len(PLACES)
    assert chosen((MEDLEY.title, PLACES[0].title)) == (MEDLEY, PLACES[0])
    with pytest.raises(KeyError, match="nowhere"):
        chosen(("nowhere",))


def test_a_plan_is_drawn_again_from_the_same_stream() -> None:
    place = Place(EDGE, "doors.pulse_sent", 5, then=("doors.reconciled",))
    plans = [draw(place, 3, random.Random("3")) for _ in range(2)]
    assert plans[0] == plans[1]
    assert 1 <= plans[0].at_pass <= 5
    assert place.title == "daemon/doors.pulse_sent+doors.reconciled"
    assert place.title in str(plans[0])


def test_each_start_is_armed_with_the_next_place() -> None:
    plan = draw(MEDLEY, 1, random.Random("1"))
    assert len(plan.arms(EDGE)) == len(plan.arms(HUB)) == 3
    assert plan.arms(EDGE)[0] == "doors.pulse_row_committed:1"
    assert plan.arms(HUB) == MEDLEY.meanwhile
    only_hub = draw(Place(HUB, "orders.paid"), 1, random.Random("1"))
    assert only_hub.arms(HUB) == ("orders.paid:1",)
    assert only_hub.arms(EDGE) == ()
