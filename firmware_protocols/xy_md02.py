"""XY-MD02 (SHT20): temperature and humidity over Modbus RTU, 9600 8N1, unit 1 from the factory.

Source: maker's sheet, mbmap issue 161. FC 04 register 1: s16 x 0.1 degC, register 2: u16 x 0.1 %RH
(wire addresses). Traps: the register of the speed (0x0102) holds the literal 9600, not the manual's
codes; a broken sensor still answers, with nonsense: out of range becomes `quality` BAD and no
temperature, never a measurement.
"""

from dataclasses import dataclass

from firmware_protocols.errors import RangeError, WireError
from firmware_protocols.modbus_pdu import (
    DataReply,
    Function,
    ReadRequest,
    Reply,
    pack_registers,
    registers,
    signed,
)
from firmware_protocols.quality import Quality

TEMPERATURE = 1
HUMIDITY = 2
ADDRESS = 0x0101
BAUD = 0x0102
TEMPERATURE_CORRECTION = 0x0103  # s16 x 0.1
HUMIDITY_CORRECTION = 0x0104  # s16 x 0.1
MIN_C = -40.0
MAX_C = 60.0
MAX_PCT = 100.0


@dataclass(frozen=True, slots=True)
class Measurement:
    """One reading; a value outside the sensor's range is None, its register is kept for the log."""

    temperature_c: float | None
    humidity_pct: float | None
    raw: tuple[int, int]

    @property
    def quality(self) -> Quality:
        """Return BAD as soon as either value is impossible.

        A sensor wrong in one is trusted in none.
        """
        known = self.temperature_c is not None and self.humidity_pct is not None
        return Quality.GOOD if known else Quality.BAD


def read_both() -> ReadRequest:
    """Return the request for temperature and humidity in one frame; see `measurement`."""
    return ReadRequest(Function.READ_INPUT_REGISTERS, TEMPERATURE, 2)


def measurement(reply: Reply) -> Measurement:
    """Return the reading in degC and %RH.

    A reply that is not two input registers raises WireError.
    """
    if not isinstance(reply, DataReply) or reply.function is not Function.READ_INPUT_REGISTERS:
        raise WireError(f"expected the answer to READ_INPUT_REGISTERS, got {reply}")
    raw = registers(reply.data)
    if len(raw) != 2:
        raise WireError(f"expected 2 registers, got {len(raw)}")
    return from_registers(raw[0], raw[1])


def from_registers(temperature: int, humidity: int) -> Measurement:
    """Return the reading of the two raw registers (unsigned as they came).

    Cold and hot limits are the sheet's.
    """
    temperature_c = signed(temperature) / 10
    humidity_pct = humidity / 10
    return Measurement(
        temperature_c if MIN_C <= temperature_c <= MAX_C else None,
        humidity_pct if humidity_pct <= MAX_PCT else None,
        (temperature, humidity),
    )


def to_registers(temperature_c: float, humidity_pct: float) -> tuple[int, int]:
    """Return the two raw registers of a reading.

    A value that a register cannot hold raises RangeError.
    """
    tenths = round(temperature_c * 10)
    if not -0x8000 <= tenths <= 0x7FFF:
        raise RangeError(f"{temperature_c} degC does not fit a register")
    raw = (tenths & 0xFFFF, round(humidity_pct * 10))
    pack_registers(raw)
    return raw
