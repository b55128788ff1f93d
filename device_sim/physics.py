"""Everything in the cabinet that is not electronics: locks, doors, air, in the order of time.

`advance(to_s)` lets everything happen up to a moment and hands each door movement and burnt coil to
`saw`.
"""

from collections.abc import Callable, Mapping, Sequence

from device_sim.lock import Burn, Lock, Movement
from device_sim.sensors import Sensors
from device_sim.zone import Air, Zone


class Physics:
    """Locks by (board, channel), zones by name; times are the wire's monotonic seconds."""

    def __init__(
        self,
        locks: Sequence[Lock],
        zones: Mapping[str, Zone],
        zone_of: Mapping[str, str],
        *,
        contacts: Mapping[tuple[int, int], tuple[int, int]],
        start_s: float,
        clock_factor: float,
        saw: Callable[[Movement | Burn], None],
    ) -> None:
        """`zone_of` tells each door's zone by label, `contacts` which lock an input (board, channel) senses.

        `clock_factor` speeds the air, never locks or wire.
        """
        self.locks = {(lock.board, lock.channel): lock for lock in locks}
        self.zones = zones
        self._contacts = {place: self.locks[wire] for place, wire in contacts.items()}
        self.switches: dict[tuple[int, int], bool] = {}
        """Inputs (board, channel) that are no door's contact, and whether each is closed."""
        self.now_s = start_s
        self.sensors = Sensors()
        self._doors_of = {
            zone: [lock for lock in locks if zone_of.get(lock.label or "") == zone]
            for zone in zones
        }
        self._clock_factor, self._saw = clock_factor, saw

    def lock(self, board: int, channel: int) -> Lock:
        """Return the lock of a relay channel."""
        return self.locks[board, channel]

    def contact(self, board: int, channel: int) -> Lock | None:
        """Return the lock whose door an input senses; None: nothing is wired to it."""
        return self._contacts.get((board, channel))

    def senses_open(self, board: int, channel: int, at_s: float | None = None) -> bool:
        """Return what an input reads now, or will at `at_s` if nobody interferes; nothing wired reads shut."""
        lock = self.contact(board, channel)
        return lock is not None and lock.senses_open(self.now_s if at_s is None else at_s)

    @property
    def outside(self) -> Air:
        """Return the air around the cabinet."""
        return next(iter(self.zones.values())).outside

    def set_outside(self, outside: Air) -> None:
        """Change the weather from the moment reached."""
        for zone in self.zones.values():
            zone.set_outside(outside)

    def next_event_s(self) -> float:
        """Return when something happens by itself, or infinity."""
        return min(lock.next_event_s() for lock in self.locks.values())

    def advance(self, to_s: float) -> float:
        """Let everything up to `to_s` happen.

        Return the moment reached (a moment already past changes nothing).
        """
        while True:
            lock = min(self.locks.values(), key=Lock.next_event_s)
            at_s = lock.next_event_s()
            if at_s > to_s:
                break
            self._pass_air(at_s)
            event = lock.step()
            if event is not None:
                self._saw(event)
        self._pass_air(to_s)
        return self.now_s

    def push(self, lock: Lock, at_s: float) -> bool:
        """Shut a door by hand, or lean on a shut one; tell whether it moved at once."""
        now_s, was_open = self.advance(at_s), lock.is_open
        self._by_hand(lock.push(now_s))
        self.advance(now_s)  # a frozen door gives way in the same moment
        return lock.is_open is not was_open

    def pull(self, lock: Lock, at_s: float) -> bool:
        """Force a door open; tell whether it moved."""
        return self._by_hand(lock.pull(self.advance(at_s)))

    def open_doors(self, zone: str) -> int:
        """Return how many doors of a zone stand open."""
        return sum(lock.is_open for lock in self._doors_of[zone])

    def _by_hand(self, movement: Movement | None) -> bool:
        if movement is not None:
            self._saw(movement)
        return movement is not None

    def _pass_air(self, to_s: float) -> None:
        seconds = (to_s - self.now_s) * self._clock_factor
        if seconds <= 0:
            return
        for zone in self.zones.values():
            open_doors, gaps = 0, 0.0
            for lock in self._doors_of[zone.name]:  # on every frame: one plain pass
                if lock.is_open:
                    open_doors += 1
                elif lock.gap:
                    gaps += lock.gap
            zone.pass_time(seconds, open_doors, gaps)
        self.now_s = to_s
