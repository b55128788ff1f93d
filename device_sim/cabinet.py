"""The whole cabinet as one object in memory: buses, locks, air, faults and the witness.

No I/O, no tasks. Shells (pty, TCP, the simulated world) carry its bytes; the bench page and tests use its hands.
"""

import random
from collections.abc import Callable, Mapping

from common.kit.clock import Clock
from common.kit.errors import NotFoundError
from device_sim.agenda import Agenda
from device_sim.assembly import make_physics
from device_sim.board import Answer, Board
from device_sim.bus import Bus
from device_sim.camera_faults import CameraFault, check_camera
from device_sim.config import BoardSection, CabinetConfig, ProbeKind
from device_sim.faults import AdapterUnplugged, Fault, FaultBook, Jam
from device_sim.iron import Iron
from device_sim.iron_faults import DoorFault, IronFault
from device_sim.kerong_board import KerongCu16Board, KerongCu48Board
from device_sim.lock import Burn, Lock, Movement
from device_sim.physics import Physics
from device_sim.plain_relays import LcBoard, R421a08Board
from device_sim.probe_board import ProbeBoard
from device_sim.profile_kinds import profile_board
from device_sim.qianming_board import QianmingBoard
from device_sim.relay_board import RelayBoard
from device_sim.scale_board import Scales
from device_sim.serial_devices import SerialDevices
from device_sim.state import CabinetState, StoryState, state_of
from device_sim.telling import Telling
from device_sim.wire_faults import BusFault, SameAddress
from device_sim.witness import Witness
from device_sim.wkly_board import WklyBoard
from device_sim.xor_8a80_board import Xor8a80Board
from device_sim.zone import Air
from firmware_protocols.lock_boards import LOCK_BOARDS, BoardFacts, LockKind

PROBE_BOARDS: Mapping[ProbeKind, Callable[[int, str, Physics, random.Random], Board]] = {
    "xy_md02": ProbeBoard
}
"""Kind in the cabinet file → board of a probe, made of its unit, zone, the physics and jitter."""
LOCK_BOARD_MAKERS: Mapping[
    LockKind, Callable[[int, Physics, Witness, random.Random, BoardFacts], Board]
] = {
    "waveshare_8ch_d": RelayBoard,
    "waveshare_16ch": RelayBoard,
    "waveshare_32ch": RelayBoard,
    "wkly": WklyBoard,
    "xor_8a80": Xor8a80Board,
    "kerong_cu16": KerongCu16Board,
    "kerong_cu48": KerongCu48Board,
    "r421a08": R421a08Board,
    "lc_8r": LcBoard,
    "qianming": QianmingBoard,
}
"""Kind in the cabinet file → lock board, made of its unit, the physics, the witness, jitter and the kind's facts."""


class Cabinet:
    """What stands on the pavement: `bus(n).feed(...)` is its cable.

    `push` and `pull` are hands on its doors.
    """

    def __init__(
        self,
        config: CabinetConfig,
        clock: Clock,
        jitter: random.Random,
        sink: Callable[[str], None] | None = None,
    ) -> None:
        """Build it at rest, every door shut; `sink` takes the witness' lines (see WitnessFile)."""
        self.config = config
        self.faults = FaultBook()
        self.agenda = Agenda()
        self.on_plug: list[Callable[[], None]] = []
        """Called after an adapter was pulled or put back: look at `is_plugged`."""
        self.on_movement: list[Callable[[Movement], None]] = []
        """Called when a door moved, with the rest of its moment still to come: act through the agenda."""
        self.story: Callable[[float], StoryState] | None = None
        """Tells at a moment how far a scripted day is; set by who plays one."""
        self._clock = clock
        start_s = clock.monotonic_s()
        self.witness = Witness(start_s, clock.wall(), sink)
        self.physics = make_physics(config, start_s, self._saw)
        self._boards = boards = {one.unit: self._board(one, jitter) for one in config.board}
        self._buses = [
            Bus(
                bus.name,
                bus.baud,
                [boards[one.unit] for one in config.board if one.bus == bus.name],
                self.faults,
                self.settle,
                config.protocol_of(bus.name),
            )
            for bus in config.bus
        ]
        self.serial = SerialDevices(config.serial, self.faults, self.settle, jitter)
        self.scales = Scales(self.serial.devices, boards)
        buses = dict(zip((bus.name for bus in config.bus), self._buses, strict=True))
        self._bus_of = {one.unit: buses[one.bus] for one in config.board}
        sensors = {door.label: door.contact for door in config.door}
        self._telling = Telling(boards, sensors, self.agenda, self._say)
        self._iron = Iron(self.physics, self._lock, boards, self.faults)
        self._labels = {lock.label: lock for lock in self.physics.locks.values() if lock.label}

    def bus(self, number: int = 0) -> Bus:
        """Return a bus by its place in the file."""
        return self._buses[number]

    @property
    def buses(self) -> tuple[Bus, ...]:
        """Return all buses in the order of the file."""
        return tuple(self._buses)

    @property
    def tcp_bus(self) -> Bus | None:
        """Return the bus that is also offered as Modbus TCP."""
        names = {bus.name for bus in self.config.bus if bus.tcp}
        return next((bus for bus in self._buses if bus.name in names), None)

    def is_plugged(self, bus: Bus) -> bool:
        """Tell whether the adapter of a bus is in its socket."""
        return not self.faults.is_unplugged(bus.name)

    def push(self, label: str, at_s: float | None = None) -> bool:
        """Shut a door by hand, or lean on a shut one; tell whether it moved. Unknown label: NotFoundError.

        `at_s` is given by acts of the agenda, which happen at their own moment.
        """
        return self.physics.push(self._lock(label), self._moment(at_s))

    def pull(self, label: str, at_s: float | None = None) -> bool:
        """Force a door open without a pulse; tell whether it moved. Unknown label: NotFoundError."""
        return self.physics.pull(self._lock(label), self._moment(at_s))

    def lean(self, label: str, from_s: float, to_s: float) -> None:
        """Push against a shut door from one moment to another. Unknown label: NotFoundError."""
        self._lock(label).lean(from_s, to_s)

    def is_open(self, label: str) -> bool:
        """Look at a door at the moment reached. Unknown label: NotFoundError."""
        return self._lock(label).is_open

    def set_outside(self, outside: Air) -> None:
        """Change the weather from the moment reached."""
        self.physics.set_outside(outside)

    def set_goods(self, label: str, *, there: bool, at_s: float | None = None) -> bool:
        """Put something behind an open door or take it out; tell whether that was possible.

        Unknown label: NotFoundError.
        """
        lock = self._lock(label)
        self._moment(at_s)
        if lock.is_open and lock.holds_goods is not there:
            lock.holds_goods = there
            return True
        return False

    def fill(self, name: str, *, full: bool) -> None:
        """Let a recycling box be full or not. Unknown name: NotFoundError."""
        found = next((one for one in self.config.fill if one.name == name), None)
        if found is None:
            raise NotFoundError("sim.unknown_device", f"no box {name!r} with a fill level")
        self.settle_now()
        self.physics.switches[found.board, found.channel] = full

    def jam(self, label: str) -> None:
        """Make a door immovable until `free`. Unknown label: NotFoundError."""
        self.lay(Jam(kind="jam", target=self._lock(label).label or ""))

    def free(self, label: str) -> None:
        """Take every jam off a door. Unknown label: NotFoundError."""
        self._lock(label)
        for fault in self.faults.active():
            if isinstance(fault, Jam) and fault.target == label:
                self.lift(fault)

    def check(self, fault: Fault) -> None:
        """Refuse a fault whose target is not there (NotFoundError) or cannot have it (InvalidError)."""
        if isinstance(fault, IronFault):
            self._iron.check(fault)
        elif isinstance(fault, CameraFault):
            check_camera(fault, self.config)
        elif isinstance(fault, AdapterUnplugged | BusFault):
            unplugs = isinstance(fault, AdapterUnplugged)
            devices = self.serial.buses if unplugs else ()  # only boards have a noisy line
            names = [bus.name for bus in (*self._buses, *devices)]
            if fault.target not in names:
                raise NotFoundError(
                    "sim.unknown_bus", f"no bus {fault.target!r}; there are {', '.join(names)}"
                )
        else:
            self._check_unit(fault.target)
            if isinstance(fault, SameAddress):
                self._check_unit(fault.other)

    def lay(self, fault: Fault, at_s: float | None = None) -> None:
        """Lay a fault on from now; one that `check` refuses is not laid on."""
        now_s = self._moment(at_s)
        self.check(fault)
        self.faults.lay(fault, now_s)
        self.witness.fault(now_s, fault.kind, str(fault.target), active=True)
        self._follow(fault, now_s)

    def lift(self, fault: Fault) -> None:
        """Take a fault off now."""
        now_s = self.settle_now()
        self.faults.remove(fault)
        self._ended(fault, now_s)

    def lift_all(self) -> None:
        """Take every fault off now."""
        for fault in self.faults.active():
            self.lift(fault)

    def settle_now(self) -> float:
        """Bring everything up to the clock and return the moment reached."""
        self.settle(self._clock.monotonic_s())
        return self.physics.now_s

    def settle(self, to_s: float) -> None:
        """Let faults end, acts be done and physics happen, in the order of time, up to `to_s`."""
        while (at_s := self._next_of_its_own_s()) <= to_s:
            self.physics.advance(at_s)
            for fault in self.faults.take_ended(at_s):
                self._ended(fault, self.physics.now_s)
            self.agenda.do_due(at_s)
        self.physics.advance(to_s)
        self.serial.advance(to_s)

    def next_event_s(self) -> float:
        """Return when something happens by itself: a fault's end, an act, a spring, a timer.

        Infinity when nothing will.
        """
        return min(self._next_of_its_own_s(), self.serial.next_event_s())

    def _next_of_its_own_s(self) -> float:
        planned_s = min(self.faults.next_end_s(), self.agenda.next_s())
        return min(planned_s, self.physics.next_event_s())

    def state(self) -> CabinetState:
        """Return what an observer sees now: the body of `GET /state`."""
        now_s = self.settle_now()
        story = None if self.story is None else self.story(now_s)
        return state_of(self.config, self.physics, self.witness, self.faults, story)

    def _moment(self, at_s: float | None) -> float:
        return self.settle_now() if at_s is None else at_s

    def _saw(self, event: Movement | Burn) -> None:
        """Note what happened; a board that senses the door may speak up."""
        self.witness.physical(event)
        if isinstance(event, Movement):
            self._telling.moved(self._lock(event.label), event.at_s)
            for listener in tuple(self.on_movement):
                listener(event)

    def _say(self, unit: int, answer: Answer, at_s: float) -> None:
        self._bus_of[unit].say(unit, answer, at_s)

    def _ended(self, fault: Fault, at_s: float) -> None:
        self.witness.fault(at_s, fault.kind, str(fault.target), active=False)
        self._follow(fault, at_s)

    def _follow(self, fault: Fault, at_s: float) -> None:
        """Bring iron and plugs in line with the faults that lie on the same target now."""
        if isinstance(fault, IronFault):
            self._iron.follow(fault, at_s)
            if isinstance(fault, DoorFault):
                self._telling.look(self._lock(fault.target), at_s)
        elif isinstance(fault, AdapterUnplugged):
            for call in tuple(self.on_plug):
                call()

    def _check_unit(self, unit: int) -> None:
        if unit not in (units := [board.unit for board in self.config.board]):
            detail = f"no unit {unit}; there are {', '.join(map(str, units))}"
            raise NotFoundError("sim.unknown_unit", detail)

    def _lock(self, label: str) -> Lock:
        if label not in self._labels:
            raise NotFoundError(
                "sim.unknown_door", f"no door {label!r}; there are {', '.join(self._labels)}"
            )
        return self._labels[label]

    def _board(self, section: BoardSection, jitter: random.Random) -> Board:
        if (probe := section.probe_kind) is not None:
            return PROBE_BOARDS[probe](section.unit, section.zone or "", self.physics, jitter)
        if section.profile_kind is not None:
            return profile_board(section, self.config, self.physics, jitter)
        kind = section.lock_kind
        assert kind is not None
        make = LOCK_BOARD_MAKERS[kind]
        return make(section.unit, self.physics, self.witness, jitter, LOCK_BOARDS[kind])
