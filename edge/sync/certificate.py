"""The station's certificate towards its hub: pinned authority, shown in every handshake, renewed before it ends.

Files in the data folder: `hub-ca.pem` is believed, and nothing else; `certificate.pem` is shown. The key is the one
the station signs its requests with.
"""

import asyncio
import logging
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from common.contract.enrolment import CERTIFICATE_PATH, CertificateAnswer, CertificateRequest
from common.kit.certificates import (
    Held,
    Holder,
    fingerprint,
    is_signed_by,
    make_request,
    read_certificate,
)
from common.kit.clock import Clock
from common.kit.durable import write_whole
from common.kit.errors import ConfigError, InvalidError
from common.kit.identity import StationSecrets, public_key
from common.kit.said import Said
from common.kit.tls import client_context, show
from common.kit.work import Work
from edge.data_folder import CA_FILE, CERTIFICATE_FILE
from edge.sync.client import HubAway, HubClient, HubRefused

_log = logging.getLogger(__name__)
_LAST_PART = 3
"""Renewed in the last third of its life: time for many tries."""
_AGAIN_S = 600.0
_FRESH_S = 60.0
"""Whoever refuses a certificate younger than this was shown the one before: a connection that still stood."""


@dataclass(frozen=True, slots=True)
class Papers:
    """What lies in the data folder."""

    authority: str
    certificate: str | None

    @classmethod
    def load(cls, data: Path, secrets: StationSecrets) -> "Papers":
        """Read both files; ConfigError `tls.pin_damaged`. A certificate of another key or authority is none."""
        try:
            authority = (data / CA_FILE).read_text("ascii")
            fingerprint(authority)
        except (OSError, ValueError, InvalidError) as error:
            text = "%(path)s is no certificate: pin the hub's again, linli edge trust"
            said = Said(text, path=str(data / CA_FILE))
            raise ConfigError("tls.pin_damaged", said) from error
        try:
            certificate = (data / CERTIFICATE_FILE).read_text("ascii")
        except (OSError, ValueError):
            return cls(authority, None)
        return cls(authority, certificate if _fits(certificate, authority, secrets) else None)

    def held(self) -> Held | None:
        """Return what the certificate says; None without one."""
        return None if self.certificate is None else read_certificate(self.certificate)


class StationCertificate:
    """Shown by the client; asked for by the first request, and again before it ends or when the hub wants another."""

    def __init__(
        self, papers: Papers, data: Path, secrets: StationSecrets, clock: Clock, work: Work
    ) -> None:
        """Begin with what was on the disk."""
        self.context: ssl.SSLContext = client_context(papers.authority)
        self._authority, self._held = papers.authority, papers.held()
        self._data, self._secrets, self._clock, self._work = data, secrets, clock, work
        self._wanted = self._held is None
        self._not_before_s = self._obtained_s = -_AGAIN_S
        self._lock = asyncio.Lock()
        if papers.certificate is not None:
            show(self.context, secrets.private_key, papers.certificate)

    def refused(self) -> None:
        """Note that the hub does not take the certificate of a connection: get another, unless it is new."""
        if self._clock.monotonic_s() - self._obtained_s > _FRESH_S:
            self._wanted = True

    async def ready(self, client: HubClient) -> None:
        """Get a certificate through `client` if it is time; HubAway or HubRefused only when there is none that does."""
        if not self._is_due(client):
            return
        async with self._lock:
            if not self._is_due(client):
                return  # another task got it meanwhile
            try:
                await self._obtain(client)
            except (HubAway, HubRefused) as error:
                if self._wanted:
                    raise
                self._not_before_s = self._clock.monotonic_s() + _AGAIN_S
                _log.warning("the certificate was not renewed, again in ten minutes: %s", error)

    def _is_due(self, client: HubClient) -> bool:
        if self._wanted or self._held is None:
            return True
        now = self._clock.wall() + timedelta(milliseconds=client.clock_offset_ms)
        life = self._held.until - self._held.since
        is_old = self._held.until - now < life / _LAST_PART
        return is_old and self._clock.monotonic_s() >= self._not_before_s

    async def _obtain(self, client: HubClient) -> None:
        csr = make_request(self._secrets.station_id, self._secrets.private_key)
        answer = await client.post(CERTIFICATE_PATH, CertificateRequest(csr=csr), CertificateAnswer)
        if not _fits(answer.certificate, self._authority, self._secrets):
            raise HubAway("the hub sent a certificate that is not ours", reached=True)
        show(self.context, self._secrets.private_key, answer.certificate)
        path = self._data / CERTIFICATE_FILE
        try:
            await self._work.run(write_whole, path, answer.certificate.encode())
        except OSError as error:  # a full disk: good until the next start, which gets another
            _log.warning("the certificate is not kept, %s: %s", path, error.strerror)
        self._held, self._wanted = read_certificate(answer.certificate), False
        self._obtained_s = self._not_before_s = self._clock.monotonic_s()
        _log.info("certificate until %s", self._held.until.date())


class NoCertificate:
    """Stands in where the pinned authority cannot be read: nothing is sent to anybody, and the reason is said."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # believes nobody

    def __init__(self, why: str) -> None:
        """Remember what to say."""
        self._why = why

    async def ready(self, _client: HubClient) -> None:
        """Say that no hub can be believed."""
        raise HubAway(self._why, reached=False)

    def refused(self) -> None:
        """Do nothing: nobody was shown anything."""


def _fits(certificate: str, authority: str, secrets: StationSecrets) -> bool:
    try:
        held = read_certificate(certificate)
    except InvalidError:
        return False
    holder = Holder(held.name, held.public_key)
    ours = Holder(secrets.station_id, public_key(secrets.private_key))
    return holder == ours and is_signed_by(certificate, authority)


def days_left(held: Held, now: datetime) -> int:
    """Return the whole days until a certificate ends; negative when it has."""
    return (held.until - now.astimezone(UTC)).days
