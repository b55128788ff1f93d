"""What a transaction takes on the wire (8N1 and the silences of Modbus RTU), and a tap that sees it pass."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from edge.hardware.line import Line

BITS = 10  # start, eight data, stop: 8N1
_SILENCE = 3.5  # characters before and after a frame (Modbus over Serial Line 2.5.1.1)
_FAST_BAUD, _FAST_SILENCE_S = 19_200, 0.00175
PULSE_BYTES = 8, 8
READ_INPUTS_BYTES = 8, 6
_WRITE_COIL, _TIMED = 5, 2


def wire_s(request_bytes: int, reply_bytes: int, baud: int) -> float:
    """Return the seconds of a request, its reply and two silences; the board's own turnaround not included."""
    character_s = BITS / baud
    silence_s = _FAST_SILENCE_S if baud > _FAST_BAUD else _SILENCE * character_s
    return (request_bytes + reply_bytes) * character_s + 2 * silence_s


def is_pulse(frame: bytes) -> bool:
    """Tell the board's timed pulse (FC05 at 0x0200 + channel) from every other request."""
    return len(frame) == PULSE_BYTES[0] and frame[1] == _WRITE_COIL and frame[2] == _TIMED


class Tap:
    """A `Line` that notes when a pulse frame was handed to the kernel, and what followed on the wire."""

    def __init__(self, line: Line) -> None:
        """Tap `line`, which must be a serial one."""
        self._line = line
        self.pulse_s = self.echo_s = self.ask_s = self.read_back_s = 0.0
        """Pulse frame out, its echo complete, the next request out, its reply complete."""
        self._requests = 0
        self.pulsed, self.read_back = asyncio.Event(), asyncio.Event()

    def arm(self) -> None:
        """Wait for the next pulse frame."""
        self._requests = 0
        self.pulsed.clear()
        self.read_back.clear()

    async def connect(self, factory: Callable[[], asyncio.Protocol]) -> Any:
        """Open the line and put the tap between its transport and the kernel."""
        transport, protocol = await self._line.connect(factory)
        port = transport.sync_serial  # type: ignore[attr-defined] # pymodbus' serial transport
        write, read = port.write, port.read

        def tapped_write(data: bytes) -> Any:
            done = write(data)
            self._sent(bytes(data))
            return done

        def tapped_read(size: int) -> Any:
            if data := read(size):
                self._came()
            return data

        port.write, port.read = tapped_write, tapped_read
        return transport, protocol

    def _sent(self, frame: bytes) -> None:
        now_s = time.perf_counter()
        if self._requests == 0 and is_pulse(frame):
            self.pulse_s, self._requests = now_s, 1
            self.pulsed.set()
        elif self._requests == 1:  # the owner sends nothing before the echo was accepted
            self.ask_s, self._requests = now_s, 2
        elif self._requests == 2:
            self._requests = 3
            self.read_back.set()

    def _came(self) -> None:
        if self._requests == 1:
            self.echo_s = time.perf_counter()
        elif self._requests == 2:
            self.read_back_s = time.perf_counter()
