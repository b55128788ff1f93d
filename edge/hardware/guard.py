"""The raw bytes of one bus: only allowed frames leave, only the answer to the open request comes in.

Set as pymodbus' `trace_packet`: pymodbus compares neither function, address nor count of a reply (measured in
every version), and with an echoing adapter takes the echo of a write for its success.
"""

from collections.abc import Callable
from typing import Protocol

from edge.hardware.errors import FrameRefusedError
from firmware_protocols import modbus_rtu, modbus_tcp
from firmware_protocols import waveshare_relay as relay
from firmware_protocols.errors import WireError
from firmware_protocols.modbus_pdu import (
    COIL_OFF,
    READS,
    Function,
    ReadRequest,
    Reply,
    Request,
    WriteOneRequest,
    answers,
    parse_reply,
    parse_request,
)

MAX_PULSE_TICKS = 10
"""1 s: the hard cap of a latch solenoid (reference hardware C.2)."""


class Framing(Protocol):
    """How request and reply lie in the bytes of one kind of line."""

    def request(self, frame: bytes) -> tuple[int, Request]:
        """Return unit and request of an outgoing frame."""

    def reply(self, sent: bytes, received: bytes) -> tuple[bytes, Reply | None]:
        """Return the frame in `received` that answers `sent`, and what it says; (b"", None): none yet."""


class RtuFraming:
    """Serial line: unit, message, CRC."""

    def __init__(self, *, local_echo: bool) -> None:
        """`local_echo`: the adapter hears itself, so every request comes back first."""
        self.local_echo = local_echo

    def request(self, frame: bytes) -> tuple[int, Request]:
        """Return unit and request."""
        decoded = modbus_rtu.decode(frame)
        return decoded.unit, parse_request(decoded.pdu)

    def reply(self, sent: bytes, received: bytes) -> tuple[bytes, Reply | None]:
        """Pass over noise, late answers and the echo; the echo of a write *is* its reply, so it is cut off first."""
        if self.local_echo:
            place = received.find(sent)
            if place < 0:
                return b"", None
            received = received[place + len(sent) :]
        frame = modbus_rtu.pick_reply(sent, received)
        return frame, parse_reply(modbus_rtu.decode(frame).pdu) if frame else None


class TcpFraming:
    """Gateway: MBAP header with a transaction id."""

    def request(self, frame: bytes) -> tuple[int, Request]:
        """Return unit and request."""
        frames, _ = modbus_tcp.split(frame)
        return frames[0].unit, parse_request(frames[0].pdu)

    def reply(self, sent: bytes, received: bytes) -> tuple[bytes, Reply | None]:
        """Pass over every frame of another transaction, unit or shape."""
        asked = modbus_tcp.split(sent)[0][0]
        request = parse_request(asked.pdu)
        try:
            frames, _ = modbus_tcp.split(received)
        except WireError:
            return b"", None
        for frame in frames:
            if (frame.transaction, frame.unit) != (asked.transaction, asked.unit):
                continue
            try:
                reply = parse_reply(frame.pdu)
            except WireError:
                continue
            if answers(request, reply):
                return frame.encode(), reply
        return b"", None


class WireGuard:
    """One per port; keeps the request in flight and what was heard since."""

    def __init__(
        self, framing: Framing, relay_units: frozenset[int], on_bytes: Callable[[], None]
    ) -> None:
        """`relay_units` are the only ones that may be told to move; `on_bytes` hears that the line is not silent."""
        self._framing = framing
        self._relay_units = relay_units
        self._on_bytes = on_bytes
        self._sent = self._last = b""
        self.heard = b""
        """Every byte since the request, for the echo test."""
        self.reply: Reply | None = None

    def __call__(self, sending: bool, data: bytes) -> bytes:
        """Judge one packet; a refused one raises FrameRefusedError before the wire."""
        if sending:
            check_allowed(*self._framing.request(data), self._relay_units)
            self._sent = self._last = bytes(data)
            self.heard, self.reply = b"", None
            return data
        self._on_bytes()
        self.heard = bytes(data)
        if not self._sent:
            return b""
        frame, reply = self._framing.reply(self._sent, self.heard)
        if reply is not None:
            self.reply, self._sent = reply, b""
        return frame

    @property
    def echoed(self) -> bool:
        """Tell whether the last request came straight back."""
        return bool(self._last) and self._last in self.heard

    @property
    def in_flight(self) -> bool:
        """Tell whether a request left and waits for its answer."""
        return bool(self._sent)

    def forget(self) -> None:
        """Drop the request in flight: from now on nothing is its answer."""
        self._sent = b""


def check_allowed(unit: int, request: Request, relay_units: frozenset[int]) -> None:
    """Raise FrameRefusedError unless `request` is a read, a pulse of 1..10 ticks or all-off of a configured board."""
    if isinstance(request, ReadRequest) and request.function in READS and 1 <= unit <= 247:
        return
    if unit in relay_units and isinstance(request, WriteOneRequest):
        pulse = relay.as_pulse(request)
        if pulse is not None and pulse.ms <= MAX_PULSE_TICKS * relay.TICK_MS:
            return
        if (request.function, request.address, request.value) == (
            Function.WRITE_SINGLE_COIL,
            relay.ALL_RELAYS,
            COIL_OFF,
        ):
            return
    raise FrameRefusedError(
        "bus.frame_refused", f"unit {unit}: {request} is not on the allow-list", unit=unit
    )
