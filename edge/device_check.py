"""What `linli edge check` says about controllers, meters and probe modules: what they say now, and what is doubtful."""

from collections.abc import Iterator, Mapping, Sequence

from common.contract.words import Quality
from common.kit.said import Said
from edge.config import StationConfig
from edge.findings import Finding, Level, found
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
            board = Said("%(kind)s unit %(unit)s on bus %(bus)s", kind=kind, unit=unit, bus=bus)
            text = "%(board)s: experimental, not sure is %(doubt)s"
            yield found(Level.OK, "device.doubt", text, board=board, doubt=doubt)
    bauds = {bus.name: bus.baud for bus in config.bus}
    for device in config.device:
        if up[device.bus]:
            yield _finding(device, seen[device.name], bauds[device.bus])


def _finding(device: DeviceSection, seen: Sequence[PointSeen], baud: int) -> Finding:
    name = Said(
        "device %(name)s (%(kind)s unit %(unit)s)",
        name=device.name, kind=device.kind, unit=device.unit,
    )  # fmt: skip
    if all(one.quality is Quality.STALE for one in seen):
        usual = shipped(device.kind).line.baud
        text = "%(device)s does not answer; check power, wiring and address"
        if usual == baud:
            return found(Level.WRONG, "device.silent", text, device=name)
        text = (
            "%(device)s does not answer; check power, wiring and address, and its speed:"
            " %(usual)s baud unless it was changed, this line has %(baud)s"
        )
        return found(Level.WRONG, "device.silent", text, device=name, usual=usual, baud=baud)
    if bad := [one.point for one in seen if one.quality is not Quality.GOOD]:
        text = "%(device)s cannot tell %(points)s; check its probes, and that `kind` is its map"
        return found(Level.WRONG, "device.partly", text, device=name, points=", ".join(bad))
    told = ", ".join(
        f"{one.point} {one.value:g} {ROLE_UNITS[one.role]}" for one in seen if one.role in _SHOWN
    )
    alarms = ", ".join(one.point for one in seen if one.role in ALARM_ROLES and one.value is True)
    if not alarms:
        text = "%(device)s: %(told)s, no alarms"
        return found(Level.OK, "device.said", text, device=name, told=told)
    text = "%(device)s: %(told)s; alarms: %(alarms)s"
    return found(Level.OK, "device.said", text, device=name, told=told, alarms=alarms)
