"""Sites: create one, pair it with its device, take a compartment out of service, see how it does."""

from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from cloud.stations import views
from cloud.stations.keys import station_pepper, station_salt
from cloud.stations.kit import StationKit
from cloud.stations.models import SiteState
from cloud.stations.probes import probe_views
from cloud.stations.store import commands, sites
from cloud.stations.store.heard import spans_heard
from cloud.stations.store.sites import KeeperRecord, StationRecord
from cloud.stations.technicians import put_station_row_tx
from cloud.stations.views import (
    BEAT_S,
    BEATS,
    Backlog,
    Beats,
    CompartmentView,
    StationDetail,
    StationView,
)
from common.contract.replica import CompartmentRow, KeeperRow
from common.kit.errors import InvalidError, NotFoundError
from common.kit.failpoints import fp
from common.kit.identity import public_key

_COMMANDS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class NewStation:
    """What a person says about a new site; `station_id` None: make one."""

    name_zh: str
    name_en: str
    help_phone: str
    timezone: str = "Asia/Shanghai"
    station_id: str | None = None


@dataclass(frozen=True, slots=True)
class Pairing:
    """What the device needs beside its own key; never shown on a page."""

    station_id: str
    pepper: bytes
    code_salt: bytes
    hub_command_key: bytes

    def __repr__(self) -> str:
        """Keep the pepper out of logs."""
        return f"Pairing({self.station_id})"


class Sites:
    """Use cases about whole stations and their compartments."""

    def __init__(self, kit: StationKit) -> None:
        """Work with the room's kit."""
        self._kit = kit

    async def create(self, new: NewStation) -> str:
        """Write a new station; the same id again changes its texts. Returns the id."""
        station_id = new.station_id or self._kit.new_id()
        now_ms = self._kit.now_ms()

        def write(connection: Connection) -> None:
            texts = {
                "name_zh": new.name_zh,
                "name_en": new.name_en,
                "help_phone": new.help_phone,
                "timezone": new.timezone,
            }
            known = sites.one_station(connection, station_id)
            if known is not None:
                sites.update_station(connection, station_id, **texts)
                put_station_row_tx(self._kit, connection, station_id)
                return
            sites.insert_station(
                connection,
                StationRecord(
                    station_id=station_id,
                    state=SiteState.PROVISIONING,
                    app_version="",
                    created_at_ms=now_ms,
                    paired_at_ms=None,
                    started_at_ms=None,
                    screen_column=None,
                    screen_row=None,
                    screen_width=None,
                    screen_height=None,
                    revocation_epoch=0,
                    certificate_floor=0,
                    certificate_op=0,
                    **texts,
                ),
            )
            put_station_row_tx(self._kit, connection, station_id)

        await self._kit.db.write(write)
        return station_id

    async def pair(self, station_id: str, device_key: bytes) -> Pairing:
        """Let the device of this key speak for the station, no other; NotFoundError, InvalidError (not 32 bytes)."""
        if len(device_key) != 32:
            raise InvalidError("station.key_invalid", "a public key has 32 bytes")
        await self._kit.db.write(lambda c: self.pair_tx(c, station_id, device_key))
        return self.pairing(station_id)

    def pair_tx(self, connection: Connection, station_id: str, device_key: bytes) -> None:
        """Let the device speak for the station. Errors: NotFoundError, ConflictError (a revoked key)."""
        self._kit.station_tx(connection, station_id)
        self._kit.gateway.register_station_tx(connection, station_id, device_key)
        sites.update_station(
            connection, station_id, state=SiteState.ACTIVE.value, paired_at_ms=self._kit.now_ms()
        )
        self._kit.audit_tx(connection, who="hub", what="station.paired", about=station_id)
        fp("stations.paired")

    def pairing(self, station_id: str) -> Pairing:
        """Return what a device of this station keeps; it follows from the hub's secrets."""
        secrets = self._kit.secrets
        return Pairing(
            station_id,
            station_pepper(secrets.master, station_id),
            station_salt(secrets.master, station_id),
            public_key(secrets.command_key),
        )

    async def revoke_key(self, station_id: str, reason: str, by: str) -> None:
        """Take the station's key away: a box was stolen, a disk lost. Errors: NotFoundError, ConflictError (no key).

        It is paired again with a new key; until then nobody speaks for it.
        """

        def write(connection: Connection) -> None:
            self._kit.station_tx(connection, station_id)
            self._kit.gateway.revoke_key_tx(connection, station_id)
            sites.update_station(connection, station_id, state=SiteState.PROVISIONING.value)
            about = f"{station_id}: {reason}"
            self._kit.audit_tx(connection, who=by, what="station.key_revoked", about=about)

        await self._kit.db.write(write)

    async def readmit(self, station_id: str, daemon: str, by: str) -> None:
        """Let the daemon of this hello id, which was turned away, speak for the station; NotFoundError.

        It takes over at its next hello, within a minute; the one that speaks now is turned away then.
        """

        def write(connection: Connection) -> None:
            self._kit.station_tx(connection, station_id)
            self._kit.gateway.admit_tx(connection, station_id, daemon)
            about = f"{station_id}/{daemon}"
            self._kit.audit_tx(connection, who=by, what="station.readmitted", about=about)

        await self._kit.db.write(write)

    async def set_service(
        self, station_id: str, label: str, *, out_of_service: bool, reason: str, by: str = "hub"
    ) -> CompartmentView:
        """Take a compartment out of service or back; *pending* until the station has applied it."""

        def write(connection: Connection) -> CompartmentView:
            self._kit.station_tx(connection, station_id)
            if sites.one_compartment(connection, station_id, label) is None:
                raise NotFoundError(
                    "compartment.not_found", "the station has no such compartment", label=label
                )
            row = CompartmentRow(label=label, out_of_service=out_of_service, reason=reason)
            op = self._kit.gateway.put_row_tx(connection, station_id, "compartment", row)
            sites.upsert_compartment(
                connection, station_id, label, out_of_service=out_of_service, reason=reason, op=op
            )
            word = "out of service" if out_of_service else "in service"
            about = f"{station_id}/{label} {word}: {reason}"
            self._kit.audit_tx(connection, who=by, what="compartment.service", about=about)
            fp("stations.compartment_marked")
            record = sites.one_compartment(connection, station_id, label)
            assert record is not None
            applied_op = self._kit.gateway.applied_op_tx(connection, station_id)
            return views.compartment_view(record, applied_op)

        return await self._kit.db.write(write)

    async def views(self) -> tuple[StationView, ...]:
        """Return every station with its derived state, oldest first."""

        def read(connection: Connection) -> tuple[StationView, ...]:
            return tuple(
                self._view_tx(connection, record) for record in sites.all_stations(connection)
            )

        return await self._kit.db.read(read)

    async def beats(self, views: Iterable[StationView]) -> dict[str, Beats]:
        """Return for each station in which of the last spans of time it was heard, the oldest first."""
        now_ms, stations = self._kit.now_ms(), tuple(views)
        span_ms = BEAT_S * 1000

        def read(connection: Connection) -> dict[str, Beats]:
            found = {}
            for one in stations:
                heard = spans_heard(
                    connection, one.station_id, now_ms, span_ms=span_ms, spans=BEATS
                )
                if one.last_heard_ms is not None:
                    heard.add(max(0, now_ms - one.last_heard_ms) // span_ms)
                found[one.station_id] = tuple(n in heard for n in reversed(range(BEATS)))
            return found

        return await self._kit.db.read(read)

    async def detail(self, station_id: str) -> StationDetail:
        """Return one station with compartments, buses and newest commands; NotFoundError."""
        return await self._kit.db.read(lambda connection: self._detail_tx(connection, station_id))

    def names_tx(self, connection: Connection, station_id: str) -> tuple[str, str]:
        """Return the station's Chinese and English name; NotFoundError."""
        record = self._kit.station_tx(connection, station_id)
        return record.name_zh, record.name_en

    def holds_tx(self, connection: Connection, station_id: str, parcel_id: str) -> bool:
        """Return whether a compartment of the station holds the parcel, by the station's own word."""
        return any(
            one.parcel_id == parcel_id for one in sites.compartments_of(connection, station_id)
        )

    def timezone_tx(self, connection: Connection, station_id: str) -> ZoneInfo:
        """Return the station's time zone; NotFoundError."""
        return ZoneInfo(self._kit.station_tx(connection, station_id).timezone)

    def _detail_tx(self, connection: Connection, station_id: str) -> StationDetail:
        record = self._kit.station_tx(connection, station_id)
        view = self._view_tx(connection, record)
        return StationDetail(
            station=view,
            screen=views.screen_place(record),
            compartments=tuple(
                views.compartment_view(one, view.applied_op)
                for one in sites.compartments_of(connection, station_id)
            ),
            probes=probe_views(connection, station_id),
            buses=tuple(views.bus_view(one) for one in sites.buses_of(connection, station_id)),
            commands=tuple(
                views.command_view(one)
                for one in commands.commands_of(connection, station_id, _COMMANDS_SHOWN)
            ),
            alarms=tuple(
                views.alarm_view(one) for one in self._kit.gateway.alarms_tx(connection, station_id)
            ),
            claims=tuple(
                views.claim_view(one) for one in self._kit.gateway.claims_tx(connection, station_id)
            ),
        )

    def _view_tx(self, connection: Connection, record: StationRecord) -> StationView:
        zones = tuple(
            views.zone_view(zone) for zone in sites.zones_of(connection, record.station_id)
        )
        link = self._kit.gateway.station_status_tx(connection, record.station_id)
        return StationView(
            station_id=record.station_id,
            name_zh=record.name_zh,
            name_en=record.name_en,
            help_phone=record.help_phone,
            state=views.site_state(record),
            connectivity=views.connectivity(link.last_heard_ms, self._kit.now_ms()),
            last_heard_ms=link.last_heard_ms,
            head_op=link.head_op,
            applied_op=link.applied_op,
            lag_ops=link.lag_ops,
            backlog=Backlog(link.backlog_facts, link.backlog_telemetry, link.oldest_s),
            app_version=record.app_version,
            started_at_ms=record.started_at_ms,
            over_limit=any(zone.over_limit for zone in zones),
            zones=zones,
            certificate_until_ms=link.certificate_until_ms,
        )


def keeper_row(record: KeeperRecord) -> KeeperRow:
    """Return the replica row of a keeper."""
    return KeeperRow(
        keeper_id=record.keeper_id,
        display_name=record.display_name,
        pin_verifier=record.pin_verifier,
        active=record.active,
    )
