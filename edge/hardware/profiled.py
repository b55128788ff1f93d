"""Driver of every device that has a register profile: read its points, change what an operator may, no policy.

What is read and what it means stands in the profile; this adds the bus: silence is STALE, a refusal or nonsense BAD.
"""

import math
from collections.abc import Iterable, Mapping
from enum import StrEnum

from common.contract.words import Quality
from edge.hardware.bus import BusOwner
from edge.hardware.errors import DeviceRefusedError, NoReplyError, NotSentError
from edge.hardware.jobs import Priority
from edge.hardware.ports import PointSeen, ProbeReading
from edge.hardware.speech import BoardRule
from firmware_protocols import profile_codec
from firmware_protocols.modbus_pdu import ReadRequest, Reply, Request
from firmware_protocols.profile import Point, Profile
from firmware_protocols.profile_codec import Place, Value

_RETRIES = 2


class WriteResult(StrEnum):
    """What became of one change; only a reading that shows it confirms it."""

    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"
    """The frame left, and what was read afterwards does not show it (yet)."""
    REJECTED = "rejected"
    NOT_SENT = "not_sent"


class ProfiledDevice:
    """One unit that is read as its profile says."""

    def __init__(self, bus: BusOwner[Request, Reply], unit: int, profile: Profile) -> None:
        """Talk to `unit` over `bus`."""
        self.profile = profile
        self._bus = bus
        self._unit = unit

    async def read(self, points: Iterable[Point] | None = None) -> dict[str, PointSeen]:
        """Return id → what was seen of `points` (none: all); never raises for a device that fails.

        At the first silence the rest is not asked: twenty time-outs in a row would be the others' share of the wire.
        """
        wanted = self.profile.point if points is None else tuple(points)
        seen: dict[Place, int] = {}
        unread = Quality.BAD
        for request in profile_codec.plan(self.profile, wanted):
            try:
                seen |= profile_codec.image(request, await self._ask(request))
            except (NotSentError, NoReplyError):
                unread = Quality.STALE
                break
            except DeviceRefusedError:
                continue
        found = profile_codec.readings(self.profile, seen)
        return {point.id: _seen(point, found, unread) for point in wanted}

    async def write(self, name: str, value: Value) -> WriteResult:
        """Change one point on an operator's word, once, and read back what shows it; RangeError: it may not be."""
        point = self.profile.named(name)
        request = profile_codec.write(point, value)
        try:
            await self._bus.call(Priority.SNAPSHOT, self._unit, request)
        except NotSentError:
            return WriteResult.NOT_SENT
        except DeviceRefusedError:
            return WriteResult.REJECTED
        except NoReplyError:
            pass  # it may have been obeyed: what is read decides
        shown = self.profile.named(point.confirmed_by or name)
        now = (await self.read([shown]))[shown.id].value
        as_told = now is not None and math.isclose(now, value, abs_tol=shown.scale / 2)
        return WriteResult.CONFIRMED if as_told else WriteResult.UNCONFIRMED

    async def _ask(self, request: ReadRequest) -> Reply:
        return await self._bus.call(Priority.SENSOR, self._unit, request, retries=_RETRIES)


class ProfiledProbe:
    """One probe of a unit, hanging in a zone."""

    def __init__(self, device: ProfiledDevice, zone: str, channel: int) -> None:
        """Measure `zone` with the probe `channel` of `device`."""
        self.zone = zone
        self._device = device
        self._point = device.profile.probes[channel]

    async def read(self) -> ProbeReading:
        """Return one reading; silence is STALE, what the device does not believe itself BAD."""
        seen = (await self._device.read([self._point]))[self._point.id]
        return ProbeReading(seen.value, None, seen.quality)


class ProfiledInstrument:
    """A controller or a meter that the station reads beside its probes."""

    def __init__(self, name: str, kind: str, zone: str | None, device: ProfiledDevice) -> None:
        """Call `device`, of the profile `kind`, by its `name`."""
        self.name, self.kind, self.zone = name, kind, zone
        self._device = device

    async def read(self) -> tuple[PointSeen, ...]:
        """Return all points in the order of the profile."""
        return tuple((await self._device.read()).values())


def rule(profile: Profile, *, may_write: bool) -> BoardRule[Request]:
    """Return the allow-list: the profile's points, and the changes it lets an operator make."""

    def allows(request: Request) -> bool:
        return may_write and profile_codec.allows_write(profile, request)

    def reads(request: Request) -> bool:
        return isinstance(request, ReadRequest) and profile_codec.allows_read(profile, request)

    return BoardRule(allows, None, reads)


def _seen(
    point: Point, found: Mapping[str, profile_codec.PointReading], unread: Quality
) -> PointSeen:
    one = found.get(point.id)
    if one is None:
        return PointSeen(point.id, point.role, None, unread)
    return PointSeen(point.id, point.role, one.value, Quality(one.quality.value))
