"""A scripted day on a cabinet in memory: who comes when, what they leave, and that one step is as good as many."""

import itertools
import json
from datetime import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_sim.lock import Cause
from device_sim.scenario_config import Scenario, WeatherSection
from device_sim.script import Script, begin, faster, load_scenario
from device_sim.weather import Weather
from device_sim.zone import Air
from firmware_protocols import waveshare_relay as relay
from tests.device_sim.cabinets import ROOT, Rig, config

EXAMPLES = sorted((ROOT / "cabinets/scenarios").glob("*.toml"))
HOUR_S = 3600


def play(factor: float = 60.0, **sections: object) -> Rig:
    """Return a cabinet on which a day begins at 06:00, 60 times as fast as the wire."""
    head = {"name_zh": "一天", "name_en": "a day", "clock_factor": factor}
    scenario = Scenario.model_validate({"scenario": head, **sections})
    rig = Rig(clock_factor=factor)
    Script(scenario, rig.cabinet)
    return rig


def until(rig: Rig, hours: float) -> None:
    """Let the day pass to so many hours after 06:00."""
    rig.clock.now_s = 1000.0 + hours * HOUR_S / rig.cabinet.config.cabinet.clock_factor
    rig.cabinet.settle_now()


def acts(rig: Rig) -> list[str]:
    lines = [json.loads(line) for line in rig.lines]
    return [f"{one['act']} {one['target']}" for one in lines if one["what"] == "script"]


def test_somebody_opens_stays_and_shuts() -> None:
    rig = play(visit=[{"at": "08:00", "door": "A03", "stays_s": 60}])
    until(rig, 1.99)
    assert rig.cabinet.witness.movements == []
    until(rig, 3)
    opened, shut = rig.cabinet.witness.movements
    assert (opened.label, opened.open, opened.cause) == ("A03", True, Cause.PULLED)
    assert opened.at_s == pytest.approx(1000 + 120)
    assert shut.cause is Cause.PUSHED
    assert shut.at_s == pytest.approx(opened.at_s + 1)
    assert acts(rig) == ["resident_opens A03", "resident_leaves_shut A03"]


def test_a_door_left_open_is_shut_later_and_warms_the_zone_until_then() -> None:
    rig = play(visit=[{"at": "08:00", "door": "A03", "leaves": "open", "tidied_min": 30}])
    until(rig, 2.45)
    assert rig.door("A03")[0]
    assert rig.cabinet.state().zones[0].temperature_c > 12
    until(rig, 2.6)
    assert not rig.door("A03")[0]
    assert acts(rig)[-1] == "somebody_shuts A03"


def test_nobody_tidies_where_none_is_said_to() -> None:
    rig = play(visit=[{"at": "08:00", "door": "A03", "leaves": "open", "tidied_min": 0}])
    until(rig, 20)
    assert rig.door("A03")[0]


def test_a_door_left_ajar_shows_open_until_it_is_tidied() -> None:
    rig = play(visit=[{"at": "08:00", "door": "A03", "leaves": "ajar", "tidied_min": 30}])
    until(rig, 2.4)
    door = next(one for one in rig.cabinet.state().doors if one.label == "A03")
    assert (door.open, door.ajar, door.shows_open) == (False, True, True)
    until(rig, 2.6)
    door = next(one for one in rig.cabinet.state().doors if one.label == "A03")
    assert (door.open, door.ajar, door.shows_open) == (False, False, False)


def test_goods_are_put_and_taken() -> None:
    rig = play(
        visit=[
            {"at": "07:00", "door": "A03", "goods": "put"},
            {"at": "09:00", "door": "A03", "goods": "take"},
        ]
    )
    until(rig, 2)
    assert rig.cabinet.physics.lock(1, 2).holds_goods
    until(rig, 4)
    assert not rig.cabinet.physics.lock(1, 2).holds_goods


def test_who_waits_for_the_station_acts_when_the_pulse_comes() -> None:
    visit = {"at": "06:10", "door": "A04", "opens": "by_pulse", "waits_s": 600, "stays_s": 30}
    rig = play(1.0, visit=[visit])
    rig.wait(700)
    rig.ask(1, relay.pulse(3, 400))
    rig.wait(60)
    rig.cabinet.settle_now()
    opened, shut = rig.cabinet.witness.movements
    assert opened.cause is Cause.PULSE
    assert shut.at_s == pytest.approx(opened.at_s + 30)
    assert acts(rig) == ["resident_waits A04", "resident_opens A04", "resident_leaves_shut A04"]


def test_who_waits_in_vain_goes_away_and_later_pulses_are_nobodys() -> None:
    visit = {"at": "06:10", "door": "A04", "opens": "by_pulse", "waits_s": 60}
    rig = play(1.0, visit=[visit])
    rig.wait(700)
    rig.ask(1, relay.pulse(3, 400))
    rig.wait(60)
    assert acts(rig) == ["resident_waits A04", "resident_goes_away A04"]
    assert rig.door("A04")[0]


@pytest.mark.parametrize("pushes", [True, False])
def test_a_frozen_door_wants_somebody_who_pushes(pushes: bool) -> None:
    visit = {"at": "06:10", "door": "A04", "opens": "by_pulse", "waits_s": 600, "pushes": pushes}
    frozen = {"at": "06:00", "what": {"kind": "frozen", "target": "A04"}}
    rig = play(1.0, visit=[visit], fault=[frozen])
    rig.wait(700)
    rig.ask(1, relay.pulse(3, 400))
    rig.wait(5)
    assert rig.door("A04")[0] is pushes


def test_a_latch_that_does_not_catch_yet_is_pushed_again() -> None:
    """One second of stay is over before the pulse of 5 s is: the latch catches at the third push or later."""
    visit = {"at": "06:10", "door": "A04", "opens": "by_pulse", "waits_s": 600, "stays_s": 0.5}
    rig = play(1.0, visit=[visit])
    rig.wait(700)
    rig.ask(1, relay.pulse(3, 1400))
    rig.wait(5)
    assert not rig.door("A04")[0]


def test_a_jammed_door_is_given_up() -> None:
    jam = {"at": "06:00", "what": {"kind": "jam", "target": "A03"}}
    rig = play(visit=[{"at": "08:00", "door": "A03"}], fault=[jam])
    until(rig, 3)
    assert acts(rig) == ["fault_jam A03", "resident_cannot_open A03"]


def test_a_keeper_goes_from_door_to_door() -> None:
    round_ = {"at": "06:30", "zone": "chilled", "stays_s": 30, "between_s": 15, "goods": "put"}
    rig = play(keeper_round=[round_])
    until(rig, 1)
    opened = [one for one in rig.cabinet.witness.movements if one.open]
    assert [one.label for one in opened] == [f"A{n:02d}" for n in range(1, 9)]
    steps = {round((b.at_s - a.at_s) * 60) for a, b in itertools.pairwise(opened)}
    assert steps == {45}
    assert [door.label for door in rig.cabinet.state().doors if door.goods] == [
        one.label for one in opened
    ]


def test_a_crowd_comes_in_its_hours_and_the_same_seed_draws_the_same() -> None:
    crowd = {"begins": "17:00", "ends": "20:00", "visits": 30, "zone": "ambient", "open_share": 0.3}

    def story() -> list[tuple[float, str, bool]]:
        rig = play(crowd=[crowd])
        until(rig, 23)
        return [(one.at_s, one.label, one.open) for one in rig.cabinet.witness.movements]

    first = story()
    assert first == story()
    opened = [(at_s, label) for at_s, label, is_open in first if is_open]
    assert 20 < len(opened) <= 30  # who finds a door open uses it
    assert all(label.startswith("B") for _, label in opened)
    assert all(11 * 60 <= at_s - 1000 <= 14 * 60 for at_s, _ in opened)


def test_the_crowd_of_another_seed_and_of_another_day_is_another() -> None:
    crowd = {"begins": "17:00", "ends": "20:00", "visits": 5}
    head = {"name_zh": "日", "name_en": "day", "clock_factor": 60, "days": 2}

    def opened(seed: int) -> list[float]:
        rig = Rig(clock_factor=60.0)
        given = {"scenario": {**head, "seed": seed}, "crowd": [crowd]}
        Script(Scenario.model_validate(given), rig.cabinet)
        until(rig, 49)
        return [one.at_s - 1000 for one in rig.cabinet.witness.movements if one.open]

    first = opened(1)
    day = 24 * 60
    assert [round(at_s, 3) for at_s in first if at_s < day] != [
        round(at_s - day, 3) for at_s in first if at_s > day
    ]
    assert first != opened(2)


def test_mains_and_faults_come_and_go_at_their_time() -> None:
    rig = play(
        power_cut=[{"at": "07:00", "for_min": 30}],
        fault=[{"at": "08:00", "for_min": 10, "what": {"kind": "jam", "target": "A01"}}],
    )
    seen = []
    for hours in (0.9, 1.1, 1.6, 2.1, 2.3):
        until(rig, hours)
        seen.append([fault.kind for fault in rig.cabinet.state().faults])
        assert rig.cabinet.state().has_mains is (seen[-1] != ["power_cut"])
    assert seen == [[], ["power_cut"], [], ["jam"], []]


def test_the_weather_reaches_the_zones() -> None:
    rig = play(
        weather=[
            {"at": "06:00", "outside_c": 10.0},
            {"at": "18:00", "outside_c": 30.0},
        ]
    )
    until(rig, 6)
    assert rig.cabinet.state().outside_c == pytest.approx(20.0, abs=0.2)
    until(rig, 12)
    assert rig.cabinet.state().outside_c == pytest.approx(30.0, abs=0.2)
    ambient = rig.cabinet.state().zones[1].temperature_c
    assert 15 < ambient < 30  # it follows behind


def test_the_weather_goes_straight_from_point_to_point_around_midnight() -> None:
    points = [
        WeatherSection.model_validate({"at": at, "outside_c": celsius, "outside_pct": pct})
        for at, celsius, pct in (("18:00", 30, 40), ("06:00", 10, 80))
    ]
    subject = Weather(points, Air(24, 60))
    assert subject.at(6 * HOUR_S) == Air(10, 80)
    assert subject.at(12 * HOUR_S) == Air(20, 60)
    assert subject.at(0) == Air(20, 60)
    assert subject.at(24 * HOUR_S - 1).temperature_c == pytest.approx(20, abs=0.01)
    assert subject.at(30 * HOUR_S) == Air(10, 80)
    assert Weather([], Air(24, 60)).at(5) == Air(24, 60)
    assert list(Weather([], Air(24, 60)).steps()) == []


def test_the_state_tells_how_far_the_day_is() -> None:
    rig = play(visit=[{"at": "08:00", "door": "A03"}])
    until(rig, 12)
    story = rig.cabinet.state().scenario
    assert story is not None
    assert (story.name_en, story.day, story.days) == ("a day", 1, 1)
    assert story.time_of_day == "18:00"
    assert story.done == pytest.approx(0.5)
    assert [(one.time_of_day, one.what) for one in story.notes] == [
        ("08:00:20", "resident_leaves_shut"),
        ("08:00:00", "resident_opens"),
    ]
    until(rig, 25)
    story = rig.cabinet.state().scenario
    assert story is not None
    assert story.done == 1.0
    assert story.notes[0].what == "over"
    assert rig.cabinet.agenda.next_s() > 1e300


def test_days_go_on_when_asked() -> None:
    head = {"name_zh": "日", "name_en": "day", "clock_factor": 60, "days": 0}
    rig = Rig(clock_factor=60.0)
    given = {"scenario": head, "visit": [{"at": "08:00", "door": "A03"}]}
    Script(Scenario.model_validate(given), rig.cabinet)
    until(rig, 24 * 5)
    assert len(rig.cabinet.witness.movements) == 10
    story = rig.cabinet.state().scenario
    assert story is not None
    assert story.done is None


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_one_step_is_as_good_as_many(path: Path) -> None:
    """A whole day at once leaves the same witness, line by line, and the same air as a look every second."""
    file = load_scenario(path, {})
    stories = []
    for step_s in (1440.0, 1.0):
        rig = Rig(faster(config(), file))
        begin(file, rig.cabinet)
        for _ in range(round(1440 / step_s)):
            rig.wait(step_s)
            rig.cabinet.settle_now()
        zones = [zone.temperature_c for zone in rig.cabinet.state().zones]
        stories.append((rig.lines, zones))
    (once, once_c), (often, often_c) = stories
    assert once == often
    assert once_c == pytest.approx(often_c, abs=0.02)
    assert len(once) > 20


CLOCKS = st.times(max_value=time(23, 59)).map(lambda t: t.replace(microsecond=0))
DOORS = st.sampled_from(["A01", "A02", "B01"])
VISITS = st.fixed_dictionaries(
    {"at": CLOCKS, "door": DOORS, "stays_s": st.floats(1, 3000)},
    optional={
        "leaves": st.sampled_from(["shut", "ajar", "open"]),
        "tidied_min": st.floats(0, 600),
        "goods": st.sampled_from(["put", "take"]),
        "opens": st.sampled_from(["by_hand", "by_pulse"]),
    },
)
DOOR_FAULTS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(
            ["jam", "frozen", "bouncing", "ajar", "reversed_polarity", "contact_stuck"]
        ),
        "target": DOORS,
    }
)
RELAYS = st.fixed_dictionaries(
    {
        "kind": st.just("stuck_relay"),
        "target": DOORS,
        "contact": st.sampled_from(["open", "closed"]),
    }
)
MACHINES = st.fixed_dictionaries(
    {"kind": st.sampled_from(["compressor_off", "defrost_stuck"]), "target": st.just("chilled")}
)
FAULTS = st.fixed_dictionaries(
    {"at": CLOCKS, "what": st.one_of(DOOR_FAULTS, RELAYS, MACHINES)},
    optional={"for_min": st.floats(0.1, 1440)},
)
CUTS = st.fixed_dictionaries({"at": CLOCKS, "for_min": st.floats(1, 600)})


@settings(max_examples=40)
@given(
    st.lists(VISITS, max_size=4),
    st.lists(FAULTS, max_size=4),
    st.lists(CUTS, max_size=2),
    st.sampled_from([1.0, 60.0, 10_000.0]),
    st.integers(2, 40),
)
def test_any_day_is_the_same_in_one_step_or_in_many(
    visits: list[object], faults: list[object], cuts: list[object], factor: float, steps: int
) -> None:
    """Whatever is written in the file: the same witness, the same doors and the same air."""
    stories = []
    for count in (1, steps):
        rig = play(factor, visit=visits, fault=faults, power_cut=cuts)
        for step in range(1, count + 1):
            until(rig, 30 * step / count)
        state = rig.cabinet.state()
        stories.append((rig.lines, state.doors, state.zones))
    (once, once_doors, once_air), (often, often_doors, often_air) = stories
    assert once == often
    assert once_doors == often_doors
    for zone, again in zip(once_air, often_air, strict=True):
        assert zone.temperature_c == pytest.approx(again.temperature_c, abs=0.02)
        assert zone.goods_c == pytest.approx(again.goods_c, abs=0.02)
