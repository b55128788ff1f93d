"""QR codes of the hub: read strictly, signed by a key that the hub's command key has pinned here, for this station.

No secret can be guessed here, so the keypad's limiter neither counts these tries nor stops them.
"""

import sqlite3

from common.contract.base import Message
from common.contract.qr import QrGrant, decode, key_message
from common.contract.replica import GrantKeyRow
from common.kit.errors import InvalidError
from common.kit.identity import StationSecrets, verify
from edge.sync.replica import ReplicaTable

_REPLICA_DDL = (
    """CREATE TABLE replica_grant_key (
        kid INTEGER PRIMARY KEY, public_key BLOB NOT NULL, signature BLOB NOT NULL)""",
)


def _put_key(conn: sqlite3.Connection, row: Message) -> None:
    assert isinstance(row, GrantKeyRow)
    conn.execute(
        "INSERT OR REPLACE INTO replica_grant_key VALUES (?, ?, ?)",
        (int(row.kid), bytes.fromhex(row.public_key), bytes.fromhex(row.signature)),
    )


def _delete_key(conn: sqlite3.Connection, key: str) -> None:
    conn.execute("DELETE FROM replica_grant_key WHERE kid = ?", (int(key),))


GRANT_KEY_TABLE = ReplicaTable("grant_key", _REPLICA_DDL, _put_key, _delete_key)


class QrCheck:
    """Verifies what a scanner typed, with the pinned keys."""

    def __init__(self, secrets: StationSecrets) -> None:
        """Trust what the hub's command key has signed."""
        self._secrets = secrets

    def read_tx(self, conn: sqlite3.Connection, text: str) -> QrGrant | None:
        """Return the grant the code speaks of; None for a code that was not signed for this station."""
        try:
            grant, signature = decode(text)
        except InvalidError:
            return None
        if not self.is_ours(grant.station_id):
            return None
        return grant if self.holds_tx(conn, grant.kid, grant.message(), signature) else None

    def is_ours(self, station_id: str) -> bool:
        """Tell whether something is for this station."""
        return station_id == self._secrets.station_id

    def holds_tx(
        self, conn: sqlite3.Connection, kid: int, message: bytes, signature: bytes
    ) -> bool:
        """Tell whether the pinned key `kid` has signed `message`."""
        key = self._key(conn, kid)
        return key is not None and verify(key, message, signature)

    def _key(self, conn: sqlite3.Connection, kid: int) -> bytes | None:
        row = conn.execute(
            "SELECT public_key, signature FROM replica_grant_key WHERE kid = ?", (kid,)
        ).fetchone()
        if row is None:
            return None
        message = key_message(self._secrets.station_id, kid, row["public_key"])
        vouched = verify(self._secrets.hub_command_key, message, row["signature"])
        return bytes(row["public_key"]) if vouched else None
