"""Devices that have a register profile, recognised by it: everything the profile names is answered, and makes sense.

What a device of another make answers at the same addresses can look alike, so nothing here is more than likely.
"""

from collections.abc import Awaitable, Callable

from common.contract.words import Quality
from edge.instruments import shipped
from firmware_protocols import profile_codec, profiles
from firmware_protocols.modbus_pdu import Function
from firmware_protocols.profile import Profile
from firmware_protocols.profile_codec import Place, PointReading
from provisioning.record import FoundUnit

Reader = Callable[[Function, int, int], Awaitable[tuple[int, ...] | None]]
"""Function, address, count → the bits or registers; None: refused, or silence."""
PROFILES = {kind: shipped(kind) for kind in profiles.names()}
"""Kind → profile; read once, when this is imported."""
_MOST_BAD = 0.5
"""A probe module may have empty places; a device of another make has nonsense in most."""


async def recognise_profile(unit: int, read: Reader) -> FoundUnit | None:
    """Return what the device is if a profile fits; two that fit alike are both named, the first is taken."""
    fits: dict[str, dict[str, PointReading]] = {}
    for kind, profile in PROFILES.items():
        if (said := await _said(profile, read)) is not None:
            fits[kind] = said
    if not fits:
        return None
    first, *others = fits
    profile = PROFILES[first]
    seen = f"{profile.device.name_en}{_first_value(profile, fits[first])}"
    if others:
        seen += f" (or {', '.join(others)})"
    return FoundUnit(unit=unit, kind=first, sure="likely", seen=seen)


def is_profiled(kind: str) -> bool:
    """Tell whether a kind is one with a register profile."""
    return kind in PROFILES


async def _said(profile: Profile, read: Reader) -> dict[str, PointReading] | None:
    """Return what the device says as `profile` reads it; None: it does not answer so."""
    seen: dict[Place, int] = {}
    for request in profile_codec.plan(profile):
        words = await read(request.function, request.address, request.count)
        if words is None or len(words) < request.count:
            return None
        table = next(one.table for one in profile.point if one.table.read is request.function)
        seen |= {(table, request.address + n): words[n] for n in range(request.count)}
    found = profile_codec.readings(profile, seen)
    if (
        profile.weight is not None
    ):  # a device of another make has a number there too: it must be set as demanded
        return found if found[profile.weight.id].value is not None else None
    numbers = [found[one.id] for one in profile.point if not one.is_flag]
    good = sum(one.quality.value == Quality.GOOD for one in numbers)
    return (
        found if (good and good >= len(numbers) * (1 - _MOST_BAD)) or _is_probes(profile) else None
    )


def _is_probes(profile: Profile) -> bool:
    """Tell whether most of its places may be empty: a module with eight inputs and one probe."""
    return profile.device.family == "probes"


def _first_value(profile: Profile, found: dict[str, PointReading]) -> str:
    for point in profile.point:
        one = found[point.id]
        if point.unit and one.value is not None:
            return f", {one.value} {point.unit}"
    return ""
