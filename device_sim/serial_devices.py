"""The cabinet's devices with a serial port of their own: each alone on a line, none with an address."""

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

from common.kit.errors import NotFoundError
from device_sim.board import Answer, Board
from device_sim.bus import Bus
from device_sim.faults import FaultBook
from device_sim.scanner_device import ScannerDevice
from device_sim.serial_config import SerialSection

T = TypeVar("T")


class SerialDevices:
    """Name → line and device; what a device says by itself goes over its line."""

    def __init__(
        self,
        sections: Sequence[SerialSection],
        faults: FaultBook,
        settle: Callable[[float], None],
        jitter: random.Random,
    ) -> None:
        """Make them; `settle` brings the cabinet up to a moment before a device hears what comes then."""
        self.devices: dict[str, Board] = {one.name: _made(one, jitter) for one in sections}
        self._buses = {
            one.name: Bus(one.name, one.baud, [self.devices[one.name]], faults, settle)
            for one in sections
        }

    @property
    def buses(self) -> tuple[Bus, ...]:
        """Return the lines, in the order of the file."""
        return tuple(self._buses.values())

    def find(self, kind: type[T], name: str | None = None) -> tuple[str, T]:
        """Return a device of a kind, by name or the first; NotFoundError when there is none."""
        for found, device in self.devices.items():
            if isinstance(device, kind) and name in (None, found):
                return found, device
        wanted = kind.__name__.removesuffix("Device").lower()
        detail = f"no {wanted} {name!r}" if name else f"the cabinet has no {wanted}"
        raise NotFoundError("sim.unknown_device", detail)

    def say(self, name: str, answer: Answer | None, at_s: float) -> bool:
        """Let a device speak without being asked; tell whether it had anything to say."""
        if answer is not None:
            self._buses[name].say(self.devices[name].unit, answer, at_s)
        return answer is not None


def _made(section: SerialSection, jitter: random.Random) -> Board:
    return ScannerDevice(section.kind, jitter)
