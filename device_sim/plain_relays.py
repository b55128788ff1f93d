"""The relay boards R421A08 and LC on the wire: what a client may do with relays, timers and inputs.

Register maps and traps: firmware_protocols/r421a08.py, lc_relay.py.
"""

import math
import random
from abc import abstractmethod

from device_sim.board import ModbusBoard, RefusalError, window
from device_sim.physics import Physics
from device_sim.witness import PulseSeen, Witness
from firmware_protocols import lc_relay, modbus_pdu, r421a08
from firmware_protocols.lock_boards import BoardFacts
from firmware_protocols.modbus_pdu import (
    COIL_OFF,
    COIL_ON,
    DataReply,
    EchoReply,
    ExceptionCode,
    Function,
    ReadRequest,
    Reply,
    Request,
    WriteManyRequest,
    WriteOneRequest,
)


class PlainRelayBoard(ModbusBoard):
    """Relays, a timer each, and perhaps inputs."""

    def __init__(
        self,
        unit: int,
        physics: Physics,
        witness: Witness,
        jitter: random.Random,
        facts: BoardFacts,
    ) -> None:
        """Drive the locks and sense the doors that `physics` has under this unit."""
        super().__init__(unit, jitter)
        self._physics, self._witness, self._facts = physics, witness, facts

    def obey(self, request: Request, frame: bytes, at_s: float) -> Reply:
        """Carry out one request."""
        self._physics.advance(at_s)
        if isinstance(request, ReadRequest):
            return self.read(request)
        self.write(request, frame, at_s)
        value = request.count if isinstance(request, WriteManyRequest) else request.value
        return EchoReply(request.function, request.address, value)

    @abstractmethod
    def read(self, request: ReadRequest) -> Reply:
        """Answer a read, or refuse."""

    @abstractmethod
    def write(self, request: WriteOneRequest | WriteManyRequest, frame: bytes, at_s: float) -> None:
        """Obey a write, or refuse."""

    def relays(self) -> tuple[int, ...]:
        """Return which relays are on."""
        count = range(self._facts.channels)
        return tuple(int(self._physics.lock(self.unit, channel).relay_on) for channel in count)

    def inputs(self) -> tuple[int, ...]:
        """Return which inputs are 1: the door is open."""
        places = range(self._facts.inputs)
        return tuple(int(self._physics.senses_open(self.unit, place)) for place in places)

    def pulse(self, channel: int, ms: int, frame: bytes, at_s: float) -> None:
        """Switch a relay on, and off by its timer."""
        self._witness.pulse(PulseSeen(at_s, self.unit, channel, ms), frame)
        self._physics.lock(self.unit, channel).switch(True, at_s, at_s + ms / 1000)

    def switch(self, channel: int, on: bool, frame: bytes, at_s: float) -> None:
        """Switch a relay for good."""
        lock = self._physics.lock(self.unit, channel)
        if on or lock.relay_on:
            self._witness.relay(at_s, self.unit, channel, on, frame)
        lock.switch(on, at_s, math.inf)


class R421a08Board(PlainRelayBoard):
    """Eight relays, no inputs; only FC 03 and FC 06."""

    def read(self, request: ReadRequest) -> Reply:
        """Answer the state of relays."""
        if request.function is not Function.READ_HOLDING_REGISTERS:
            raise RefusalError(ExceptionCode.ILLEGAL_FUNCTION)
        states = window(request, 1, self.relays())
        return DataReply(request.function, modbus_pdu.pack_registers(states))

    def write(self, request: WriteOneRequest | WriteManyRequest, frame: bytes, at_s: float) -> None:
        """Obey one command."""
        if request.function is not Function.WRITE_SINGLE_REGISTER or isinstance(
            request, WriteManyRequest
        ):
            raise RefusalError(ExceptionCode.ILLEGAL_FUNCTION)
        if (pulse := r421a08.as_pulse(request)) is not None:
            self.pulse(pulse.channel, pulse.ms, frame, at_s)
            return
        for channel, on in self._states(request.address, request.value >> 8).items():
            self.switch(channel, on, frame, at_s)

    def _states(self, register: int, command: int) -> dict[int, bool]:
        every = range(self._facts.channels)
        all_states = {r421a08.Command.ALL_ON: True, r421a08.Command.ALL_OFF: False}
        if register == r421a08.ALL and command in all_states:
            return dict.fromkeys(every, all_states[r421a08.Command(command)])
        channel = register - 1
        if channel not in every:
            raise RefusalError(ExceptionCode.ILLEGAL_DATA_ADDRESS)
        was_on = bool(self.relays()[channel])
        if command == r421a08.Command.LATCH:
            return {one: one == channel for one in every}
        states = {
            r421a08.Command.ON: True,
            r421a08.Command.OFF: False,
            r421a08.Command.TOGGLE: not was_on,
        }
        if command not in states:
            raise RefusalError(ExceptionCode.ILLEGAL_DATA_VALUE)
        return {channel: states[r421a08.Command(command)]}


class LcBoard(PlainRelayBoard):
    """Eight relays, eight inputs."""

    def read(self, request: ReadRequest) -> Reply:
        """Answer relays or inputs."""
        tables = {
            Function.READ_COILS: self.relays,
            Function.READ_DISCRETE_INPUTS: self.inputs,
        }
        if request.function not in tables:
            raise RefusalError(ExceptionCode.ILLEGAL_FUNCTION)
        states = window(request, 0, tables[request.function]())
        return DataReply(request.function, modbus_pdu.pack_bits(tuple(map(bool, states))))

    def write(self, request: WriteOneRequest | WriteManyRequest, frame: bytes, at_s: float) -> None:
        """Obey a pulse, a coil or several."""
        if (pulse := lc_relay.as_pulse(request)) is not None:
            self.pulse(pulse.channel, pulse.ms, frame, at_s)
        elif request.function is Function.WRITE_SINGLE_COIL and isinstance(
            request, WriteOneRequest
        ):
            if request.value not in (COIL_ON, COIL_OFF):
                raise RefusalError(ExceptionCode.ILLEGAL_DATA_VALUE)
            self._coils(request.address, (request.value == COIL_ON,), frame, at_s)
        elif request.function is Function.WRITE_MULTIPLE_COILS and isinstance(
            request, WriteManyRequest
        ):
            states = modbus_pdu.bits(request.data, request.count)
            self._coils(request.address, states, frame, at_s)
        else:
            raise RefusalError(ExceptionCode.ILLEGAL_DATA_ADDRESS)

    def _coils(self, first: int, states: tuple[bool, ...], frame: bytes, at_s: float) -> None:
        if not states or first + len(states) > self._facts.channels:
            raise RefusalError(ExceptionCode.ILLEGAL_DATA_ADDRESS)
        for channel, on in enumerate(states, first):
            self.switch(channel, on, frame, at_s)
