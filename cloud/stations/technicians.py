"""Technicians' certificates: signed for one station and a few hours, kept nowhere, ended together by its epoch."""

from dataclasses import dataclass

from sqlalchemy.engine import Connection

from cloud.stations.capsules import raise_epoch_tx
from cloud.stations.kit import StationKit
from cloud.stations.qr import kid_at, pin_keys_tx, sign_text
from cloud.stations.store import sites
from cloud.stations.store.sites import StationRecord
from common.contract.certificate import LIFE_MAX_S, NAME_BYTES_MAX, Certificate, encode
from common.contract.replica import StationRow
from common.kit.errors import InvalidError
from common.kit.failpoints import fp

HOURS_MAX = LIFE_MAX_S // 3600


@dataclass(frozen=True, slots=True)
class CertificateView:
    """A certificate as it is handed over: shown once, to be scanned as a QR code or typed as text."""

    text: str
    certificate_id: str
    station_id: str
    technician: str
    epoch: int
    issued_at_ms: int
    expires_at_ms: int


class Technicians:
    """The use cases."""

    def __init__(self, kit: StationKit) -> None:
        """Work with the room's kit."""
        self._kit = kit

    async def certify(
        self, station_id: str, technician: str, hours: int, by: str
    ) -> CertificateView:
        """Sign a certificate for `technician`, valid from now on. NotFoundError; InvalidError `technician.name`."""
        name = technician.strip()
        if not name or not name.isprintable() or len(name.encode()) > NAME_BYTES_MAX:
            raise InvalidError("technician.name", "a name of twenty characters at most")
        assert 0 < hours <= HOURS_MAX
        return await self._kit.db.write(lambda c: self._certify_tx(c, station_id, name, hours, by))

    async def revoke(self, station_id: str, by: str) -> None:
        """Let every certificate of the station issued so far open nothing, once it has heard. NotFoundError."""
        await self._kit.db.write(lambda c: self._revoke_tx(c, station_id, by))

    def _certify_tx(
        self, connection: Connection, station_id: str, name: str, hours: int, by: str
    ) -> CertificateView:
        station, now_ms = self._kit.station_tx(connection, station_id), self._kit.now_ms()
        pin_keys_tx(self._kit, connection, station_id, now_ms)
        kid, epoch = kid_at(now_ms), station.revocation_epoch
        made = Certificate(kid, station_id, self._kit.new_id(), epoch, now_ms, hours * 3600, name)
        text = encode(made, sign_text(self._kit.secrets, kid, made.message()))
        about = f"{station_id}: {name}, {hours} h, {made.certificate_id}"
        self._kit.audit_tx(connection, who=by, what="technician.certified", about=about)
        return CertificateView(
            text, made.certificate_id, station_id, name, epoch, now_ms, made.expires_at_ms
        )

    def _revoke_tx(self, connection: Connection, station_id: str, by: str) -> None:
        self._kit.station_tx(connection, station_id)
        raise_epoch_tx(self._kit, connection, station_id)
        epoch = self._kit.station_tx(connection, station_id).revocation_epoch
        sites.update_station(connection, station_id, certificate_floor=epoch)
        op = put_station_row_tx(self._kit, connection, station_id)
        sites.update_station(connection, station_id, certificate_op=op)
        self._kit.audit_tx(connection, who=by, what="technician.revoked", about=station_id)
        fp("stations.certificates_revoked")


def put_station_row_tx(kit: StationKit, connection: Connection, station_id: str) -> int:
    """Tell the station what its screens say of the site, and which certificates have ended; return the op."""
    record = kit.station_tx(connection, station_id)
    return kit.gateway.put_row_tx(connection, station_id, "station", _row(record))


def _row(record: StationRecord) -> StationRow:
    return StationRow(
        station_id=record.station_id,
        name_zh=record.name_zh,
        name_en=record.name_en,
        help_phone=record.help_phone,
        timezone=record.timezone,
        revocation_epoch=record.certificate_floor,
    )
