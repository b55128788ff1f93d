"""The whole cabinet in memory: state, hands, faults with an end, and what the witness writes."""

import json
from pathlib import Path

import pytest

from common.kit.errors import NotFoundError
from device_sim.faults import AdapterUnplugged, Fault, Jam, LateAnswer, NoAnswer, StuckRelay
from device_sim.lock import Weld
from device_sim.witness import WitnessFile
from firmware_protocols import waveshare_relay as relay
from tests.device_sim.cabinets import Rig


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_the_state_has_the_shape_others_rely_on(rig: Rig) -> None:
    rig.ask(2, relay.pulse(0, 400))
    rig.wait(1)
    state = json.loads(rig.cabinet.state().model_dump_json())
    assert set(state) >= {"clock_s", "zones", "doors", "pulses"}
    assert [zone["name"] for zone in state["zones"]] == ["chilled", "ambient"]
    assert set(state["zones"][0]) >= {"name", "temperature_c"}
    assert len(state["doors"]) == 16
    door = next(one for one in state["doors"] if one["label"] == "B01")
    assert {key: door[key] for key in ("board", "channel", "label", "open", "jammed")} == {
        "board": 2,
        "channel": 0,
        "label": "B01",
        "open": True,
        "jammed": False,
    }
    (pulse,) = state["pulses"]
    assert set(pulse) == {"at_s", "board", "channel", "ms"}
    assert (pulse["board"], pulse["channel"], pulse["ms"]) == (2, 0, 400)
    assert 0 < pulse["at_s"] < state["clock_s"]


def test_the_witness_writes_every_pulse_and_movement_in_order(rig: Rig) -> None:
    rig.ask(1, relay.pulse(3, 400))
    rig.wait(5)
    rig.cabinet.push("A04")
    records = [json.loads(line) for line in rig.lines]
    assert [one["what"] for one in records] == ["start", "pulse", "movement", "movement"]
    assert records[0]["wall"].startswith("2026-03-01T06:30:00")
    pulse, opened, shut = records[1:]
    assert pulse["frame"] == "01 05 02 03 00 04 3d b1"
    assert (opened["label"], opened["open"], opened["cause"]) == ("A04", True, "pulse")
    assert opened["at_s"] == pytest.approx(pulse["at_s"] + 0.06, abs=0.001)
    assert (shut["label"], shut["open"], shut["cause"]) == ("A04", False, "pushed")


def test_a_movement_is_seen_although_nobody_asked_in_between(rig: Rig) -> None:
    rig.ask(1, relay.pulse(3, 400))
    rig.wait(3600)
    rig.cabinet.settle_now()
    (moved,) = rig.cabinet.witness.movements
    assert moved.at_s < 1001


def test_a_jam_stops_the_door_but_not_the_pulse(rig: Rig) -> None:
    rig.cabinet.jam("A04")
    rig.ask(1, relay.pulse(3, 400))
    rig.wait(2)
    assert rig.door("A04") == (False, True)
    assert len(rig.cabinet.state().pulses) == 1
    rig.cabinet.free("A04")
    assert rig.door("A04") == (False, False)
    rig.ask(1, relay.pulse(3, 400))
    rig.wait(2)
    assert rig.door("A04") == (True, False)


def test_a_fault_ends_by_itself_at_its_time(rig: Rig) -> None:
    rig.cabinet.lay(Jam(kind="jam", target="A04", for_s=5))
    assert rig.cabinet.next_event_s() == pytest.approx(1005.0)
    rig.wait(4.9)
    assert rig.door("A04")[1]
    rig.wait(0.2)
    assert not rig.door("A04")[1]
    ends = [json.loads(line) for line in rig.lines if '"active": false' in line]
    assert [one["at_s"] for one in ends] == [5.0]


def test_one_jam_ends_while_another_lasts(rig: Rig) -> None:
    rig.cabinet.lay(Jam(kind="jam", target="A04", for_s=5))
    rig.cabinet.lay(Jam(kind="jam", target="A04"))
    rig.wait(6)
    assert rig.door("A04")[1]


def test_a_relay_stuck_open_is_answered_and_opens_nothing(rig: Rig) -> None:
    rig.cabinet.lay(StuckRelay(kind="stuck_relay", target="A04", for_s=60))
    assert rig.ask(1, relay.pulse(3, 400)) is not None
    rig.wait(2)
    assert not rig.door("A04")[0]


def test_a_relay_stuck_closed_burns_the_coil(rig: Rig) -> None:
    rig.cabinet.lay(StuckRelay(kind="stuck_relay", target="A04", contact=Weld.CLOSED))
    rig.wait(3)
    door = next(one for one in rig.cabinet.state().doors if one.label == "A04")
    assert door.open
    assert door.burnt


def test_an_unplugged_adapter_carries_nothing(rig: Rig) -> None:
    calls: list[bool] = []
    rig.cabinet.on_plug.append(lambda: calls.append(rig.cabinet.is_plugged(rig.bus)))
    rig.cabinet.lay(AdapterUnplugged(kind="adapter_unplugged", target="bus0", for_s=10))
    assert rig.ask(1, relay.pulse(0, 400)) is None
    assert rig.cabinet.state().pulses == ()
    rig.wait(10)
    rig.cabinet.settle_now()
    assert calls == [False, True]
    assert rig.ask(1, relay.pulse(0, 400)) is not None


def test_all_faults_can_be_taken_off(rig: Rig) -> None:
    rig.cabinet.lay(Jam(kind="jam", target="A01"))
    rig.cabinet.lay(NoAnswer(kind="no_answer", target=2))
    rig.cabinet.lift_all()
    assert rig.cabinet.state().faults == ()
    assert rig.ask(2, relay.read_inputs()) is not None


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        (Jam(kind="jam", target="Z99"), "sim.unknown_door"),
        (StuckRelay(kind="stuck_relay", target="Z99"), "sim.unknown_door"),
        (NoAnswer(kind="no_answer", target=99), "sim.unknown_unit"),
        (LateAnswer(kind="late_answer", target=99), "sim.unknown_unit"),
        (AdapterUnplugged(kind="adapter_unplugged", target="bus9"), "sim.unknown_bus"),
    ],
)
def test_a_fault_on_nothing_is_refused(rig: Rig, fault: Fault, key: str) -> None:
    with pytest.raises(NotFoundError) as refused:
        rig.cabinet.lay(fault)
    assert refused.value.key == key
    assert rig.cabinet.state().faults == ()


def test_hands_on_a_door_that_is_not_there(rig: Rig) -> None:
    for act in (rig.cabinet.push, rig.cabinet.pull, rig.cabinet.jam, rig.cabinet.free):
        with pytest.raises(NotFoundError):
            act("Z99")


def test_the_same_seed_gives_the_same_bytes_at_the_same_time() -> None:
    def story() -> list[tuple[float, bytes]]:
        rig, seen = Rig(), []
        for unit in (1, 2, 3, 4):
            rig.ask(1, relay.pulse(unit, 400))
            rig.wait(2)
            seen += [(reply.starts_s, reply.data) for reply in rig.send("030400010002 21E9")]
            rig.wait(1)
        return seen

    assert story() == story()
    assert story()


def test_the_witness_file_is_only_ever_appended(tmp_path: Path) -> None:
    path = tmp_path / "witness.jsonl"
    for line in ('{"run": 1}', '{"run": 2}'):
        file = WitnessFile(path)
        file(line)
        file.close()
    assert path.read_text().splitlines() == ['{"run": 1}', '{"run": 2}']
