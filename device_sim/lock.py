"""One relay channel and what hangs on it: solenoid, latch and a door with a spring.

Nothing here asks for the time: every change is handed its moment, and what follows from it lies in
a queue of one event (`next_event_s`, `step`), so that hours pass in one call.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from device_sim.contact import Contact

PUSH_LASTS_S = 1.0
"""A hand that pushes a shut door stays on it for this long."""


class Cause(StrEnum):
    """Why a door moved."""

    PULSE = "pulse"
    PUSHED = "pushed"
    PULLED = "pulled"


class Weld(StrEnum):
    """A relay contact that no longer follows its coil."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class LockModel:
    """The figures of a latch: 12 V, 1.2 A, rated for pulses of 0.3..0.5 s."""

    release_s: float = 0.06
    """From current to the door leaving its sensor."""
    burn_after_s: float = 1.5
    """Seconds of current in one go that burn the solenoid."""
    recovery: float = 0.15
    """Seconds of current forgotten in each second without: what the duty cycle allows."""


@dataclass(frozen=True, slots=True)
class Movement:
    """A door that opened or shut."""

    at_s: float
    label: str
    board: int
    channel: int
    open: bool
    cause: Cause


@dataclass(frozen=True, slots=True)
class Burn:
    """A solenoid that is dead from now on."""

    at_s: float
    label: str
    board: int
    channel: int


class Lock:
    """A channel of a relay board; `label` is None where nothing is wired."""

    def __init__(self, board: int, channel: int, label: str | None, model: LockModel) -> None:
        """Start with the door shut and the coil cold."""
        self.board, self.channel, self.label = board, channel, label
        self.is_open = self.is_jammed = self.is_burnt = self.is_frozen = False
        self.gap = 0.0
        """Share of an open door that passes although the door is shut."""
        self.contact = Contact()
        self.holds_goods = False
        """Something lies behind the door."""
        self.relay_on = False
        self.weld: Weld | None = None
        self._model = model
        self._has_mains = True
        self._pushed_from_s = self._pushed_to_s = -math.inf
        self._flips_at_s = math.inf
        self._energised_s: float | None = None
        self._heat_s = 0.0
        self._heat_at_s = 0.0

    @property
    def is_energised(self) -> bool:
        """Tell whether current flows (and the latch is held back)."""
        return self._energised_s is not None

    def switch(self, on: bool, at_s: float, flips_at_s: float = math.inf) -> None:
        """Put the relay on or off; at `flips_at_s` the board's own timer turns it round."""
        self.relay_on, self._flips_at_s = on, flips_at_s
        self._follow(at_s)

    def set_weld(self, weld: Weld | None, at_s: float) -> None:
        """Weld the contact, or mend it with None."""
        self.weld = weld
        self._follow(at_s)

    def set_mains(self, *, on: bool, at_s: float) -> None:
        """Give the board its supply or take it away; a board that starts has every relay off."""
        self._has_mains = on
        if not on:
            self.relay_on, self._flips_at_s = False, math.inf
        self._follow(at_s)

    def push(self, at_s: float) -> Movement | None:
        """Shut the door by hand, or lean on a shut one for a second.

        A jammed one does not move, and while current flows the latch does not catch. A frozen one springs open when
        it is leaned on while current flows.
        """
        if not self.is_open:
            self.lean(at_s, at_s + PUSH_LASTS_S)
            return None
        if self.is_jammed or self.is_energised:
            return None
        return self._move(at_s, is_open=False, cause=Cause.PUSHED)

    def pull(self, at_s: float) -> Movement | None:
        """Force the door open without a pulse (crowbar, emergency release).

        A jammed one does not move.
        """
        if self.is_open or self.is_jammed:
            return None
        return self._move(at_s, is_open=True, cause=Cause.PULLED)

    def lean(self, from_s: float, to_s: float) -> None:
        """Push against the shut door from one moment to another."""
        self._pushed_from_s, self._pushed_to_s = from_s, to_s

    @property
    def is_ajar(self) -> bool:
        """Tell whether the door looks shut and is not."""
        return self.gap > 0 and not self.is_open

    def senses_open(self, at_s: float) -> bool:
        """Return what the contact shows at `at_s`, now or later if no hand and no fault interferes until then."""
        is_open = self.will_be_open(at_s)
        return self.contact.shows_open(
            is_open=is_open, is_ajar=self.gap > 0 and not is_open, at_s=at_s
        )

    def will_be_open(self, at_s: float) -> bool:
        """Tell whether the door will be open at `at_s` if no hand and no fault interferes until then."""
        return self.is_open or self._spring_s() <= min(at_s, self._flips_at_s, self._burn_s())

    def next_event_s(self) -> float:
        """Return when something happens by itself: timer, spring or burn.

        Infinity when nothing will.
        """
        if self._energised_s is None:
            return self._flips_at_s
        return min(self._flips_at_s, self._spring_s(), self._burn_s())

    def step(self) -> Movement | Burn | None:
        """Let the next event happen and return what a witness saw of it."""
        at_s = self.next_event_s()
        if at_s == self._spring_s():
            return self._move(at_s, is_open=True, cause=Cause.PULSE)
        if at_s == self._burn_s():
            self.is_burnt = True
            self._follow(at_s)
            return Burn(at_s, self.label or "", self.board, self.channel)
        self.switch(not self.relay_on, at_s)
        return None

    def _move(self, at_s: float, *, is_open: bool, cause: Cause) -> Movement:
        self.is_open = is_open
        self.contact.moved(at_s)
        return Movement(at_s, self.label or "", self.board, self.channel, is_open, cause)

    def _spring_s(self) -> float:
        if self._energised_s is None or self.is_open or self.is_jammed:
            return math.inf
        free_s = self._energised_s + self._model.release_s
        if not self.is_frozen:
            return free_s
        pushed_s = max(free_s, self._pushed_from_s)
        return pushed_s if pushed_s <= self._pushed_to_s else math.inf

    def _burn_s(self) -> float:
        if self._energised_s is None:
            return math.inf
        return self._heat_at_s + self._model.burn_after_s - self._heat_s

    def _follow(self, at_s: float) -> None:
        """Bring the current in line with the contact, keeping the account of heat."""
        closed = self.weld is Weld.CLOSED or (self.relay_on and self.weld is not Weld.OPEN)
        flows = closed and self._has_mains and not self.is_burnt and self.label is not None
        elapsed_s = at_s - self._heat_at_s
        self._heat_s += elapsed_s if self.is_energised else -elapsed_s * self._model.recovery
        self._heat_s, self._heat_at_s = max(0.0, self._heat_s), at_s
        if not flows:
            self._energised_s = None
        elif self._energised_s is None:
            self._energised_s = at_s
