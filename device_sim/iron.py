"""Carries out the faults of iron: brings locks, contacts, sensors and machines in line with what lies on them now."""

from collections.abc import Callable, Mapping

from common.kit.errors import InvalidError, NotFoundError
from device_sim.board import Board
from device_sim.faults import FaultBook
from device_sim.iron_faults import (
    Ajar,
    Bouncing,
    CompressorOff,
    ContactStuck,
    DefrostStuck,
    DoorFault,
    Frozen,
    IronFault,
    Jam,
    PowerCut,
    ReversedPolarity,
    Seen,
    SensorFault,
    SensorJumping,
    SensorOffset,
    SensorShows,
    SensorStuck,
    StuckRelay,
    ZoneFault,
)
from device_sim.lock import Lock
from device_sim.physics import Physics
from device_sim.sensors import HasProbes, Trouble


class Iron:
    """What hands, ice, rust and the grid do to a cabinet."""

    def __init__(
        self,
        physics: Physics,
        lock_of: Callable[[str], Lock],
        boards: Mapping[int, Board],
        book: FaultBook,
    ) -> None:
        """`lock_of` finds a door's lock by its label or raises NotFoundError."""
        self._physics, self._lock_of, self._boards, self._book = physics, lock_of, boards, book

    def check(self, fault: IronFault) -> None:
        """Refuse a target that is not there (NotFoundError) or cannot have this fault (InvalidError)."""
        if isinstance(fault, DoorFault):
            self._lock_of(fault.target)
        elif isinstance(fault, SensorFault):
            self._check_sensor(fault)
        elif isinstance(fault, ZoneFault):
            zones = self._physics.zones
            if fault.target not in zones:
                detail = f"no zone {fault.target!r}; there are {', '.join(zones)}"
                raise NotFoundError("sim.unknown_zone", detail)
            if zones[fault.target].model.cooling is None:
                raise InvalidError("sim.not_cooled", f"zone {fault.target!r} has no machine")

    def follow(self, fault: IronFault, at_s: float) -> None:
        """Look at everything of this kind that lies on the same target, now that `fault` came or went."""
        lying = self._book.on(type(fault), fault.target)
        if isinstance(fault, DoorFault):
            self._follow_door(fault, self._lock_of(fault.target), at_s)
        elif isinstance(fault, SensorFault):
            at_unit = [
                _trouble(one)
                for one in self._book.active()
                if isinstance(one, SensorFault) and one.target == fault.target
            ]
            self._physics.sensors.set_troubles(fault.target, at_unit)
        elif isinstance(fault, CompressorOff):
            self._physics.zones[fault.target].set_compressor_broken(bool(lying))
        elif isinstance(fault, DefrostStuck):
            self._physics.zones[fault.target].set_defrost_stuck(bool(lying))
        elif isinstance(fault, PowerCut):
            self._set_mains(on=not lying, at_s=at_s)

    def _follow_door(self, fault: DoorFault, lock: Lock, at_s: float) -> None:
        lying = self._book.on(type(fault), fault.target)
        last = lying[-1] if lying else None
        match fault:
            case Jam():
                lock.hold(at_s, jammed=bool(lying))
            case Frozen():
                lock.hold(at_s, frozen=bool(lying))
            case StuckRelay():
                lock.set_weld(last.contact if isinstance(last, StuckRelay) else None, at_s)
            case Bouncing():
                lock.contact.bounce_s = last.for_ms / 1000 if isinstance(last, Bouncing) else 0.0
            case ReversedPolarity():
                lock.contact.is_reversed = bool(lying)
            case ContactStuck():
                stuck_open = last.shows is Seen.OPEN if isinstance(last, ContactStuck) else None
                lock.contact.stuck_open = stuck_open
            case Ajar():
                lock.gap = last.gap if isinstance(last, Ajar) else 0.0
                shows_open = isinstance(last, Ajar) and last.shows is Seen.OPEN
                lock.contact.ajar_shows_open = shows_open

    def _set_mains(self, *, on: bool, at_s: float) -> None:
        for zone in self._physics.zones.values():
            zone.set_power(on=on)
        for lock in self._physics.locks.values():
            lock.set_mains(on=on, at_s=at_s)
        for board in self._boards.values():
            board.silence()

    def _check_sensor(self, fault: SensorFault) -> None:
        boards = {
            unit: board
            for unit, board in self._boards.items()
            if isinstance(board, HasProbes) and board.probes
        }
        board = boards.get(fault.target)
        if board is None:
            detail = f"unit {fault.target} has no probe; there are {', '.join(map(str, boards))}"
            raise NotFoundError("sim.unknown_unit", detail)
        if fault.probe is not None and fault.probe >= board.probes:
            detail = f"unit {fault.target} has the probes 0 to {board.probes - 1}"
            raise InvalidError("sim.invalid", detail)
        if isinstance(fault, SensorShows) and fault.shows not in board.can_show:
            known = ", ".join(sorted(board.can_show)) or "none of them"
            detail = f"unit {fault.target} cannot say {fault.shows}; it can say {known}"
            raise InvalidError("sim.invalid", detail)


def _trouble(fault: SensorFault) -> Trouble:
    match fault:
        case SensorStuck():
            return Trouble(fault.probe)
        case SensorShows():
            return Trouble(fault.probe, shows=fault.shows)
        case SensorJumping():
            return Trouble(fault.probe, jumps_k=fault.by_k)
        case SensorOffset():
            return Trouble(fault.probe, offset_k=fault.offset_k)
