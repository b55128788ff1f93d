"""The hub's certificate authority at work: it gives stations certificates and judges those they show.

Expiry is no defence here: a key that must not speak is revoked, and then its certificate counts for nothing at the next
request. So a clock that is years off, here or there, locks nobody out: who shows an ended certificate may renew it.
"""

import math
from functools import lru_cache

import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.engine import Connection

from cloud.config import HubSecrets
from cloud.sync import feed
from cloud.sync.http import answer_of, message_of
from cloud.sync.models import station as station_table
from common.contract.enrolment import CERTIFICATE_PATH, CertificateAnswer, CertificateRequest
from common.kit.certificates import Authority, Held, Holder, read_certificate, read_request
from common.kit.chance import Chance
from common.kit.clock import Clock, to_ms
from common.kit.errors import RefusedError, UnauthenticatedError
from common.kit.sqldb import SqlDb

_LAST = web.RequestKey("linli_last_on_connection", bool)
_KNOWN = 4096


def hub_authority(secrets: HubSecrets) -> Authority:
    """Return the hub's authority; it grows out of the secrets file, so a restored hub has the same."""
    return Authority(secrets.derive("ca"))


class Certificates:
    """Issues and judges; the TLS port uses it for each request."""

    def __init__(
        self, authority: Authority, db: SqlDb, clock: Clock, chance: Chance, days: int
    ) -> None:
        """Issue for `days`."""
        self.authority, self._db = authority, db
        self._clock, self._chance, self._days = clock, chance, days
        self._soonest_ms: int | None = None

    def judge(self, request: web.Request, station_id: str, public_key: bytes | None) -> None:
        """Refuse a request whose connection does not show this very station; the signature was checked before.

        The connection ends with the answer: certificates are shown once for each, and the next one may show a better.
        """
        tls = request.get_extra_info("ssl_object")
        shown = tls.getpeercert(binary_form=True) if tls is not None else None
        renews = request.path == CERTIFICATE_PATH
        key, said = None, ""
        if shown is None:
            if not renews:
                key, said = (
                    "sync.certificate_missing",
                    "show the station's certificate: ask for one",
                )
        elif not is_of(held := _read(shown), station_id, public_key):
            key, said = "sync.certificate_foreign", "the certificate is not this station's"
        elif held.until <= self._clock.wall() and not renews:
            key, said = "sync.certificate_expired", "the certificate has ended: renew it"
        if key is not None:
            request[_LAST] = True
            raise UnauthenticatedError(key, said)

    async def renew(self, request: web.Request, station_id: str, body: bytes) -> web.Response:
        """Answer a signed request for a certificate: its key must be the one the station is registered with.

        The connection, which shows the one before, ends with the answer.
        """
        holder = read_request(message_of(CertificateRequest, body).csr)
        pem = await self._db.write(lambda conn: self._renew_tx(conn, station_id, holder))
        request[_LAST] = True
        return answer_of(CertificateAnswer(certificate=pem))

    def issue_tx(self, conn: Connection, holder: Holder) -> str:
        """Return a certificate for a registered station and note until when it lasts."""
        now = self._clock.wall()
        pem = self.authority.for_station(holder, now=now, days=self._days, chance=self._chance)
        conn.execute(
            sa.update(station_table)
            .where(station_table.c.station_id == holder.name)
            .values(certificate_until_ms=to_ms(read_certificate(pem).until))
        )
        return pem

    async def look(self) -> None:
        """Find out which certificate ends first, for the metrics."""
        self._soonest_ms = await self._db.read(_soonest_tx)

    def seconds_left(self) -> float:
        """Return the seconds until the first certificate of a station ends; NaN when none has one."""
        if self._soonest_ms is None:
            return math.nan
        return (self._soonest_ms - to_ms(self._clock.wall())) / 1000

    def _renew_tx(self, conn: Connection, station_id: str, holder: Holder) -> str:
        state = feed.station_tx(conn, station_id, lock=True)
        if holder != Holder(station_id, state.public_key):
            said = "the signing request names another station or another key"
            raise RefusedError("sync.certificate_request", said)
        return self.issue_tx(conn, holder)


def is_of(held: Held, station_id: str, public_key: bytes | None) -> bool:
    """Return whether the certificate is of this station and of the key it is registered with."""
    return held.name == station_id and held.public_key == public_key


async def end_refused(request: web.Request, response: web.StreamResponse) -> None:
    """Close the connection behind an answer that asks for another certificate; for `on_response_prepare`."""
    if request.get(_LAST):
        response.force_close()
        response.headers["Connection"] = "close"


@lru_cache(_KNOWN)
def _read(der: bytes) -> Held:
    """Read each certificate once, not at each request; the handshake has verified it."""
    return read_certificate(der)


def _soonest_tx(conn: Connection) -> int | None:
    columns = station_table.c
    query = sa.select(sa.func.min(columns.certificate_until_ms))
    found = conn.execute(query.where(columns.public_key.is_not(None))).scalar_one()
    return None if found is None else int(found)
