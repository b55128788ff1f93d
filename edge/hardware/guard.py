"""The raw bytes of one bus: only allowed frames leave, only the answer to the open request comes in.

For Modbus it is set as pymodbus' `trace_packet`: pymodbus compares neither function, address nor count of a reply
(measured in every version), and with an echoing adapter takes the echo of a write for its success.
"""

from collections.abc import Callable
from typing import Generic, Protocol

from edge.hardware.errors import FrameRefusedError
from edge.hardware.speech import A, A_co, Q, Q_co


class Framing(Protocol[Q_co, A_co]):
    """How request and answer lie in the bytes of one kind of line; pure functions, so a module will do."""

    def parse_request(self, frame: bytes) -> tuple[int, Q_co]:
        """Return unit and request of an outgoing frame."""

    def pick_answer(self, sent: bytes, received: bytes) -> tuple[bytes, A_co | None]:
        """Return the frame in `received` that answers `sent`, and what it says; (b"", None): none yet."""


class WireGuard(Generic[Q, A]):
    """One per port; keeps the request in flight and what was heard since."""

    def __init__(
        self,
        framing: Framing[Q, A],
        allowed: Callable[[int, Q], bool],
        on_bytes: Callable[[], None],
        *,
        local_echo: bool,
    ) -> None:
        """`allowed` judges unit and request; `on_bytes` hears that the line is not silent."""
        self.local_echo = local_echo
        """The adapter hears itself, so every request comes back first."""
        self._framing = framing
        self._allowed = allowed
        self._on_bytes = on_bytes
        self._sent = self._last = b""
        self.heard = b""
        """Every byte since the request, for the echo test."""
        self.reply: A | None = None
        self._answer_bytes = 0

    def __call__(self, sending: bool, data: bytes) -> bytes:
        """Judge one packet; a refused one raises FrameRefusedError before the wire."""
        if sending:
            self._check(data)
            self._sent = self._last = bytes(data)
            self.heard, self.reply, self._answer_bytes = b"", None, 0
            return data
        self._on_bytes()
        self.heard = bytes(data)
        if not self._sent:
            return b""
        frame, reply = self._framing.pick_answer(self._sent, self._after_echo())
        if reply is not None:
            self.reply, self._sent, self._answer_bytes = reply, b"", len(frame)
        return frame

    @property
    def echoed(self) -> bool:
        """Tell whether the last request came straight back."""
        return bool(self._last) and self._last in self.heard

    @property
    def stray_bytes(self) -> int:
        """Return how much was heard since the last request that is neither its echo nor its answer."""
        echo_bytes = len(self._last) if self._last in self.heard and self.local_echo else 0
        return max(0, len(self.heard) - echo_bytes - self._answer_bytes)

    @property
    def in_flight(self) -> bool:
        """Tell whether a request left and waits for its answer."""
        return bool(self._sent)

    def forget(self) -> None:
        """Drop the request in flight: from now on nothing is its answer."""
        self._sent = b""

    def _after_echo(self) -> bytes:
        """Cut the echo off first: the answer to a write may be the same bytes."""
        if not self.local_echo:
            return self.heard
        place = self.heard.find(self._sent)
        return b"" if place < 0 else self.heard[place + len(self._sent) :]

    def _check(self, data: bytes) -> None:
        # What is judged is read out of the bytes that leave, not out of what the driver meant.
        unit, request = self._framing.parse_request(data)
        if not self._allowed(unit, request):
            raise FrameRefusedError(
                "bus.frame_refused", f"unit {unit}: {request} is not on the allow-list", unit=unit
            )
