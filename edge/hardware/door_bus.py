"""All doors of the station behind their labels: addresses, sensor polarity and the power supplies."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from edge.hardware.errors import DeviceRefusedError, NoReplyError, NotSentError
from edge.hardware.ports import LockBoard, PulseResult, SensesGoods
from edge.hardware.supply import Supply


@dataclass(frozen=True, slots=True)
class DoorWire:
    """Where one door hangs: the board that opens it and the one, often the same, that senses it."""

    label: str
    board: LockBoard
    channel: int
    sensor: LockBoard
    sensor_channel: int
    pulse_ms: int
    open_level: int
    supply: str = "main"


class WiredDoorBus:
    """The production `DoorBus`: lock boards on buses, coils on power supplies."""

    def __init__(self, doors: tuple[DoorWire, ...], *, gap_ms: int) -> None:
        """`gap_ms`: how long a supply rests after one pulse before the next."""
        self._doors = {door.label: door for door in doors}
        self._boards = tuple(dict.fromkeys(door.board for door in doors))
        self._sensed: dict[LockBoard, list[DoorWire]] = {}
        for door in doors:
            self._sensed.setdefault(door.sensor, []).append(door)
        self._supplies = {door.supply: Supply(gap_ms / 1000) for door in doors}

    @property
    def labels(self) -> tuple[str, ...]:
        """Return every door, in the order of the configuration."""
        return tuple(self._doors)

    def expect_pulse(self) -> None:
        """Keep the wires free of background reads for a moment."""
        for board in self._boards:
            board.expect_pulse()

    def supply_of(self, label: str) -> str:
        """Return the name of the power supply of a door's coil."""
        return self._doors[label].supply

    def pulse_s(self, label: str) -> float:
        """Return how long one pulse of a door lasts."""
        return self._doors[label].pulse_ms / 1000

    async def pulse(self, label: str) -> PulseResult:
        """Send one timed pulse when the door's supply is free; never repeated."""
        door = self._doors[label]
        return await self._supplies[door.supply].use(
            self.pulse_s(label), lambda: door.board.pulse(door.channel, door.pulse_ms)
        )

    async def read_doors(self, *, urgent: str | None = None) -> Mapping[str, bool | None]:
        """Return label → open; None where the board did not answer. `urgent` reads only that door's board."""
        if urgent is not None:
            return await self._read(self._doors[urgent].sensor, urgent=True)
        found: dict[str, bool | None] = {}
        for board in self._sensed:
            found.update(await self._read(board, urgent=False))
        return {label: found[label] for label in self._doors}

    async def read_goods(self) -> Mapping[str, bool | None]:
        """Return label → whether something lies there; None where no board can tell."""
        found: dict[str, bool | None] = dict.fromkeys(self._doors)
        for board, doors in self._sensed.items():
            if not isinstance(board, SensesGoods):
                continue
            with suppress(NotSentError, NoReplyError, DeviceRefusedError):
                said = await board.read_goods()
                found.update({door.label: said[door.sensor_channel] for door in doors})
        return found

    async def all_off(self) -> None:
        """Drop every relay; a board that is away is skipped, its port drops it when it comes back."""
        for board in self._boards:
            try:
                await board.all_off()
            except (NotSentError, NoReplyError, DeviceRefusedError):
                continue

    async def _read(self, board: LockBoard, *, urgent: bool) -> dict[str, bool | None]:
        doors = self._sensed[board]
        try:
            said = await board.read_doors(urgent=urgent)
        except (NotSentError, NoReplyError, DeviceRefusedError):
            return {door.label: None for door in doors}
        return {door.label: _is_open(door, said[door.sensor_channel]) for door in doors}


def _is_open(door: DoorWire, said: bool | None) -> bool | None:
    return None if said is None else said == bool(door.open_level)
