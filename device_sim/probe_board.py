"""The XY-MD02 temperature and humidity transmitter as a board on the wire.

Register map: firmware_protocols/xy_md02.py.
"""

import random

from device_sim.board import ModbusBoard, RefusalError, window
from device_sim.physics import Physics
from device_sim.sensors import Shows
from firmware_protocols import modbus_pdu, modbus_rtu, xy_md02
from firmware_protocols.modbus_pdu import (
    DataReply,
    EchoReply,
    ExceptionCode,
    Function,
    ReadRequest,
    Reply,
    Request,
    WriteOneRequest,
)

NOISE_C = 0.05
NOISE_PCT = 0.2
_CORRECTIONS = (xy_md02.TEMPERATURE_CORRECTION, xy_md02.HUMIDITY_CORRECTION)


class ProbeBoard(ModbusBoard):
    """Measures one zone, with the sensor's own small noise."""

    probes = 1
    can_show = frozenset(Shows) - {Shows.ERROR_STATUS}

    def __init__(self, unit: int, zone: str, physics: Physics, jitter: random.Random) -> None:
        """Hang in `zone`."""
        super().__init__(unit, jitter)
        self._wired_as = unit  # the address may change by register, the place does not
        self._zone, self._physics = zone, physics
        self._baud = 9600
        self._corrections = dict.fromkeys(_CORRECTIONS, 0)

    def obey(self, request: Request, frame: bytes, at_s: float) -> Reply:  # noqa: ARG002
        """Answer a reading or change a setting."""
        if (
            isinstance(request, WriteOneRequest)
            and request.function is Function.WRITE_SINGLE_REGISTER
        ):
            self._set(request.address, request.value)
            return EchoReply(request.function, request.address, request.value)
        if not isinstance(request, ReadRequest):
            raise RefusalError(ExceptionCode.ILLEGAL_FUNCTION)
        if request.function is Function.READ_INPUT_REGISTERS:
            values = window(request, xy_md02.TEMPERATURE, self._measure(at_s))
        elif request.function is Function.READ_HOLDING_REGISTERS:
            settings = (
                self.unit,
                self._baud,
                *(self._corrections[place] for place in _CORRECTIONS),
            )
            values = window(request, xy_md02.ADDRESS, settings)
        else:
            raise RefusalError(ExceptionCode.ILLEGAL_FUNCTION)
        return DataReply(request.function, modbus_pdu.pack_registers(values))

    def _measure(self, at_s: float) -> tuple[int, int]:
        self._physics.advance(at_s)
        air = self._physics.zones[self._zone].air
        temperature_off, humidity_off = (
            modbus_pdu.signed(self._corrections[place]) / 10 for place in _CORRECTIONS
        )
        measured_c = air.temperature_c + self.jitter.uniform(-NOISE_C, NOISE_C)
        sensed = self._physics.sensors.sense(self._wired_as, 0, measured_c, self.jitter)
        humidity_pct = air.humidity_pct + self.jitter.uniform(-NOISE_PCT, NOISE_PCT)
        humidity_pct = min(100.0, max(0.0, humidity_pct + humidity_off))
        return xy_md02.to_registers(
            sensed.temperature_c + temperature_off * (not sensed.is_false),
            humidity_pct if sensed.humidity_pct is None else sensed.humidity_pct,
        )

    def _set(self, address: int, value: int) -> None:
        if address == xy_md02.ADDRESS and 1 <= value <= modbus_rtu.LAST_UNIT:
            self.unit = value
        elif address == xy_md02.BAUD and value in (9600, 14400, 19200):
            self._baud = value
        elif address in self._corrections:
            self._corrections[address] = value
        elif address in (xy_md02.ADDRESS, xy_md02.BAUD):
            raise RefusalError(ExceptionCode.ILLEGAL_DATA_VALUE)
        else:
            raise RefusalError(ExceptionCode.ILLEGAL_DATA_ADDRESS)
