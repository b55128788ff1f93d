"""Reads and writes a device as its profile says: which requests, and what the answers mean. Pure.

A value that the device marks as none, that is outside its good range or whose status says so has
quality BAD and no number. Nothing but WireError (bytes) and RangeError (values) is raised.
"""

import math
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from firmware_protocols.errors import RangeError, WireError
from firmware_protocols.modbus_pdu import (
    COIL_OFF,
    COIL_ON,
    DataReply,
    Function,
    ReadRequest,
    Reply,
    Request,
    WriteOneRequest,
    bits,
    registers,
)
from firmware_protocols.profile import CONDITIONAL_UNITS, WIDE, Limits, Point, Profile, Table
from firmware_protocols.quality import Quality

Place = tuple[Table, int]
Value = float | bool
Image = Mapping[Place, int]
"""What was read: place → bit or unsigned register."""

_TABLES = {table.read: table for table in Table}
_DIGITS = 6  # hides what binary fractions add to a register times 0.1
_FLOAT_DIGITS = 4  # a 32-bit float has about seven digits in all
_SIGN = {"s16": 0x8000, "s32": 0x8000_0000}


@dataclass(frozen=True, slots=True)
class PointReading:
    """What one point said; without quality GOOD there is no value."""

    value: Value | None
    quality: Quality
    raw: int


def plan(profile: Profile, points: Iterable[Point] | None = None) -> tuple[ReadRequest, ...]:
    """Return the fewest requests that read `points` (none: all), their status and the conditions."""
    wanted = set()
    for point in profile.point if points is None else points:
        wanted |= {*_spans(point)}
    for point in profile.conditions:
        wanted |= {*_spans(point)}
    requests = []
    for table in Table:
        spans = sorted((first, last) for kind, first, last in wanted if kind is table)
        requests += [
            ReadRequest(table.read, first, last - first + 1)
            for first, last in _grouped(spans, profile.read, table)
        ]
    return tuple(requests)


def image(request: ReadRequest, reply: Reply) -> dict[Place, int]:
    """Return what `reply` says about each place that was asked for; another shape is a WireError."""
    if not isinstance(reply, DataReply) or reply.function is not request.function:
        raise WireError(f"expected the answer to {request.function.name}, got {reply}")
    table = _TABLES[request.function]
    if table.is_bits:
        values: tuple[int, ...] = bits(reply.data, request.count)
    else:
        values = registers(reply.data)
    if len(values) != request.count:
        raise WireError(f"expected {request.count} registers, got {len(values)}")
    return {(table, request.address + n): int(value) for n, value in enumerate(values)}


def readings(profile: Profile, seen: Image) -> dict[str, PointReading]:
    """Return id → reading of every point whose places were all read.

    No temperature and no weight is believed while a condition is broken or was not read.
    """
    found = {
        point.id: _reading(point, seen)
        for point in profile.point
        if all(place in seen for place in _places(point))
    }
    if all(_holds(point, found) for point in profile.conditions):
        return found
    doubted = {point.id for point in profile.point if point.unit in CONDITIONAL_UNITS}
    return {
        name: PointReading(None, Quality.BAD, one.raw) if name in doubted else one
        for name, one in found.items()
    }


def write(point: Point, value: Value) -> WriteOneRequest:
    """Return the request that changes a point; one that may not, or a value out of range: RangeError."""
    if point.access != "operator":
        raise RangeError(f"{point.id} is only read")
    if point.is_flag and value is not True:
        raise RangeError(f"{point.id} can only be started")
    if not point.is_flag and (isinstance(value, bool) or not _is_good(point, value)):
        raise RangeError(f"{point.id} takes {point.good_min} to {point.good_max}, not {value}")
    (raw,) = _raw_words(point, value)
    return _write_one(point, raw)


def allows_write(profile: Profile, request: Request) -> bool:
    """Tell whether a frame is a change that the profile lets an operator make."""
    return isinstance(request, WriteOneRequest) and any(
        _is_change(point, request) for point in profile.point if point.access == "operator"
    )


def allows_read(profile: Profile, request: ReadRequest) -> bool:
    """Tell whether a read asks for points of the profile only, and for no more than it bears."""
    table = _TABLES.get(request.function)
    if table is None or not 1 <= request.count <= profile.read.most(table):
        return False
    known = {place for point in profile.point for place in _places(point)}
    hole = profile.read.max_hole + 1  # the first place must be a point
    for address in range(request.address, request.address + request.count):
        hole = 0 if (table, address) in known else hole + 1
        if hole > profile.read.max_hole:
            return False
    return hole == 0


def encode(point: Point, value: Value | None) -> dict[Place, int]:
    """Return what the device holds at the point's places to mean `value` (a device's side).

    None is the device's way to say that it has no value; RangeError when it has none, or for a value
    that does not fit.
    """
    held: dict[Place, int] = {}
    if (status := point.status) is not None:
        bad = value is None
        held[status.table or point.table, status.address] = status.bad[0] if bad else 0
    if value is not None:
        words = _raw_words(point, value)
    elif point.error_values:
        words = _words(point, point.error_values[0])
    elif status is not None:
        words = (0,) * point.places
    else:
        raise RangeError(f"{point.id} has no way to say that there is no value")
    held.update(((point.table, point.address + n), word) for n, word in enumerate(words))
    return held


def _spans(point: Point) -> Iterator[tuple[Table, int, int]]:
    """Yield table, first and last address of a point and of its status."""
    yield point.table, point.address, point.address + point.places - 1
    if (status := point.status) is not None:
        yield status.table or point.table, status.address, status.address


def _places(point: Point) -> Iterator[Place]:
    for table, first, last in _spans(point):
        yield from ((table, address) for address in range(first, last + 1))


def _grouped(
    spans: list[tuple[int, int]], limits: Limits, table: Table
) -> Iterator[tuple[int, int]]:
    """Yield first and last address of each request: as far as one may reach, from the lowest on."""
    start = end = -1
    for first, last in spans:
        reach = max(end, last)
        if (
            start >= 0
            and first - end - 1 <= limits.max_hole
            and (reach - start < limits.most(table))
        ):
            end = reach
            continue
        if start >= 0:
            yield start, end
        start, end = first, last
    if start >= 0:
        yield start, end


def _reading(point: Point, seen: Image) -> PointReading:
    raw = _raw(point, seen)
    value = _value(point, raw)
    status = point.status
    if status is not None:
        said = seen[status.table or point.table, status.address] & status.mask
        if said in status.bad:
            value = None
    return PointReading(value, Quality.BAD if value is None else Quality.GOOD, raw)


def _raw(point: Point, seen: Image) -> int:
    words = [seen[point.table, point.address + n] for n in range(point.places)]
    if point.bit is not None:
        return words[0] >> point.bit & 1
    if point.word_order == "low_first":
        words.reverse()
    return words[0] if point.places == 1 else words[0] << 16 | words[1]


def _value(point: Point, raw: int) -> Value | None:
    if raw in point.error_values:
        return None
    if point.is_flag:
        return None if raw > 1 else bool(raw) is not point.invert
    number = _number(point, raw)
    return number if _is_good(point, number) else None


def _number(point: Point, raw: int) -> float:
    if point.type == "f32":
        real: float = struct.unpack(">f", raw.to_bytes(4, "big"))[0]
        return round(real * point.scale + point.offset, _FLOAT_DIGITS)
    sign = _SIGN.get(point.type, 0)
    return round((raw - 2 * (raw & sign)) * point.scale + point.offset, _DIGITS)


def _is_good(point: Point, number: float) -> bool:
    if not math.isfinite(number):
        return False
    low = -math.inf if point.good_min is None else point.good_min
    high = math.inf if point.good_max is None else point.good_max
    return low <= number <= high


def _holds(point: Point, found: Mapping[str, PointReading]) -> bool:
    return point.id in found and found[point.id].raw == point.must_be


def _write_one(point: Point, raw: int) -> WriteOneRequest:
    if point.table is Table.COIL:
        value = COIL_ON if raw else COIL_OFF
        return WriteOneRequest(Function.WRITE_SINGLE_COIL, point.address, value)
    return WriteOneRequest(Function.WRITE_SINGLE_REGISTER, point.address, raw)


def _is_change(point: Point, request: WriteOneRequest) -> bool:
    """Tell whether the bytes are exactly what `write` could have made for a value in range."""
    if request.address != point.address:
        return False
    if point.is_flag:
        return request == write(point, value=True)
    in_register = request.function is Function.WRITE_SINGLE_REGISTER
    return in_register and _is_good(point, _number(point, request.value))


def _raw_words(point: Point, value: Value) -> tuple[int, ...]:
    if point.is_flag:
        raw = int(bool(value) is not point.invert)
        return (raw << (point.bit or 0),)
    if not math.isfinite(value):
        raise RangeError(f"{value} does not fit {point.id}")
    if point.type == "f32":
        try:
            packed = struct.pack(">f", (value - point.offset) / point.scale)
        except OverflowError as error:
            raise RangeError(f"{value} does not fit {point.id}") from error
        return _words(point, int.from_bytes(packed, "big"))
    size, sign = 16 * point.places, _SIGN.get(point.type, 0)
    whole = round((value - point.offset) / point.scale)
    if not -sign <= whole < (sign or 1 << size):
        raise RangeError(f"{value} does not fit {point.id}")
    return _words(point, whole & ((1 << size) - 1))


def _words(point: Point, raw: int) -> tuple[int, ...]:
    if point.type not in WIDE:
        return (raw & 0xFFFF,)
    high, low = raw >> 16, raw & 0xFFFF
    return (high, low) if point.word_order == "high_first" else (low, high)
