"""Which scene passes which failpoint how often when nobody is killed; what a kill is drawn from."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random

from common.kit.chance import seeded_chance
from linli.drill.forked.arms import Arm
from linli.drill.forked.doorscenes import DOOR_SCENES
from linli.drill.forked.ground import Ground
from linli.drill.forked.hubscenes import HUB_SCENES
from linli.drill.forked.paperscenes import PAPER_SCENES
from linli.drill.forked.run import Arms, Run, Scene

Passings = dict[str, dict[str, int]]
"""Scene → `program/failpoint` → how often."""
_FILE = Path(__file__).parent / "passings.json"
SCENES: tuple[Scene, ...] = (*DOOR_SCENES, *HUB_SCENES, *PAPER_SCENES)
_SEEDS = (1, 2)
_ANY_UP_TO = 90
_MORE, _OTHER = (0.9, 0.8, 0.6, 0.5), 0.5
"""Shares of runs in which the struck program is struck once more, and the other one too."""


def surveyed(ground: Ground, say: Callable[[str], None]) -> Passings:
    """Live every scene undisturbed; ValueError when that breaks a promise already."""
    lives: dict[str, list[Counter[str]]] = {}
    for scene in SCENES:
        for seed in _SEEDS:
            outcome = Run(ground, scene, seed, undisturbed(scene)).live()
            if outcome.found:
                raise ValueError(f"{scene.name}, undisturbed: {outcome.found}")
            lives.setdefault(scene.name, []).append(outcome.passed)
        say(f"{scene.name}: {len(lives[scene.name][0])} failpoints")
    return kept(lives)


def kept(lives: Mapping[str, Sequence[Mapping[str, int]]]) -> Passings:
    """Return how often each scene passes what; what some scene surely passes is left to chance in none."""
    certain = {
        name: {place for place in passed[0] if all(one.get(place) for one in passed)}
        for name, passed in lives.items()
    }
    somewhere = set().union(*certain.values())
    return {
        name: {
            place: max(one.get(place, 0) for one in passed)
            for place in sorted(set().union(*passed))
            if place in certain[name] or place not in somewhere
        }
        for name, passed in lives.items()
    }


def passings() -> Passings:
    """Return what was surveyed last: `python -m linli.drill.forked` writes it anew."""
    found: Passings = json.loads(_FILE.read_text(encoding="utf-8"))
    return found


def written(found: Passings) -> str:
    """Return the file's text, a line a scene."""
    lines = [f"{json.dumps(name)}: {json.dumps(found[name], sort_keys=True)}" for name in found]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def draw(place: str, scenes: Sequence[Scene], seed: int) -> tuple[Scene, Arms] | None:
    """Draw a scene that passes `place`, and where else it is struck; None when none of them does."""
    rng, known = seeded_chance(f"{seed}|plan").jitter, passings()
    pairs = [(one, known[one.name][place]) for one in scenes if place in known[one.name]]
    if not pairs:
        return None
    scene, most = rng.choice(pairs)
    program, _, failpoint = place.partition("/")
    return scene, _arms(scene, program, Arm(failpoint, rng.randint(1, most)), rng)


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
