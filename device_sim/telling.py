"""Lets boards that speak up tell of a contact that shows something else than they told last."""

from collections.abc import Callable, Mapping
from functools import partial

from device_sim.agenda import Agenda
from device_sim.board import Answer, Board, SpeaksUp
from device_sim.contact import BOUNCE_PERIOD_S
from device_sim.lock import Lock

CHATTERS_TOLD = 3
"""How many changes of a bouncing contact are told before it is at rest."""


class Telling:
    """What each board has told of its doors; all are shut at the start."""

    def __init__(
        self,
        boards: Mapping[int, Board],
        sensors: Mapping[str, tuple[int, int]],
        agenda: Agenda,
        say: Callable[[int, Answer, float], None],
    ) -> None:
        """`sensors` tells unit and input of each door; `say(unit, answer, at_s)` puts words on its line."""
        self._boards, self._sensors, self._agenda, self._say = boards, sensors, agenda, say
        self._told_open: dict[str, bool] = {}

    def look(self, lock: Lock, at_s: float) -> None:
        """Look at a door's contact now."""
        label = lock.label or ""
        unit, channel = self._sensors[label]
        board = self._boards[unit]
        shows_open = lock.senses_open(at_s)
        if shows_open is self._told_open.get(label, False):
            return
        self._told_open[label] = shows_open
        if isinstance(board, SpeaksUp) and (said := board.moved(channel, is_open=shows_open)):
            self._say(unit, said, at_s)

    def moved(self, lock: Lock, at_s: float) -> None:
        """Look after a movement, and again while the contact bounces."""
        self.look(lock, at_s)
        bounce_s = lock.contact.bounce_s
        looks_s = [BOUNCE_PERIOD_S * (0.75 + n / 2) for n in range(CHATTERS_TOLD)]
        for after_s in [*looks_s, bounce_s] if bounce_s else ():
            self._agenda.add(at_s + after_s, partial(self.look, lock))
