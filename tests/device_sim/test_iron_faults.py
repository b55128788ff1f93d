"""Every fault of iron as a client meets it: in the bytes on the wire while it lies, and gone when it is lifted."""

import itertools
import json

import pytest
from pydantic import TypeAdapter

from common.kit.errors import InvalidError, NotFoundError
from device_sim.bus import Reply
from device_sim.faults import Fault
from device_sim.witness import PulseSeen
from firmware_protocols import modbus_rtu, xy_md02
from firmware_protocols import waveshare_relay as relay
from tests.device_sim.cabinets import Rig, lock_cabinet

FAULT: TypeAdapter[Fault] = TypeAdapter(Fault)
INPUTS_1 = "01 02 00 00 00 08 79 CC"
ALL_SHUT = "01 02 01 00 a1 88"
A04_OPEN = "01 02 01 08 a0 4e"
READ_3 = "03 04 00 01 00 02 21 E9"


def fault(kind: str, target: object, **more: object) -> Fault:
    return FAULT.validate_python({"kind": kind, "target": target, **more})


def said(rig: Rig, frame: str) -> str | None:
    """Ask, wait for the answer, return its bytes; None: silence."""
    replies = rig.send(frame)
    rig.wait(0.2)
    return replies[0].data.hex(" ") if replies else None


def celsius(rig: Rig) -> float | None:
    """Return what the driver makes of the bytes of probe 3."""
    reply = rig.ask(3, xy_md02.read_both())
    assert reply is not None
    return xy_md02.measurement(reply).temperature_c


def pulse(rig: Rig, channel: int = 3) -> None:
    rig.ask(1, relay.pulse(channel, 400))


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_a_frozen_door_opens_only_while_it_is_pushed_and_pulsed(rig: Rig) -> None:
    ice = fault("frozen", "A04")
    rig.cabinet.lay(ice)
    pulse(rig)
    rig.wait(2)
    assert said(rig, INPUTS_1) == ALL_SHUT
    assert not rig.cabinet.push("A04")  # without current nothing gives
    rig.wait(5)
    assert said(rig, INPUTS_1) == ALL_SHUT
    pulse(rig)
    rig.wait(0.1)
    assert rig.cabinet.push("A04")
    assert said(rig, INPUTS_1) == A04_OPEN
    rig.wait(5)
    assert rig.cabinet.push("A04")
    rig.cabinet.lift(ice)
    pulse(rig)
    rig.wait(1)
    assert said(rig, INPUTS_1) == A04_OPEN


def test_a_hand_that_already_leans_on_a_frozen_door_opens_it_with_the_pulse(rig: Rig) -> None:
    rig.cabinet.lay(fault("frozen", "A04"))
    rig.cabinet.push("A04")
    rig.wait(0.5)
    pulse(rig)
    rig.wait(0.3)
    assert said(rig, INPUTS_1) == A04_OPEN
    (moved,) = rig.cabinet.witness.movements
    assert moved.cause == "pulse"


@pytest.mark.parametrize("kind", ["jam", "frozen"])
def test_a_door_that_is_let_go_under_current_opens_then_and_not_before(rig: Rig, kind: str) -> None:
    rig.cabinet.lay(fault(kind, "A04", for_s=1))
    rig.cabinet.lay(fault("stuck_relay", "A04", contact="closed"))
    rig.wait(3)
    rig.cabinet.settle_now()
    (moved,) = rig.cabinet.witness.movements
    assert moved.at_s == pytest.approx(1001.0)


def test_a_jam_laid_in_between_holds_the_spring_that_is_about_to_open(rig: Rig) -> None:
    pulse(rig)
    assert not rig.door("A04")[0]
    rig.cabinet.lay(fault("jam", "A04", for_s=0.1))
    rig.wait(2)
    rig.cabinet.settle_now()
    (moved,) = rig.cabinet.witness.movements
    assert moved.at_s > 1000.1


def test_a_bouncing_contact_chatters_and_comes_to_rest(rig: Rig) -> None:
    """It is looked at every 10 ms, oftener than a line could carry; the wire then shows the door open."""
    bounce = fault("bouncing", "A04", for_ms=250)
    rig.cabinet.lay(bounce)
    rig.cabinet.pull("A04")
    shown = []
    for _ in range(40):
        shown.append(rig.cabinet.physics.senses_open(1, 3))
        rig.wait(0.01)
        rig.cabinet.settle_now()
    changes = sum(a is not b for a, b in itertools.pairwise(shown))
    assert changes > 10
    assert all(shown[26:])
    assert said(rig, INPUTS_1) == A04_OPEN
    rig.cabinet.lift(bounce)
    rig.wait(1)
    rig.cabinet.push("A04")
    assert said(rig, INPUTS_1) == ALL_SHUT


def test_a_bounce_is_on_the_wire_of_who_asks_at_that_moment(rig: Rig) -> None:
    rig.cabinet.lay(fault("bouncing", "A04", for_ms=2000))
    rig.cabinet.pull("A04")
    seen = {said(rig, INPUTS_1) for _ in range(9)}
    assert seen == {ALL_SHUT, A04_OPEN}


def test_a_board_that_speaks_up_tells_of_every_chatter() -> None:
    rig = Rig(lock_cabinet("wkly", unit=1))
    heard: list[Reply] = []
    rig.bus.listeners.append(heard.append)
    rig.cabinet.lay(fault("bouncing", "A02", for_ms=250))
    rig.cabinet.pull("A02")
    rig.wait(1)
    rig.cabinet.settle_now()
    told = [one.data[8] for one in heard]
    assert told == [0, 1, 0]  # open, shut, open: channel 1 of board 1
    assert heard[-1].data.hex(" ").startswith("57 4b 4c 59 0a 01 85 01 00")


@pytest.mark.parametrize(("shows", "bytes_"), [("shut", ALL_SHUT), ("open", A04_OPEN)])
def test_a_door_ajar_lets_the_cold_out_whatever_its_contact_says(
    rig: Rig, shows: str, bytes_: str
) -> None:
    gap = fault("ajar", "A04", gap=0.5, shows=shows)
    rig.cabinet.lay(fault("compressor_off", "chilled", for_s=171))
    rig.cabinet.lay(gap)
    assert said(rig, INPUTS_1) == bytes_
    rig.wait(170)
    ajar_c = celsius(rig)
    assert ajar_c is not None
    assert ajar_c > 5.5  # a shut one gains half a kelvin in that time
    rig.cabinet.lift(gap)
    assert said(rig, INPUTS_1) == ALL_SHUT
    rig.wait(3600)
    assert celsius(rig) == pytest.approx(4.0, abs=0.6)


def test_a_gap_costs_the_compressor(rig: Rig) -> None:
    """Four doors that look shut: the zone stays warm although it cools without a pause."""
    for label in ("A01", "A02", "A03", "A04"):
        rig.cabinet.lay(fault("ajar", label, gap=0.2))
    rig.wait(4 * 3600)
    warm_c = celsius(rig)
    assert warm_c is not None
    assert warm_c > 8
    assert said(rig, INPUTS_1) == ALL_SHUT
    assert rig.cabinet.state().zones[0].compressor_on


def test_reversed_polarity_turns_one_bit_round(rig: Rig) -> None:
    turned = fault("reversed_polarity", "A04")
    rig.cabinet.lay(turned)
    assert said(rig, INPUTS_1) == A04_OPEN
    rig.cabinet.pull("A04")
    assert said(rig, INPUTS_1) == ALL_SHUT
    rig.cabinet.lift(turned)
    assert said(rig, INPUTS_1) == A04_OPEN


@pytest.mark.parametrize(("shows", "bytes_"), [("shut", ALL_SHUT), ("open", A04_OPEN)])
def test_a_stuck_contact_says_the_same_for_ever(rig: Rig, shows: str, bytes_: str) -> None:
    stuck = fault("contact_stuck", "A04", shows=shows)
    rig.cabinet.lay(stuck)
    assert said(rig, INPUTS_1) == bytes_
    rig.cabinet.pull("A04")
    assert said(rig, INPUTS_1) == bytes_
    rig.cabinet.lift(stuck)
    assert said(rig, INPUTS_1) == A04_OPEN


def test_a_contact_laid_wrong_is_told_by_a_board_that_speaks_up() -> None:
    rig = Rig(lock_cabinet("wkly", unit=1))
    heard: list[Reply] = []
    rig.bus.listeners.append(heard.append)
    rig.cabinet.lay(fault("contact_stuck", "A02", shows="open", for_s=5))
    rig.cabinet.pull("A02")
    rig.cabinet.push("A02")
    rig.wait(6)
    rig.cabinet.settle_now()
    assert [one.data[8] for one in heard] == [0, 1]


@pytest.mark.parametrize(
    ("shows", "register"),
    [("85.0", "03 52"), ("127.9", "04 ff"), ("-127", "fb 0a"), ("0x8000", "80 00")],
)
def test_a_false_value_stands_in_the_register(rig: Rig, shows: str, register: str) -> None:
    wrong = fault("sensor_shows", 3, shows=shows, for_s=60)
    rig.cabinet.lay(wrong)
    answer = said(rig, READ_3)
    assert answer is not None
    assert answer.startswith(f"03 04 04 {register}")
    assert celsius(rig) is None
    rig.wait(60)
    assert celsius(rig) == pytest.approx(4.0, abs=0.6)


def test_more_humidity_than_there_is(rig: Rig) -> None:
    rig.cabinet.lay(fault("sensor_shows", 3, shows="humidity"))
    answer = said(rig, READ_3)
    assert answer is not None
    assert answer.split()[5:7] == ["04", "4c"]
    rig.cabinet.lift_all()
    reply = rig.ask(3, xy_md02.read_both())
    assert reply is not None
    assert xy_md02.measurement(reply).humidity_pct == pytest.approx(70, abs=1)


def test_a_stuck_sensor_says_its_last_value_while_the_zone_warms(rig: Rig) -> None:
    before = said(rig, READ_3)
    stuck = fault("sensor_stuck", 3)
    rig.cabinet.lay(stuck)
    rig.cabinet.pull("A04")
    rig.wait(600)
    now = said(rig, READ_3)
    assert before is not None
    assert now is not None
    assert now.split()[:5] == before.split()[:5]
    rig.cabinet.lift(stuck)
    warm_c = celsius(rig)
    assert warm_c is not None
    assert warm_c > 10


def test_a_jumping_sensor_jumps(rig: Rig) -> None:
    jumping = fault("sensor_jumping", 3, by_k=8)
    rig.cabinet.lay(jumping)
    seen = {round(value) for _ in range(20) if (value := celsius(rig)) is not None}
    assert seen == {-4, 12}
    rig.cabinet.lift(jumping)
    assert celsius(rig) == pytest.approx(4.0, abs=0.6)


def test_an_old_sensor_is_off_by_the_same_all_the_time(rig: Rig) -> None:
    true_c = celsius(rig)
    assert true_c is not None
    rig.cabinet.lay(fault("sensor_offset", 3, offset_k=-1.5))
    assert [celsius(rig) for _ in range(5)] == [pytest.approx(true_c - 1.5, abs=0.2)] * 5
    rig.cabinet.lift_all()
    assert celsius(rig) == pytest.approx(true_c, abs=0.2)


def test_of_two_sensor_faults_the_later_is_seen(rig: Rig) -> None:
    first, second = fault("sensor_shows", 3, shows="85.0"), fault("sensor_shows", 3, shows="-127")
    rig.cabinet.lay(first)
    rig.cabinet.lay(second)
    assert "fb 0a" in (said(rig, READ_3) or "")
    rig.cabinet.lift(second)
    assert "03 52" in (said(rig, READ_3) or "")


def test_a_compressor_that_does_not_start(rig: Rig) -> None:
    off = fault("compressor_off", "chilled")
    rig.cabinet.lay(off)
    rig.wait(6 * 3600)
    zone = rig.cabinet.state().zones[0]
    warm_c = celsius(rig)
    assert warm_c is not None
    assert warm_c > 8
    assert (zone.compressor_on, zone.watts) == (False, 3.0)
    rig.cabinet.lift(off)
    rig.wait(12 * 3600)
    assert celsius(rig) == pytest.approx(4.0, abs=1.5)


def test_a_defrost_that_does_not_end(rig: Rig) -> None:
    stuck = fault("defrost_stuck", "chilled")
    rig.cabinet.lay(stuck)
    assert rig.cabinet.state().zones[0].defrosting
    rig.wait(6 * 3600)
    warm_c = celsius(rig)
    assert warm_c is not None
    assert warm_c > 8
    rig.cabinet.lift(stuck)
    assert not rig.cabinet.state().zones[0].defrosting


def test_without_mains_nobody_answers_and_everything_starts_switched_off(rig: Rig) -> None:
    assert said(rig, "01 05 00 03 FF 00 7C 3A") == "01 05 00 03 ff 00 7c 3a"
    assert rig.cabinet.physics.lock(1, 3).relay_on
    cut = fault("power_cut", "cabinet", for_s=3600)
    rig.cabinet.lay(cut)
    rig.cabinet.push("A04")
    rig.cabinet.settle_now()
    assert [said(rig, frame) for frame in (INPUTS_1, READ_3)] == [None, None]
    pulse(rig, 4)
    assert rig.cabinet.state().pulses == ()
    assert {zone.watts for zone in rig.cabinet.state().zones} == {0.0}
    rig.wait(3600)
    assert said(rig, INPUTS_1) == ALL_SHUT
    assert not rig.cabinet.physics.lock(1, 3).relay_on
    warm_c = celsius(rig)
    assert warm_c is not None
    assert warm_c > 6
    assert rig.cabinet.state().faults == ()


def test_a_welded_contact_carries_no_current_without_mains(rig: Rig) -> None:
    rig.cabinet.lay(fault("power_cut", "cabinet"))
    rig.cabinet.lay(fault("stuck_relay", "A04", contact="closed"))
    rig.wait(5)
    assert not rig.door("A04")[0]
    rig.cabinet.lift(fault("power_cut", "cabinet"))
    rig.wait(5)
    assert rig.door("A04")[0]


def test_the_state_and_the_witness_tell_of_them(rig: Rig) -> None:
    rig.cabinet.lay(fault("frozen", "A04"))
    rig.cabinet.lay(fault("ajar", "A04"))
    rig.cabinet.lay(fault("reversed_polarity", "A05"))
    doors = {door.label: door for door in rig.cabinet.state().doors}
    assert doors["A04"].frozen
    assert doors["A04"].ajar
    assert not doors["A05"].open
    assert doors["A05"].shows_open
    kinds = [json.loads(line)["kind"] for line in rig.lines if '"fault"' in line]
    assert kinds == ["frozen", "ajar", "reversed_polarity"]
    assert rig.cabinet.witness.pulses == list[PulseSeen]()


@pytest.mark.parametrize(
    ("given", "error", "key"),
    [
        (fault("frozen", "Z99"), NotFoundError, "sim.unknown_door"),
        (fault("compressor_off", "attic"), NotFoundError, "sim.unknown_zone"),
        (fault("compressor_off", "ambient"), InvalidError, "sim.not_cooled"),
        (fault("sensor_stuck", 1), NotFoundError, "sim.unknown_unit"),
        (fault("sensor_stuck", 99), NotFoundError, "sim.unknown_unit"),
        (fault("sensor_stuck", 3, probe=1), InvalidError, "sim.invalid"),
        (fault("sensor_shows", 3, shows="error_status"), InvalidError, "sim.invalid"),
    ],
)
def test_what_cannot_be_is_refused(
    rig: Rig, given: Fault, error: type[Exception], key: str
) -> None:
    with pytest.raises(error) as refused:
        rig.cabinet.lay(given)
    assert getattr(refused.value, "key", None) == key
    assert rig.cabinet.state().faults == ()


def test_a_frame_from_before_a_cut_is_not_finished_after_it(rig: Rig) -> None:
    frame = modbus_rtu.encode(1, relay.pulse(3, 400).pdu())
    rig.send(frame[:4])
    rig.cabinet.lay(fault("power_cut", "cabinet", for_s=0.001))
    rig.wait(0.004)
    rig.send(frame[4:])
    rig.wait(1)
    assert rig.cabinet.state().pulses == ()
