"""Controllers and meters in the keeper's words: what they do now, and their alarms as things that need a hand."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from common.ui.i18n import Texts
from edge.screen.keeper.model import Attention
from edge.screen.services import DeviceFact


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """One device: its name, what it does, and how bad that is."""

    name: str
    kind: str
    said: str


def device_needs(devices: Iterable[DeviceFact], texts: Texts) -> Iterator[Attention]:
    """Yield one line an alarm; a device that is silent alarms nobody, its bus does."""
    _ = texts.gettext
    for device in devices:
        for alarm in device.alarms:
            said = _("%(name)s reports: %(said)s", name=device.name, said=_alarm(alarm, texts))
            yield Attention("crit", _("severe"), said, "/temperatures", _("Look"))


def device_rows(devices: Iterable[DeviceFact], texts: Texts) -> list[DeviceRow]:
    """Return every device with what it does now."""
    return [_row(device, texts) for device in devices]


def _row(device: DeviceFact, texts: Texts) -> DeviceRow:
    if device.alarms:
        alarms = " · ".join(_alarm(alarm, texts) for alarm in device.alarms)
        return DeviceRow(device.name, "crit", alarms)
    _ = texts.gettext
    if not device.answers:
        return DeviceRow(device.name, "", _("no reading"))
    if device.defrosting:
        return DeviceRow(device.name, "info", _("defrosting"))
    if device.watts is not None:
        return DeviceRow(device.name, "ok", f"{device.watts:.0f} W")
    return DeviceRow(device.name, "ok", _("cooling") if device.cools else _("resting"))


def _alarm(role: str, texts: Texts) -> str:
    _ = texts.gettext
    return {
        "high_alarm": _("too warm"),
        "low_alarm": _("too cold"),
        "door_alarm": _("a door stands open"),
        "probe_fault": _("a probe is broken"),
        "haccp": _("HACCP alarm"),
        "no_power": _("takes no power"),
    }.get(role, _("alarm"))
