"""One run: a scene lived to its end by people who go on, over programs that are killed on the way, then the proofs."""

import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType

from common.kit.chance import seeded_chance
from edge.config import StationConfig
from linli.drill.forked import proofs
from linli.drill.forked.arms import Arm
from linli.drill.forked.ground import Ground
from linli.drill.forked.hubside import BootedHub, ForkedHub
from linli.drill.forked.office import Office
from linli.drill.forked.pipe import Asking, Child, PipeEnd
from linli.drill.forked.stationside import Life, Site, live
from linli.drill.forked.table import Table
from linli.journey.story import Bought
from linli.world.loop import VirtualLoop, run_virtual

_LIVES = 8
_DOWN_S, _LONG_DOWN_S = (0.05, 3.0), (65.0, 130.0)
_LONG, _COLD = 0.1, 0.3


@dataclass(frozen=True, slots=True)
class Arms:
    """What each start of either program is armed with; starts beyond these are left alone."""

    station: tuple[Arm, ...] = ()
    hub: tuple[Arm, ...] = ()

    def __str__(self) -> str:
        """Say it in one line."""
        return f"daemon {' '.join(map(str, self.station)) or '-'}, hub {' '.join(map(str, self.hub)) or '-'}"


@dataclass(frozen=True, slots=True)
class Scene:
    """What people do in a run, and where its files come from."""

    name: str
    hub: str
    station: str | None
    play: Callable[["Run", Site], Awaitable[None]] | None
    before: Callable[["Run"], None] | None = None
    lay_out: Callable[["Run"], None] | None = None
    """Something done to the files first."""
    owes: Callable[["Run"], None] | None = None
    """The scene's own proofs, after those that always hold."""
    config: Callable[[StationConfig], StationConfig] | None = None
    first: Arm | None = None
    """The first life always dies here: the scene is about the second."""
    first_down_s: float | None = None
    """How long the machine is down after that."""
    later_s: float = 60.0
    forgets: bool = False
    """The station's disk may lack what the hub has heard: it is older, or damaged."""


@dataclass(slots=True)
class Outcome:
    """What a run came to."""

    seed: int
    scene: str
    arms: Arms
    found: list[str]
    deaths: list[str]
    """`program/failpoint` of each kill."""
    passed: Counter[str] = field(default_factory=Counter)
    """`program/failpoint` → passings of the lives that came to their end."""


class Run:
    """Everything of one run; the station's process has a copy as of its start."""

    def __init__(
        self,
        ground: Ground,
        scene: Scene,
        seed: int,
        arms: Arms,
        booted: Mapping[str, BootedHub] = MappingProxyType({}),
    ) -> None:
        """Lay the files out; nothing runs yet. `booted`: hubs that are up already, by image."""
        self.ground, self.scene, self.seed, self.arms = ground, scene, seed, arms
        self.rng = seeded_chance(f"{seed}|people").jitter
        self.hasty = (self.rng.random() < 0.5, self.rng.random() < 0.5)
        """Keeper and resident."""
        self._chance = seeded_chance(f"{seed}|downtimes").jitter
        ground.lay_out(scene.hub, scene.station)
        image = ground.images[scene.hub]
        newest_s = max(one.at_s for one in ground.images.values())
        self.hub = ForkedHub(ground, seed, arms.hub, booted.get(scene.hub))
        self.table = Table(ground, seed, self.hub, newest_s + scene.later_s, image.inside)
        self.office = Office(self.table, f"{seed}")
        self.config = ground.station_config
        if scene.config is not None:
            self.config = scene.config(self.config)
        self.grant_id = ""
        """The grant that a scene is about."""
        self.sheet: tuple[str, ...] = ()
        """The texts of the codes on a sheet that somebody took along."""
        self.bought: Bought
        """What a scene bought before the station came up."""
        self.started_s = self.table.now_s
        if scene.lay_out is not None:
            scene.lay_out(self)

    def live(self) -> Outcome:
        """Live it to its end."""
        outcome = Outcome(self.seed, self.scene.name, self.arms, self.table.found, [])
        try:
            if self.scene.before is not None:
                self.scene.before(self)
            if self.scene.play is not None:
                self._station_lives()
            outcome.passed.update(_named("hub", self.hub.passings()))
        except TimeoutError as error:
            self.table.on_violated(f"the hub: {error}")
        except Exception as error:  # noqa: BLE001 - one run that fails must not end the others
            self.table.on_violated(f"the drill failed: {error!r} {traceback.format_exc()[-600:]}")
        finally:
            self.hub.end()
        outcome.passed.update(_named("daemon", self.table.passed))
        outcome.deaths += [f"daemon/{name}" for name in self.table.deaths]
        outcome.deaths += [f"hub/{name}" for name in self.hub.deaths]
        self._prove()
        return outcome

    def _station_lives(self) -> None:
        arms, boot = list(self.arms.station), 1
        for number in range(1, _LIVES + 1):
            arm = arms.pop(0) if arms else None
            life = Life(self.seed, number, self.table.now_s, boot, arm)
            child = Child(partial(_station, self, life))
            try:
                if self.table.serve(child):
                    return
            finally:
                child.end()
            down = _LONG_DOWN_S if self._chance.random() < _LONG else _DOWN_S
            down_s, cold = self._chance.uniform(*down), self._chance.random() < _COLD
            if number == 1 and self.scene.first_down_s is not None:
                down_s, cold = self.scene.first_down_s, False
            self.table.let_pass(down_s)
            boot += cold
        self.table.on_violated("the daemon was never left alone")

    def _prove(self) -> None:
        scene, table = self.scene, self.table
        table.found += proofs.always(
            self.ground, table, self.started_s, plays=scene.play is not None,
            forgets=scene.forgets,
        )  # fmt: skip
        if scene.owes is not None:
            scene.owes(self)


def _station(run: Run, life: Life, pipe: PipeEnd) -> None:
    """Be the station for one life."""

    def main(loop: VirtualLoop) -> Awaitable[None]:
        assert run.scene.play is not None
        ask = Asking(pipe, loop.time)
        return live(loop, run.ground, run.config, life, ask, partial(run.scene.play, run))

    run_virtual(run.seed * 100 + life.number, main)  # type: ignore[arg-type] # a coroutine it is


def _named(program: str, counts: Mapping[str, int]) -> dict[str, int]:
    return {f"{program}/{name}": count for name, count in counts.items()}
