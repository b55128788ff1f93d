"""StationFacts: what headers and door maps show, from memory, refreshed whenever something changed."""

import asyncio
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from common.kit.sqlite import Db, data_version
from edge.climate import Climate, InstrumentView, ZoneView
from edge.config import StationConfig
from edge.doors import Doors, Watch
from edge.parcels import Parcels, Site
from edge.pickup import store
from edge.pickup.parcel_views import parcel_view
from edge.pickup.views import DoorCell, ParcelState
from edge.sync.contact import LinkView
from edge.sync.link import HubLink
from edge.sync.outbox import Backlog, Outbox


@dataclass(frozen=True, slots=True)
class _Copy:
    site: Site | None
    occupied: dict[str, str]
    out_of_service: dict[str, str]
    overdue: frozenset[str]


class StationFacts:
    """Synchronous views; `refresh()` follows doors, replica and the keeper's acts."""

    def __init__(
        self,
        config: StationConfig,
        db: Db,
        doors: Doors,
        parcels: Parcels,
        climate: Climate,
        link: HubLink,
        outbox: Outbox,
        watches: Sequence[Watch],
    ) -> None:
        """Take the collaborators that `build_edge` made; `start()` before the first view."""
        self._config, self._db = config, db
        self._doors, self._parcels, self._climate = doors, parcels, climate
        self._link, self._outbox = link, outbox
        self._watches = tuple(watches)
        self._copy = _Copy(None, {}, {}, frozenset())
        self._version: int | None = None

    @property
    def name_zh(self) -> str:
        """Return the site's Chinese name; before the first sync the cabinet's from the configuration."""
        return self._copy.site.name_zh if self._copy.site else self._config.station.cabinet

    @property
    def name_en(self) -> str:
        """Return the site's English name."""
        return self._copy.site.name_en if self._copy.site else self._config.station.cabinet

    @property
    def help_phone(self) -> str:
        """Return the number to call; empty before the first sync."""
        return self._copy.site.help_phone if self._copy.site else ""

    def zones(self) -> tuple[ZoneView, ...]:
        """Return the temperature zones."""
        return self._climate.view()

    def devices(self) -> tuple[InstrumentView, ...]:
        """Return the controllers and meters."""
        return self._climate.instruments()

    def doors(self) -> tuple[DoorCell, ...]:
        """Return every compartment with its door and what lies inside."""
        doors, copy = self._doors.view(), self._copy
        return tuple(
            DoorCell(
                label=part.label,
                zone=part.zone,
                column=part.column,
                row=part.row,
                width=part.width,
                height=part.height,
                size=part.size,
                open=doors[part.label].open,
                request=doors[part.label].state,
                since_s=doors[part.label].since_s,
                occupied=part.label in copy.occupied,
                overdue=part.label in copy.overdue,
                out_of_service=part.label in copy.out_of_service,
                reason=copy.out_of_service.get(part.label, ""),
                parcel_id=copy.occupied.get(part.label),
            )
            for part in self._config.compartment
        )

    def link(self) -> LinkView:
        """Return whether the hub is there."""
        return self._link.view()

    def backlog(self) -> Backlog:
        """Return what the hub does not have yet."""
        return self._outbox.backlog()

    async def start(self) -> None:
        """Read once."""
        await self.refresh()

    async def refresh(self) -> None:
        """Read what lies where, unless nothing was committed since: one door's news comes from three watches."""
        self._copy = await self._db.read(self._read)

    async def run(self) -> None:
        """Follow the news until cancelled."""
        async with asyncio.TaskGroup() as group:
            for watch in self._watches:
                group.create_task(self._follow(watch), name="facts")

    async def _follow(self, watch: Watch) -> None:
        version = -1
        while True:
            version = await watch.wait(version)
            await self.refresh()

    def _read(self, conn: sqlite3.Connection) -> _Copy:
        version = data_version(conn)
        if version == self._version:
            return self._copy
        self._version = version
        uses = store.uses_by_parcel(conn)
        late = (ParcelState.OVERDUE, ParcelState.CANCELLED)
        overdue = frozenset(
            view.compartment
            for parcel in self._parcels.placed_tx(conn)
            if (view := parcel_view(parcel, uses)).state in late and view.compartment
        )
        return _Copy(
            self._parcels.site_tx(conn),
            self._parcels.occupied_tx(conn),
            self._parcels.out_of_service_tx(conn),
            overdue,
        )
