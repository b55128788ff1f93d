"""The cabinet's devices with a serial port of their own: each alone on a line, none with an address."""

import math
import random
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from common.kit.errors import NotFoundError
from device_sim.board import Answer, Board
from device_sim.bus import Bus
from device_sim.card_device import CardDevice
from device_sim.faults import FaultBook
from device_sim.printer_device import PrinterDevice
from device_sim.scale_device import EVERY_S, SCALE_DEVICES
from device_sim.scanner_device import ScannerDevice
from device_sim.serial_config import SerialSection
from firmware_protocols.gm65 import SCANNERS

T = TypeVar("T")


@runtime_checkable
class Streams(Protocol):
    """A device that speaks every EVERY_S."""

    def speak(self, at_s: float) -> Answer | None:
        """Return what it says at this moment, None: nothing."""


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

        self._streams = {n: one for n, one in self.devices.items() if isinstance(one, Streams)}
        self._due_s = -math.inf

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

    def next_event_s(self) -> float:
        """Return when a device speaks by itself, infinity when none does."""
        return self._due_s if self._streams else math.inf

    def advance(self, to_s: float) -> None:
        """Let devices speak whose time has come; what nobody waited for is not made up for."""
        if not self._streams or to_s < self._due_s:
            return
        self._due_s = to_s + EVERY_S
        for name, device in self._streams.items():
            self.say(name, device.speak(to_s), to_s)


def _made(section: SerialSection, jitter: random.Random) -> Board:
    if section.kind in SCANNERS:
        return ScannerDevice(section.kind, jitter)  # type: ignore[arg-type] # the table's keys
    if section.kind == "rdm6300":
        return CardDevice()
    if section.kind == "escpos":
        return PrinterDevice()
    return SCALE_DEVICES[section.kind](section, jitter)  # type: ignore[index] # what is left
