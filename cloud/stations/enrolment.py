"""Pairing over the network: a person makes an invitation, the device redeems it once, with a key made there.

An invitation lasts minutes, closes after a few wrong tries, and stands in the database as a hash alone. The device that
redeemed it may ask again, should the answer have been lost; nobody else may.
"""

import hashlib
import hmac
from dataclasses import dataclass

from aiohttp import web
from sqlalchemy.engine import Connection

from cloud.stations.kit import StationKit
from cloud.stations.sites import Pairing, Sites
from cloud.stations.store import invites
from cloud.stations.store.invites import InviteRecord
from cloud.sync import Certificates
from cloud.sync.http import answer_of, message_of, read_body
from common.contract.enrolment import Enrol, Enrolled
from common.kit.certificates import Holder, read_request
from common.kit.errors import RefusedError
from common.kit.failpoints import fp

MOST_FAILURES = 5
_SECRET_BYTES = 16


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a person carries to the device, and until when it is good; never shown again."""

    secret: str
    expires_at_ms: int

    def __repr__(self) -> str:
        """Keep the secret out of logs."""
        return f"Invitation(until {self.expires_at_ms})"


class Enrolment:
    """Makes invitations and lets devices redeem them."""

    def __init__(self, kit: StationKit, sites: Sites) -> None:
        """Work with the room's kit; `sites` pairs."""
        self._kit, self._sites = kit, sites

    async def invite(self, station_id: str, minutes: int) -> Invitation:
        """Return a new invitation for the station; the one before is void. NotFoundError."""
        secret = self._kit.chance.secure.token_bytes(_SECRET_BYTES).hex()
        expires_at_ms = self._kit.now_ms() + minutes * 60_000

        def write(connection: Connection) -> None:
            self._kit.station_tx(connection, station_id)
            invites.replace(connection, station_id, _hash(secret), expires_at_ms)
            self._kit.audit_tx(connection, who="hub", what="station.invited", about=station_id)

        await self._kit.db.write(write)
        return Invitation(secret, expires_at_ms)

    async def redeem(self, secret: str, holder: Holder, certificates: Certificates) -> Enrolled:
        """Pair the device that asks, or refuse; every refusal looks alike. RefusedError `station.invite_refused`."""

        def ask(connection: Connection, *, lock: bool = False) -> InviteRecord | None:
            invite = invites.one(connection, holder.name, lock=lock)
            return invite if invite and self._is_open(invite, holder.public_key) else None

        def write(connection: Connection) -> str | None:
            """Redeem the invitation and pair, in one transaction; a wrong try is counted in it as well."""
            invite = ask(connection, lock=True)
            if invite is None:
                return None
            if not hmac.compare_digest(invite.secret_hash, _hash(secret)):
                invites.count_failure(connection, holder.name)
                return None
            if invite.used_by is None:
                invites.use(connection, holder.name, holder.public_key)
                self._sites.pair_tx(connection, holder.name, holder.public_key)
            fp("stations.enrolled")
            return certificates.issue_tx(connection, holder)

        # Whoever is not invited costs a look, not a turn of the writer.
        invited = await self._kit.db.read(ask)
        pem = None if invited is None else await self._kit.db.write(write)
        if pem is None:
            said = "no such invitation is open: make a new one with `linli hub invite`"
            raise RefusedError("station.invite_refused", said)
        return _enrolled(self._sites.pairing(holder.name), pem)

    async def answer(self, request: web.Request, certificates: Certificates) -> web.Response:
        """Answer `POST /sync/v1/enrol`; the invitation is the only thing that speaks for the asker."""
        asked = message_of(Enrol, await read_body(request))
        holder = read_request(asked.csr)
        return answer_of(await self.redeem(asked.secret, holder, certificates))

    def _is_open(self, invite: InviteRecord, key: bytes) -> bool:
        lasts = self._kit.now_ms() < invite.expires_at_ms and invite.failures < MOST_FAILURES
        return lasts and invite.used_by in (None, key)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _enrolled(pairing: Pairing, certificate: str) -> Enrolled:
    return Enrolled(
        certificate=certificate,
        pepper=pairing.pepper.hex(),
        code_salt=pairing.code_salt.hex(),
        hub_command_key=pairing.hub_command_key.hex(),
    )
