"""What `linli edge check` says about controllers, meters and probe modules: what they say now, and what is doubtful."""

from collections.abc import Iterator, Mapping, Sequence

from common.contract.words import Quality
from edge.config import StationConfig
from edge.findings import Finding, Level
from edge.hardware.ports import PointSeen
from edge.instruments import OWN_PROBE_DRIVERS, DeviceSection, shipped
from firmware_protocols.profile import ALARM_ROLES, ROLE_UNITS, Role

_SHOWN = (Role.AIR_TEMPERATURE, Role.SET_POINT, Role.POWER, Role.ENERGY)


def device_findings(
    config: StationConfig, seen: Mapping[str, Sequence[PointSeen]], up: Mapping[str, bool]
) -> Iterator[Finding]:
    """Yield a line a device whose bus is open, and one for each doubtful profile."""
    kinds = {(zone.probe_bus, zone.probe_unit): zone.probe_kind for zone in config.zone}
    kinds |= {(device.bus, device.unit): device.kind for device in config.device}
    for (bus, unit), kind in sorted(kinds.items()):
        if up[bus] and kind not in OWN_PROBE_DRIVERS and (doubt := shipped(kind).device.doubt):
            said = f"experimental, not sure is {doubt}"
            yield Finding(Level.OK, f"{kind} unit {unit} on bus {bus}: {said}")
    bauds = {bus.name: bus.baud for bus in config.bus}
    for device in config.device:
        if up[device.bus]:
            yield _finding(device, seen[device.name], bauds[device.bus])


def _finding(device: DeviceSection, seen: Sequence[PointSeen], baud: int) -> Finding:
    name = f"device {device.name} ({device.kind} unit {device.unit})"
    if all(one.quality is Quality.STALE for one in seen):
        usual = shipped(device.kind).line.baud
        advice = "check power, wiring and address"
        if usual != baud:
            advice += f", and its speed: {usual} baud unless it was changed, this line has {baud}"
        return Finding(Level.WRONG, f"{name} does not answer; {advice}")
    if bad := [one.point for one in seen if one.quality is not Quality.GOOD]:
        advice = "check its probes, and that `kind` is its map"
        return Finding(Level.WRONG, f"{name} cannot tell {', '.join(bad)}; {advice}")
    told = ", ".join(
        f"{one.point} {one.value:g} {ROLE_UNITS[one.role]}" for one in seen if one.role in _SHOWN
    )
    alarms = [one.point for one in seen if one.role in ALARM_ROLES and one.value is True]
    said = f"; alarms: {', '.join(alarms)}" if alarms else ", no alarms"
    return Finding(Level.OK, f"{name}: {told}{said}")
