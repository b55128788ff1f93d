"""Which scene passes which failpoint how often when nobody is killed; what a kill is drawn from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from linli.drill.forked.arms import Arm
from linli.drill.forked.doorscenes import DOOR_SCENES
from linli.drill.forked.ground import Ground
from linli.drill.forked.hubscenes import HUB_SCENES
from linli.drill.forked.run import Arms, Run, Scene

SCENES: tuple[Scene, ...] = (*DOOR_SCENES, *HUB_SCENES)
_SEEDS = (1, 2)
_ANY_UP_TO = 90
_MORE, _OTHER = (0.8, 0.6, 0.4), 0.4
"""Shares of runs in which the struck program is struck once more, and the other one too."""


@dataclass(slots=True)
class Survey:
    """`program/failpoint` → scene → passings."""

    passings: dict[str, dict[str, int]] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)

    def look(self, ground: Ground, scenes: Sequence[Scene]) -> None:
        """Live scenes undisturbed."""
        for scene in scenes:
            for seed in _SEEDS:
                outcome = Run(ground, scene, seed, undisturbed(scene)).live()
                self.violations += [f"{scene.name}, undisturbed: {one}" for one in outcome.found]
                for place, count in outcome.passed.items():
                    found = self.passings.setdefault(place, {})
                    found[scene.name] = max(count, found.get(scene.name, 0))

    def add(self, other: "Survey") -> None:
        """Take over what another process saw of other scenes."""
        self.violations += other.violations
        for place, found in other.passings.items():
            self.passings.setdefault(place, {}).update(found)

    def draw(self, place: str, rng: Random) -> tuple[Scene, Arms]:
        """Draw a scene that passes `place`, and where else it is struck."""
        found = self.passings[place]
        name = rng.choice(sorted(found))
        scene = next(one for one in SCENES if one.name == name)
        program, _, failpoint = place.partition("/")
        first = Arm(failpoint, rng.randint(1, found[name]))
        return scene, _arms(scene, program, first, rng)


def undisturbed(scene: Scene) -> Arms:
    """Return the arms of a scene that nobody strikes: only the death it is about."""
    return Arms((scene.first,) if scene.first else ())


def _arms(scene: Scene, program: str, drawn: Arm, rng: Random) -> Arms:
    station, hub = list(undisturbed(scene).station), list[Arm]()
    own, other = (station, hub) if program == "daemon" else (hub, station)
    own.append(drawn)
    for share in _MORE:
        if rng.random() >= share:
            break
        own.append(_any(rng))
    if rng.random() < _OTHER and scene.play is not None:
        other.append(_any(rng))
    return Arms(tuple(station), tuple(hub))


def _any(rng: Random) -> Arm:
    return Arm("", rng.randint(1, _ANY_UP_TO))
