"""QR codes of grants: keys that change with the quarter, their rows at the stations, and the signed text.

The keys grow out of the master key, so nothing is stored; the present one and the next are pinned at a station
before a code is signed for it, each vouched for by the command key that pairing has left there.
"""

from sqlalchemy.engine import Connection

from cloud.config import HubSecrets
from cloud.stations.kit import StationKit
from cloud.stations.store.grants import GrantRecord
from common.contract.qr import PARCELS_MAX, QrGrant, encode, key_message
from common.contract.replica import GrantKeyRow
from common.kit.identity import public_key, sign

QUARTER_MS = 91 * 86_400_000
_KEPT = 2
"""A key stays pinned for two quarters: longer than any grant it has signed."""


def kid_at(at_ms: int) -> int:
    """Return the number of the key that signs at this moment."""
    return at_ms // QUARTER_MS


def pin_keys_tx(kit: StationKit, connection: Connection, station_id: str, at_ms: int) -> None:
    """Give the station the present key and the next, and take away what signed long ago."""
    kid = kid_at(at_ms)
    for number in (kid, kid + 1):
        row = _key_row(kit.secrets, station_id, number)
        kit.gateway.put_row_tx(connection, station_id, "grant_key", row)
    kit.gateway.delete_row_tx(connection, station_id, "grant_key", str(kid - _KEPT))


def qr_text(secrets: HubSecrets, record: GrantRecord) -> str:
    """Return the text of the grant's QR code: the same at every call."""
    parcel_ids = record.parcel_ids if len(record.parcel_ids) <= PARCELS_MAX else ()
    kid = kid_at(record.issued_at_ms)
    grant = QrGrant(
        kid, record.station_id, record.grant_id, record.valid_for_s, record.not_after_ms,
        parcel_ids, record.parent_id,
    )  # fmt: skip
    return encode(grant, sign_text(secrets, kid, grant.message()))


def sign_text(secrets: HubSecrets, kid: int, message: bytes) -> bytes:
    """Return the signature of key `kid`: of a grant's code, or of anything else a station scans."""
    return sign(_key(secrets, kid), message)


def _key(secrets: HubSecrets, kid: int) -> bytes:
    return secrets.derive(f"grant-key|{kid}")


def _key_row(secrets: HubSecrets, station_id: str, kid: int) -> GrantKeyRow:
    public = public_key(_key(secrets, kid))
    signature = sign(secrets.command_key, key_message(station_id, kid, public))
    return GrantKeyRow(kid=str(kid), public_key=public.hex(), signature=signature.hex())
