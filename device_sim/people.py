"""People of a scripted day: they come, open or wait, do something behind the door, and leave it as they use to."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from device_sim.cabinet import Cabinet
from device_sim.iron_faults import Ajar, Seen
from device_sim.lock import Cause, Movement
from device_sim.scenario_config import Goods, Leaves, Manners, Opens

AGAIN_S = 1.0
PUSHES = 5
"""Who finds that the latch does not catch (the pulse still flows) pushes again, so often."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One person at one door; seconds are the day's."""

    who: str
    door: str
    stays_s: float
    leaves: Leaves
    manners: Manners


@dataclass(slots=True)
class _Waiting:
    visit: Visit
    until_s: float


class People:
    """Carries out visits on a cabinet whose day passes `factor` times as fast as the wire."""

    def __init__(
        self, cabinet: Cabinet, factor: float, note: Callable[[float, str, str], None]
    ) -> None:
        """`note(at_s, what, door)` is told of everything they do."""
        self._cabinet, self._factor, self._note = cabinet, factor, note
        self._waiting: dict[str, list[_Waiting]] = {}
        cabinet.on_movement.append(self._moved)

    def come(self, visit: Visit, at_s: float) -> None:
        """Let somebody arrive at a door."""
        if visit.manners.opens is Opens.BY_HAND:
            moved = self._cabinet.pull(visit.door, at_s)
            if moved or self._is_open(visit.door):
                self._opened(visit, at_s)
            else:
                self._note(at_s, f"{visit.who}_cannot_open", visit.door)
            return
        until_s = at_s + visit.manners.waits_s / self._factor
        waiting = _Waiting(visit, until_s)
        self._waiting.setdefault(visit.door, []).append(waiting)
        if visit.manners.pushes:
            self._cabinet.lean(visit.door, at_s, until_s)
        self._note(at_s, f"{visit.who}_waits", visit.door)
        self._cabinet.agenda.add(until_s, partial(self._gives_up, waiting))

    def _moved(self, event: Movement) -> None:
        """Let the first who waits at a door that sprang open use it."""
        queue = self._waiting.get(event.label)
        if event.open and event.cause is Cause.PULSE and queue:
            self._opened(queue.pop(0).visit, event.at_s)

    def _gives_up(self, waiting: _Waiting, at_s: float) -> None:
        queue = self._waiting.get(waiting.visit.door, [])
        if waiting in queue:
            queue.remove(waiting)
            self._note(at_s, f"{waiting.visit.who}_goes_away", waiting.visit.door)

    def _opened(self, visit: Visit, at_s: float) -> None:
        self._note(at_s, f"{visit.who}_opens", visit.door)
        half_s = visit.stays_s / 2 / self._factor
        self._cabinet.agenda.add(at_s + half_s, partial(self._handle, visit))
        self._cabinet.agenda.add(at_s + 2 * half_s, partial(self._leave, visit))

    def _handle(self, visit: Visit, at_s: float) -> None:
        if visit.manners.goods is not Goods.NOTHING:
            there = visit.manners.goods is Goods.PUT
            self._cabinet.set_goods(visit.door, there=there, at_s=at_s)

    def _leave(self, visit: Visit, at_s: float) -> None:
        self._note(at_s, f"{visit.who}_leaves_{visit.leaves}", visit.door)
        tidied_s = visit.manners.tidied_min * 60 / self._factor or None
        if visit.leaves is Leaves.SHUT:
            self._push(visit.door, PUSHES, at_s)
        elif visit.leaves is Leaves.AJAR:
            gap = Ajar(kind="ajar", target=visit.door, shows=Seen.OPEN)
            self._cabinet.lay(gap.model_copy(update={"for_s": tidied_s}), at_s)
            self._push(visit.door, PUSHES, at_s)
        elif tidied_s is not None:
            self._cabinet.agenda.add(at_s + tidied_s, partial(self._tidy, visit.door))

    def _tidy(self, door: str, at_s: float) -> None:
        if self._is_open(door):
            self._note(at_s, "somebody_shuts", door)
            self._push(door, PUSHES, at_s)

    def _push(self, door: str, times: int, at_s: float) -> None:
        if self._is_open(door) and not self._cabinet.push(door, at_s) and times > 1:
            self._cabinet.agenda.add(at_s + AGAIN_S, partial(self._push, door, times - 1))

    def _is_open(self, door: str) -> bool:
        return self._cabinet.is_open(door)
