"""Plays a scenario on a cabinet: notes everything of a day in its agenda, one day at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from functools import partial
from pathlib import Path

from common.kit.chance import seeded_chance
from common.kit.config import key_lines, load_toml
from common.kit.errors import ConfigError, LinliError
from device_sim.cabinet import Cabinet
from device_sim.config import CabinetConfig
from device_sim.faults import Fault
from device_sim.iron_faults import PowerCut
from device_sim.people import People, Visit
from device_sim.scenario_config import (
    CrowdSection,
    KeeperRoundSection,
    Leaves,
    Places,
    Scenario,
    seconds_of,
)
from device_sim.state import NoteState, StoryState
from device_sim.weather import DAY_S, Weather
from device_sim.zone import Air

NOTES_KEPT = 30
NOTHING_S = 1e-3
"""What a float may lack of a full second."""
Planned = tuple[float, Callable[[float], None]]
"""Seconds after the day's beginning, and what happens then at a moment of the wire."""
KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class ScenarioFile:
    """A scenario and where it stands, to name its lines."""

    path: Path
    scenario: Scenario


def load_scenario(path: Path, env: Mapping[str, str]) -> ScenarioFile:
    """Read the scenario file; ConfigError names file, line, key and the nearest valid key."""
    return ScenarioFile(path, load_toml(Scenario, path, env))


def faster(cabinet: CabinetConfig, file: ScenarioFile) -> CabinetConfig:
    """Return the cabinet with the clock factor that the scenario asks for."""
    if (factor := file.scenario.scenario.clock_factor) is None:
        return cabinet
    section = cabinet.cabinet.model_copy(update={"clock_factor": factor})
    return cabinet.model_copy(update={"cabinet": section})


def begin(file: ScenarioFile, cabinet: Cabinet) -> "Script":
    """Let the scenario begin; ConfigError names every line that asks for what this cabinet has not."""
    if found := list(_misfits(file.scenario, cabinet)):
        lines = key_lines(file.path.read_text(encoding="utf-8"))
        sentences = [_sentence(file.path, lines, keys, said) for keys, said in found]
        raise ConfigError("config.invalid", "\n".join(sentences), file=str(file.path))
    return Script(file.scenario, cabinet)


class Script:
    """One scenario on one cabinet, from now on."""

    def __init__(self, scenario: Scenario, cabinet: Cabinet) -> None:
        """Begin: the first day is noted in the cabinet's agenda."""
        section = scenario.scenario
        self._scenario, self._cabinet, self._section = scenario, cabinet, section
        housing = cabinet.config.cabinet
        self._factor = housing.clock_factor
        self._weather = Weather(scenario.weather, Air(housing.ambient_c, housing.ambient_pct))
        self._people = People(cabinet, self._factor, self._note)
        self._notes: list[tuple[float, str, str]] = []
        self._starts_s = cabinet.settle_now()
        cabinet.story = self.state
        self._begin_day(0, self._starts_s)

    def state(self, at_s: float) -> StoryState:
        """Return how far the day is and what happened last."""
        passed_s = (at_s - self._starts_s) * self._factor
        all_s = self._section.days * DAY_S
        return StoryState(
            name_zh=self._section.name_zh,
            name_en=self._section.name_en,
            day=int(passed_s // DAY_S) + 1,
            days=self._section.days,
            time_of_day=self._time_of_day(at_s)[:5],
            done=min(1.0, passed_s / all_s) if all_s else None,
            notes=tuple(
                NoteState(time_of_day=self._time_of_day(noted_s), what=what, target=target)
                for noted_s, what, target in reversed(self._notes)
            ),
        )

    def _begin_day(self, day: int, at_s: float) -> None:
        if self._section.days and day >= self._section.days:
            self._note(at_s, "over", "")
            return
        for after_s, act in sorted(self._day(day), key=lambda planned: planned[0]):
            self._cabinet.agenda.add(at_s + after_s / self._factor, act)
        self._cabinet.agenda.add(at_s + DAY_S / self._factor, partial(self._begin_day, day + 1))

    def _day(self, day: int) -> Iterator[Planned]:
        yield from self._outside()
        for number, crowd in enumerate(self._scenario.crowd):
            yield from self._crowd(crowd, f"{self._section.seed}|{day}|{number}")
        for one in self._scenario.visit:
            visit = Visit("resident", one.door, one.stays_s, one.leaves, one)
            yield self._after(seconds_of(one.at)), partial(self._people.come, visit)
        for keeper in self._scenario.keeper_round:
            yield from self._round(keeper)
        for cut in self._scenario.power_cut:
            yield self._fault(cut.at, cut.for_min, PowerCut(kind="power_cut"))
        for given in self._scenario.fault:
            yield self._fault(given.at, given.for_min, given.what)

    def _fault(self, at: time, for_min: float | None, fault: Fault) -> Planned:
        for_s = None if for_min is None else for_min * 60 / self._factor
        timed = fault.model_copy(update={"for_s": for_s})
        return self._after(seconds_of(at)), partial(self._lay, timed)

    def _outside(self) -> Iterator[Planned]:
        for time_s in self._weather.steps():
            yield self._after(time_s), partial(self._set_outside, self._weather.at(time_s))

    def _set_outside(self, air: Air, _at_s: float) -> None:
        self._cabinet.set_outside(air)

    def _crowd(self, crowd: CrowdSection, seed: str) -> Iterator[Planned]:
        chance = seeded_chance(f"scenario|{seed}").jitter
        begins_s = seconds_of(crowd.begins)
        lasts_s = (seconds_of(crowd.ends) - begins_s) % DAY_S
        doors = places(crowd, self._cabinet.config)
        for _ in range(crowd.visits):
            at_s = begins_s + chance.random() * lasts_s
            habit = chance.random()
            leaves = Leaves.SHUT
            if habit < crowd.open_share:
                leaves = Leaves.OPEN
            elif habit < crowd.open_share + crowd.ajar_share:
                leaves = Leaves.AJAR
            stays_s = chance.uniform(crowd.shortest_s, crowd.longest_s)
            visit = Visit("resident", chance.choice(doors), stays_s, leaves, crowd)
            yield self._after(at_s), partial(self._people.come, visit)

    def _round(self, keeper: KeeperRoundSection) -> Iterator[Planned]:
        at_s = self._after(seconds_of(keeper.at))
        for door in places(keeper, self._cabinet.config):
            visit = Visit("keeper", door, keeper.stays_s, Leaves.SHUT, keeper)
            yield at_s, partial(self._people.come, visit)
            at_s += keeper.stays_s + keeper.between_s

    def _lay(self, fault: Fault, at_s: float) -> None:
        self._cabinet.lay(fault, at_s)
        self._note(at_s, f"fault_{fault.kind}", str(fault.target))

    def _after(self, time_s: float) -> float:
        """Return how long after the day's beginning a time of the day comes."""
        return (time_s - seconds_of(self._section.begins)) % DAY_S

    def _time_of_day(self, at_s: float) -> str:
        passed_s = (at_s - self._starts_s) * self._factor
        seconds = int(seconds_of(self._section.begins) + passed_s + NOTHING_S) % round(DAY_S)
        return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"

    def _note(self, at_s: float, what: str, target: str) -> None:
        self._cabinet.witness.script(at_s, what, target)
        self._notes = [*self._notes, (at_s, what, target)][-NOTES_KEPT:]


def places(given: Places, config: CabinetConfig) -> Sequence[str]:
    """Return the doors that a section means, in the order of the cabinet file."""
    if given.doors:
        return given.doors
    return [door.label for door in config.door if given.zone in (None, door.zone)]


def _sentence(path: Path, lines: Mapping[KeyPath, int], keys: KeyPath, said: str) -> str:
    known = [lines[keys[:n]] for n in range(len(keys), 0, -1) if keys[:n] in lines]
    where = f" line {known[0]}" if known else ""
    return f"{path}{where}: `{'.'.join(map(str, keys))}`: {said}"


def _misfits(scenario: Scenario, cabinet: Cabinet) -> Iterator[tuple[KeyPath, str]]:
    labels = [door.label for door in cabinet.config.door]
    zones = [zone.name for zone in cabinet.config.zone]
    named: list[tuple[KeyPath, str]] = [
        (("visit", number, "door"), one.door) for number, one in enumerate(scenario.visit)
    ]
    several: dict[str, Sequence[Places]] = {
        "crowd": scenario.crowd,
        "keeper_round": scenario.keeper_round,
    }
    for name, sections in several.items():
        for number, places_ in enumerate(sections):
            named += [((name, number, "doors"), label) for label in places_.doors]
            if places_.zone is not None and places_.zone not in zones:
                yield (
                    (name, number, "zone"),
                    f"no zone {places_.zone!r}; there are {', '.join(zones)}",
                )
    for keys, label in named:
        if label not in labels:
            yield keys, f"no door {label!r}; there are {', '.join(labels)}"
    for number, given in enumerate(scenario.fault):
        try:
            cabinet.check(given.what)
        except LinliError as error:
            yield ("fault", number, "what"), error.detail
