"""Plays any device that has a register profile: its points as bits and registers, values from the physics.

It answers what its profile names and refuses the rest, as the real ones do; it takes the changes an operator may make.
"""

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from common.kit.config import load_toml
from device_sim.board import ModbusBoard, RefusalError
from device_sim.physics import Physics
from device_sim.sensors import SHOWN_C, Shows
from device_sim.zone import Zone
from firmware_protocols import profile_codec, profiles
from firmware_protocols.errors import RangeError
from firmware_protocols.modbus_pdu import (
    DataReply,
    EchoReply,
    ExceptionCode,
    ReadRequest,
    Reply,
    Request,
    WriteOneRequest,
    pack_bits,
    pack_registers,
    signed,
)
from firmware_protocols.profile import PROBE_ROLES, Point, Profile, Role, Table
from firmware_protocols.profile_codec import Place, Value

NOISE_C = 0.05
VOLTAGE_V = 230.0
FREQUENCY_HZ = 50.0
POWER_FACTOR = 0.92
ALARM_OFF_C = 5.0
"""A controller's own alarm: this far from its set point."""
DOOR_ALARM_S = 300.0
_EVAPORATOR_C = {True: -8.0, False: -1.0}
"""Its coil against the air, by whether the compressor runs."""
_CONDENSER_C = {True: 14.0, False: 0.0}
_TABLES = {table.read: table for table in Table}


@cache
def shipped(kind: str) -> Profile:
    """Return the profile of a kind; ConfigError when its file is wrong."""
    return load_toml(Profile, profiles.path_of(kind), {})


class ProfileBoard(ModbusBoard):
    """A controller, meter or probe module at its unit."""

    def __init__(
        self,
        unit: int,
        profile: Profile,
        zones: Sequence[str],
        physics: Physics,
        jitter: random.Random,
        *,
        set_point_c: float,
    ) -> None:
        """`zones`: where each probe hangs by channel, the first is also what a controller cools or a meter feeds."""
        super().__init__(unit, jitter)
        self.set_point_c = set_point_c
        self.probes = max(profile.probes, default=-1) + 1
        self.can_show = frozenset(_can_show(profile))
        self._wired_as = unit
        self._profile, self.physics = profile, physics
        self._zones = zones
        self._open_since_s: float | None = None

    def obey(self, request: Request, frame: bytes, at_s: float) -> Reply:  # noqa: ARG002
        """Answer a reading, take a change that an operator may make."""
        self._settle(at_s)
        if isinstance(request, WriteOneRequest):
            self._change(request)
            return EchoReply(request.function, request.address, request.value)
        if not isinstance(request, ReadRequest):
            raise RefusalError(ExceptionCode.ILLEGAL_FUNCTION)
        return DataReply(request.function, self._window(request))

    def _window(self, request: ReadRequest) -> bytes:
        table, held = _TABLES[request.function], self._held()
        if not any(kind is table for kind, _ in held):
            raise RefusalError(ExceptionCode.ILLEGAL_FUNCTION)
        if not 1 <= request.count <= self._profile.read.most(table):
            raise RefusalError(ExceptionCode.ILLEGAL_DATA_VALUE)
        asked = [
            (table, address) for address in range(request.address, request.address + request.count)
        ]
        if not profile_codec.allows_read(self._profile, request):
            raise RefusalError(ExceptionCode.ILLEGAL_DATA_ADDRESS)
        words = tuple(held.get(place, 0) for place in asked)
        return pack_bits(tuple(map(bool, words))) if table.is_bits else pack_registers(words)

    def _held(self) -> Mapping[Place, int]:
        """Return every bit and register as it is now; bits of one register are laid over each other."""
        held: dict[Place, int] = {}
        for point in self._profile.point:
            try:
                found = profile_codec.encode(point, self.value(point))
            except RangeError:
                raise RefusalError(ExceptionCode.DEVICE_FAILURE) from None
            for place, word in found.items():
                held[place] = held.get(place, 0) | word
        return held

    def _change(self, request: WriteOneRequest) -> None:
        if not profile_codec.allows_write(self._profile, request):
            known = any(point.address == request.address for point in self._profile.point)
            raise RefusalError(
                ExceptionCode.ILLEGAL_DATA_VALUE if known else ExceptionCode.ILLEGAL_DATA_ADDRESS
            )
        point = next(
            one
            for one in self._profile.point
            if one.address == request.address and one.access == "operator"
        )
        zone = self._zone(0)
        if point.role is not Role.DEFROST_START:
            self.set_point_c = signed(request.value) * point.scale + point.offset
            if zone is not None:
                zone.change_set_point(self.set_point_c)
        elif zone is not None:
            zone.start_defrost()

    def _settle(self, at_s: float) -> None:
        now_s = self.physics.advance(at_s)
        if not self._is_ajar():
            self._open_since_s = None
        elif self._open_since_s is None:
            self._open_since_s = now_s

    def value(self, point: Point) -> Value | None:
        """Return what a point says now; None: no probe hangs there."""
        if point.role in PROBE_ROLES:
            sensed_c = self._sensed_c(point.channel)
            can_say_none = bool(point.error_values) or point.status is not None
            return self._air_c(point.channel) if sensed_c is None and not can_say_none else sensed_c
        if point.role is Role.PROBE_FAULT:
            return self._is_known_broken(point)
        if point.must_be is not None:
            return point.must_be * point.scale + point.offset
        if (number := self._numbers().get(point.role)) is not None:
            return number
        if not point.is_flag:
            return 0.0  # no trouble in the register of states
        return self._flags().get(point.role, False)

    def _sensed_c(self, channel: int) -> float | None:
        air_c = self._air_c(channel)
        if air_c is None:
            return None
        measured_c = air_c + self._noise_c()
        sensed = self.physics.sensors.sense(self._wired_as, channel, measured_c, self.jitter)
        says_none = sensed.is_error or sensed.temperature_c == SHOWN_C[Shows.NO_SENSOR]
        return None if says_none else sensed.temperature_c

    def _is_known_broken(self, fault: Point) -> bool:
        """Return what a flag of probes says: they stand in the order of the probes."""
        flags = [point for point in self._profile.point if point.role is Role.PROBE_FAULT]
        channel = flags.index(fault)
        return channel in self._profile.probes and self._sensed_c(channel) is None

    def _numbers(self) -> Mapping[Role, float]:
        runs, air_c = self._compressor_on(), self._air_c(0)
        outside_c = self.physics.outside.temperature_c
        air_c = outside_c if air_c is None else air_c
        watts, volts = self._watts(), VOLTAGE_V + self.jitter.uniform(-1, 1)
        apparent_va = watts / POWER_FACTOR
        return {
            Role.DEFROST_TEMPERATURE: air_c + _EVAPORATOR_C[runs] + self._noise_c(),
            Role.CONDENSER_TEMPERATURE: outside_c + _CONDENSER_C[runs],
            Role.DISPLAYED_TEMPERATURE: air_c,
            Role.SET_POINT: self.set_point_c,
            Role.ACTIVE_SET_POINT: self.set_point_c,
            Role.VOLTAGE: volts,
            Role.CURRENT: apparent_va / volts,
            Role.POWER: watts,
            Role.APPARENT_POWER: apparent_va,
            Role.REACTIVE_POWER: math.sqrt(apparent_va**2 - watts**2),
            Role.ENERGY: sum(zone.energy_j for zone in self._fed()) / 3.6e6,
            Role.FREQUENCY: FREQUENCY_HZ,
            Role.POWER_FACTOR: POWER_FACTOR,
        }

    def _flags(self) -> Mapping[Role, bool]:
        runs, defrosting, zone = self._compressor_on(), self._defrosting(), self._zone(0)
        air_c = self._numbers()[Role.DISPLAYED_TEMPERATURE]
        high = self._is_controller and air_c > self.set_point_c + ALARM_OFF_C
        low = self._is_controller and air_c < self.set_point_c - ALARM_OFF_C
        since_s = self._open_since_s
        long_open = since_s is not None and self.physics.now_s - since_s >= DOOR_ALARM_S
        return {
            Role.COMPRESSOR: runs,
            Role.FAN: zone is not None and zone.fan_on,
            Role.DEFROST_RELAY: defrosting,
            Role.DEFROSTING: defrosting,
            Role.SWITCHED_ON: True,
            Role.DOOR: self._is_ajar(),
            Role.DOOR_ALARM: long_open,
            Role.HIGH_ALARM: high,
            Role.LOW_ALARM: low,
            Role.ALARM: high or low or (long_open and self._is_controller),
        }

    @property
    def _is_controller(self) -> bool:
        return self._profile.device.family == "controller"

    def _air_c(self, channel: int) -> float | None:
        """Return what a probe hangs in: the probes of a controller in its zone, or in the open."""
        if self._is_controller:
            zone = self._zone(0)
            return (self.physics.outside if zone is None else zone.air).temperature_c
        zone = self._zone(channel)
        return None if zone is None else zone.air.temperature_c

    def _zone(self, channel: int) -> Zone | None:
        return self.physics.zones[self._zones[channel]] if channel < len(self._zones) else None

    def _fed(self) -> list[Zone]:
        """Return what a meter measures: its zone, or all of the cabinet."""
        zone = self._zone(0)
        return list(self.physics.zones.values()) if zone is None else [zone]

    def _watts(self) -> float:
        return sum(zone.watts for zone in self._fed())

    def _compressor_on(self) -> bool:
        zone = self._zone(0)
        return zone is not None and zone.compressor_on

    def _defrosting(self) -> bool:
        zone = self._zone(0)
        return zone is not None and zone.defrosting

    def _is_ajar(self) -> bool:
        zone = self._zone(0)
        return zone is not None and self.physics.open_doors(zone.name) > 0

    def _noise_c(self) -> float:
        return self.jitter.uniform(-NOISE_C, NOISE_C)


def _can_show(profile: Profile) -> Iterator[Shows]:
    """Yield the wrong values that the probes of such a device can say."""
    points = profile.probes.values()
    if any(point.error_values for point in points):
        yield Shows.NO_SENSOR
        if (
            profile.device.family == "probes"
        ):  # digital elements, whose own wrong values pass through
            yield from (Shows.POWER_ON, Shows.UNDER_POWERED, Shows.GONE)
    knows = any(point.role is Role.PROBE_FAULT for point in profile.point)
    if points and (knows or any(point.status is not None for point in points)):
        yield Shows.ERROR_STATUS
