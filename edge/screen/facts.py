"""What is true of the station, in the words of the pages."""

from collections.abc import Sequence

from common.kit.disk import Disk, DiskLevel
from common.kit.trusted_time import TimeView, TrustedTime
from edge.climate import InstrumentView
from edge.pickup.facts import StationFacts
from edge.pickup.views import DoorCell
from edge.screen.services import DeviceFact, LinkFact, ZoneFact
from firmware_protocols.profile import Role


class ScreenFacts:
    """StationFacts in the words of the pages."""

    def __init__(self, facts: StationFacts, clock: TrustedTime, disk: Disk) -> None:
        """Read from `facts`, `clock` and `disk`."""
        self._facts, self._clock, self._disk = facts, clock, disk

    @property
    def name_zh(self) -> str:
        """Return the Chinese name."""
        return self._facts.name_zh

    @property
    def name_en(self) -> str:
        """Return the English name."""
        return self._facts.name_en

    @property
    def help_phone(self) -> str:
        """Return the number to call."""
        return self._facts.help_phone

    def zones(self) -> Sequence[ZoneFact]:
        """Return the zones, in the order of the configuration."""
        return tuple(
            ZoneFact(zone.zone, zone.temperature_c, zone.over_limit, zone.sampled_at)
            for zone in self._facts.zones()
        )

    def devices(self) -> Sequence[DeviceFact]:
        """Return the controllers and meters, in the order of the configuration."""
        return tuple(device_fact(one) for one in self._facts.devices())

    def doors(self) -> Sequence[DoorCell]:
        """Return every compartment with its door and what lies inside."""
        return self._facts.doors()

    def link(self) -> LinkFact:
        """Return the way to the hub and what waits for it."""
        link, backlog = self._facts.link(), self._facts.backlog()
        return LinkFact(link.online, link.since_s, backlog.facts + backlog.telemetry, link.why)

    def disk(self) -> DiskLevel:
        """Return how full the disk is."""
        return self._disk.level

    def time(self) -> TimeView:
        """Return how far the time can be relied on."""
        return self._clock.view()


def device_fact(seen: InstrumentView) -> DeviceFact:
    """Return what a device says in the words of the pages."""
    said = {one.role: one.value for one in seen.seen if one.value is not None}
    return DeviceFact(
        name=seen.name,
        answers=bool(said),
        cools=_flag(said.get(Role.COMPRESSOR)),
        defrosting=_flag(said.get(Role.DEFROSTING, said.get(Role.DEFROST_RELAY))),
        watts=said.get(Role.POWER),
        alarms=tuple(alarm.role for alarm in seen.alarms),
    )


def _flag(value: float | bool | None) -> bool | None:
    return None if value is None else bool(value)
