"""The QianMing board as a client meets it, goods included."""

import pytest

from firmware_protocols import qianming as wire
from firmware_protocols.qianming import Function, Request
from tests.device_sim.cabinets import Rig, lock_cabinet


@pytest.fixture
def rig() -> Rig:
    return Rig(lock_cabinet("qianming", unit=17))


def ask(rig: Rig, box: int, request: Request) -> str:
    replies = rig.send(wire.encode(box, request))
    rig.wait(max((one.ends_s for one in replies), default=rig.clock.now_s) - rig.clock.now_s + 0.05)
    return " ".join(one.data.hex(" ") for one in replies)


def test_a_box_is_opened_by_its_number_on_the_line(rig: Rig) -> None:
    assert ask(rig, 32, wire.open_box()) == "5a a1 00 fb"
    rig.wait(1)
    assert rig.door("A01") == (True, False)
    assert ask(rig, 20, wire.read_doors()) == "5a a2 00 11 00 20 00 80 49"


def test_goods_can_be_put_and_taken_through_an_open_door_only(rig: Rig) -> None:
    assert not rig.cabinet.set_goods("A02", there=True)
    rig.cabinet.pull("A02")
    assert rig.cabinet.set_goods("A02", there=True)
    rig.cabinet.push("A02")
    assert ask(rig, 17, wire.read_goods()) == "5a a5 00 11 00 20 01 00 cf"
    assert next(one for one in rig.cabinet.state().doors if one.label == "A02").goods
    rig.cabinet.pull("A02")
    assert rig.cabinet.set_goods("A02", there=False)
    assert ask(rig, 17, wire.read_goods()) == "5a a5 00 11 00 20 00 00 ce"


@pytest.mark.parametrize("box", [16, 33])
def test_boxes_of_other_boards_are_not_answered(rig: Rig, box: int) -> None:
    assert ask(rig, box, wire.open_box()) == ""
    assert rig.cabinet.state().pulses == ()


def test_a_new_range_waits_for_a_button_that_nobody_presses(rig: Rig) -> None:
    assert ask(rig, 17, Request(Function.RANGE, 20)) == ""
