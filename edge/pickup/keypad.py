"""What the keypad asks for, as the screen sees it: noted at each attempt, counted down by the monotonic clock."""

from common.contract.words import KeypadLevel
from common.kit.clock import Clock
from edge.access.limiter import Standing
from edge.pickup.views import KeypadView


class Keypad:
    """A copy of the limiter's standing in memory; the database has the last word at each attempt."""

    def __init__(self, clock: Clock) -> None:
        """Be open until something else is noted."""
        self._clock = clock
        self._locked_until_s = self._step_up_until_s = 0.0
        self._is_off = False

    def note(self, standing: Standing) -> None:
        """Take over how the limiter stands now."""
        now_s = self._clock.monotonic_s()
        self._locked_until_s = now_s + standing.wait_s
        self._step_up_until_s = now_s + standing.step_up_left_s
        self._is_off = standing.level is KeypadLevel.OFF

    def locked_for_s(self) -> int:
        """Return the seconds until the keypad takes a code again, 0: now."""
        return max(0, round(self._locked_until_s - self._clock.monotonic_s()))

    def view(self) -> KeypadView:
        """Return level and seconds to wait; no I/O."""
        locked_s = self.locked_for_s()
        if self._is_off and locked_s:
            return KeypadView(KeypadLevel.OFF, locked_s)
        steps_up = self._clock.monotonic_s() < self._step_up_until_s
        return KeypadView(KeypadLevel.STEP_UP if steps_up else KeypadLevel.NORMAL, locked_s)
