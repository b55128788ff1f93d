"""What every simulated board has in common: bytes and a moment in, answers and their delay out.

A board hears everything on its bus and answers only what is addressed to it; no I/O, no clock.
"""

import random
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from firmware_protocols import modbus_pdu, modbus_rtu
from firmware_protocols.errors import WireError
from firmware_protocols.modbus_pdu import ExceptionCode, ExceptionReply, ReadRequest, Reply, Request

TURNAROUND_S = (0.002, 0.005)
"""From the last byte heard to the first byte sent.

Measured boards of this class answer within it.
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """Bytes a board puts on the wire `delay_s` after the last byte it heard."""

    delay_s: float
    data: bytes


class Board(Protocol):
    """Anything with a unit number on an RS-485 line."""

    @property
    def unit(self) -> int:
        """Return the address it answers to now."""

    def feed(self, data: bytes, at_s: float) -> list[Answer]:
        """Hear `data`, whose last byte came at `at_s`."""

    def silence(self) -> None:
        """Hear the line silent for longer than t3.5.

        What is not a whole frame by now never will be.
        """


@runtime_checkable
class SpeaksUp(Protocol):
    """A board that tells of a door although nobody asked."""

    def moved(self, channel: int, *, is_open: bool) -> Answer | None:
        """Return what it says about the door at one of its inputs that moved."""


class RefusalError(Exception):
    """The board answers with an exception reply."""

    def __init__(self, code: ExceptionCode) -> None:
        """Keep the Modbus exception code."""
        super().__init__(code.name)
        self.code = code


class ModbusBoard(ABC):
    """A Modbus RTU device; a kind of board says in `obey` what its registers mean."""

    def __init__(self, unit: int, jitter: random.Random) -> None:
        """Answer to `unit`; `jitter` spreads the turnaround."""
        self.unit = unit
        self.jitter = jitter
        self._heard = b""

    def feed(self, data: bytes, at_s: float) -> list[Answer]:
        """Collect bytes, answer the frames that are ours.

        Noise and other units' frames are passed over.
        """
        split = modbus_rtu.split_requests(self._heard + data)
        self._heard = split.rest
        answers = []
        for frame in split.frames:
            if frame.unit in (self.unit, modbus_rtu.BROADCAST):
                reply = self._reply(frame, at_s)
                if reply is not None:
                    answers.append(Answer(self.jitter.uniform(*TURNAROUND_S), reply))
        return answers

    def silence(self) -> None:
        """Drop the unfinished frame."""
        self._heard = b""

    @abstractmethod
    def obey(self, request: Request, frame: bytes, at_s: float) -> Reply:
        """Do what is asked in `frame` and return the reply; RefusalError is an exception reply."""

    def answers_broadcast(self, request: Request) -> bool:  # noqa: ARG002 - kinds of boards look at it
        """Tell whether this request is answered although it was sent to everybody."""
        return False

    def _reply(self, frame: modbus_rtu.Frame, at_s: float) -> bytes | None:
        unit = self.unit
        try:
            request = modbus_pdu.parse_request(frame.pdu)
        except WireError:
            if frame.unit == modbus_rtu.BROADCAST:
                return None
            refusal = ExceptionReply(frame.function, ExceptionCode.ILLEGAL_FUNCTION)
            return modbus_rtu.encode(unit, refusal.pdu())
        silent = frame.unit == modbus_rtu.BROADCAST and not self.answers_broadcast(request)
        try:
            reply = self.obey(request, frame.encode(), at_s)
        except RefusalError as refused:
            reply = ExceptionReply(request.function, refused.code)
        return None if silent else modbus_rtu.encode(unit, reply.pdu())


def window(request: ReadRequest, first: int, values: tuple[int, ...]) -> tuple[int, ...]:
    """Return the part of a table starting at wire address `first` that is asked for, or refuse."""
    start = request.address - first
    if not 1 <= request.count <= len(values):
        code = (
            ExceptionCode.ILLEGAL_DATA_VALUE
            if request.count == 0
            else ExceptionCode.ILLEGAL_DATA_ADDRESS
        )
        raise RefusalError(code)
    if start < 0 or start + request.count > len(values):
        raise RefusalError(ExceptionCode.ILLEGAL_DATA_ADDRESS)
    return values[start : start + request.count]
