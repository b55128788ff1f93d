"""The Waveshare Modbus RTU Relay boards: relays drive locks, the inputs of a (D) sense doors.

Register map and traps: firmware_protocols/waveshare_relay.py. An input reads 1 while its door is
open.
"""

import math
import random
from collections.abc import Sequence

from device_sim.board import ModbusBoard, RefusalError, window
from device_sim.lock import Lock
from device_sim.physics import Physics
from device_sim.witness import PulseSeen, Witness
from firmware_protocols import modbus_pdu, modbus_rtu
from firmware_protocols import waveshare_relay as relay
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

VERSION_REGISTER = 200
_DEFAULT_UART = relay.BAUDS.index(9600)


class RelayBoard(ModbusBoard):
    """Relays and inputs, as many as its kind has; its timers run on the wire's clock."""

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
        self._wired_as = unit  # the address may change by register, the wires stay
        self._physics, self._witness = physics, witness
        self._count, self._inputs = facts.channels, facts.inputs
        self._modes = [int(relay.Mode.NORMAL)] * facts.inputs
        self._uart = _DEFAULT_UART

    def obey(self, request: Request, frame: bytes, at_s: float) -> Reply:
        """Carry out one request; see the register map."""
        self._physics.advance(at_s)
        if isinstance(request, ReadRequest):
            return self._read(request)
        if request.function is Function.WRITE_SINGLE_COIL and isinstance(request, WriteOneRequest):
            self._write_coil(request, frame, at_s)
        elif request.function is Function.WRITE_MULTIPLE_COILS and isinstance(
            request, WriteManyRequest
        ):
            self._write_coils(request, frame, at_s)
        elif isinstance(request, WriteManyRequest):
            self._write_registers(request.address, modbus_pdu.registers(request.data))
        else:
            self._write_registers(request.address, (request.value,))
        value = request.count if isinstance(request, WriteManyRequest) else request.value
        return EchoReply(request.function, request.address, value)

    def answers_broadcast(self, request: Request) -> bool:
        """Answer the maker's "who are you": reading the address register through unit 0."""
        return isinstance(request, ReadRequest) and request.address == relay.ADDRESS

    def _read(self, request: ReadRequest) -> Reply:
        match request.function:
            case Function.READ_COILS:
                states = tuple(int(self._lock(channel).relay_on) for channel in range(self._count))
            case Function.READ_DISCRETE_INPUTS if self._inputs:
                states = tuple(int(self._senses(place)) for place in range(self._inputs))
            case Function.READ_HOLDING_REGISTERS:
                first, table = self._registers(request.address)
                return DataReply(
                    request.function, modbus_pdu.pack_registers(window(request, first, table))
                )
            case _:
                raise RefusalError(ExceptionCode.ILLEGAL_FUNCTION)
        wanted = window(request, 0, states)
        return DataReply(request.function, modbus_pdu.pack_bits(tuple(map(bool, wanted))))

    def _registers(self, address: int) -> tuple[int, tuple[int, ...]]:
        if relay.MODE <= address < relay.MODE + self._inputs:
            return relay.MODE, tuple(self._modes)
        singles = {
            relay.UART: self._uart,
            relay.ADDRESS: self.unit,
            relay.VERSION: VERSION_REGISTER,
        }
        if address in singles:
            return address, (singles[address],)
        raise RefusalError(ExceptionCode.ILLEGAL_DATA_ADDRESS)

    def _write_coil(self, request: WriteOneRequest, frame: bytes, at_s: float) -> None:
        pulse = relay.as_pulse(request, self._count)
        if pulse is not None:
            seen = PulseSeen(at_s, self._wired_as, pulse.channel, pulse.ms)
            self._witness.pulse(seen, frame)
            self._lock(pulse.channel).switch(True, at_s, at_s + pulse.ms / 1000)
            return
        flash_off = request.address - relay.FLASH_OFF
        if 0 <= flash_off < self._count and 1 <= request.value <= relay.MAX_TICKS:
            self._switch(
                [flash_off], [False], frame, at_s, at_s + request.value * relay.TICK_MS / 1000
            )
            return
        channels = self._channels(request.address)
        states = self._states(request.value, channels)
        self._switch(channels, states, frame, at_s)

    def _channels(self, address: int) -> Sequence[int]:
        if address == relay.ALL_RELAYS:
            return range(self._count)
        if address < self._count:
            return [address]
        flashes = (relay.FLASH_ON, relay.FLASH_OFF)
        if any(0 <= address - first < self._count for first in flashes):
            raise RefusalError(ExceptionCode.ILLEGAL_DATA_VALUE)
        raise RefusalError(ExceptionCode.ILLEGAL_DATA_ADDRESS)

    def _states(self, value: int, channels: Sequence[int]) -> list[bool]:
        if value == relay.COIL_TOGGLE:
            return [not self._lock(channel).relay_on for channel in channels]
        if value not in (COIL_ON, COIL_OFF):
            raise RefusalError(ExceptionCode.ILLEGAL_DATA_VALUE)
        return [value == COIL_ON for _ in channels]

    def _write_coils(self, request: WriteManyRequest, frame: bytes, at_s: float) -> None:
        if not 1 <= request.count <= self._count - request.address:
            raise RefusalError(ExceptionCode.ILLEGAL_DATA_ADDRESS)
        states = modbus_pdu.bits(request.data, request.count)
        self._switch(range(request.address, request.address + request.count), states, frame, at_s)

    def _switch(
        self,
        channels: Sequence[int],
        states: Sequence[bool],
        frame: bytes,
        at_s: float,
        flips_at_s: float = math.inf,
    ) -> None:
        for channel, on in zip(channels, states, strict=True):
            if on or self._lock(channel).relay_on or flips_at_s < math.inf:
                self._witness.relay(at_s, self._wired_as, channel, on, frame)
            self._lock(channel).switch(on, at_s, flips_at_s)

    def _write_registers(self, address: int, values: tuple[int, ...]) -> None:
        first = address - relay.MODE
        if first >= 0 and first + len(values) <= self._inputs and values:
            if any(value > relay.Mode.EDGE for value in values):
                raise RefusalError(ExceptionCode.ILLEGAL_DATA_VALUE)
            self._modes[first : first + len(values)] = values
        elif address == relay.ADDRESS and len(values) == 1:
            if not 1 <= values[0] <= modbus_rtu.LAST_UNIT:
                raise RefusalError(ExceptionCode.ILLEGAL_DATA_VALUE)
            self.unit = values[0]
        elif address == relay.UART and len(values) == 1:
            if values[0] >= len(relay.BAUDS):
                raise RefusalError(ExceptionCode.ILLEGAL_DATA_VALUE)
            self._uart = values[0]
        else:
            raise RefusalError(ExceptionCode.ILLEGAL_DATA_ADDRESS)

    def _lock(self, channel: int) -> Lock:
        return self._physics.lock(self._wired_as, channel)

    def _senses(self, place: int) -> bool:
        if (there := self._physics.switches.get((self._wired_as, place))) is not None:
            return there
        return self._physics.senses_open(self._wired_as, place)
