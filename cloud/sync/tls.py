"""The stations' own port: LSP/1 behind TLS 1.3 with certificates of the hub's authority, and nothing else.

While it is open, the plain port speaks no LSP/1: it says where to go.
"""

from dataclasses import dataclass
from functools import partial
from typing import Protocol

from aiohttp import web

from cloud.config import GatewaySection, HubSecrets
from cloud.sync.certificates import Certificates, end_refused, hub_authority
from cloud.sync.server import SyncServer
from common.contract.enrolment import CA_PATH, ENROL_PATH
from common.kit.chance import Chance
from common.kit.clock import Clock
from common.kit.described import ANY_HOST, Described, described
from common.kit.errors import RefusedError
from common.kit.identity import public_key
from common.kit.sqldb import SqlDb
from common.kit.tls import server_context
from common.kit.tls_door import Complaints, Porch
from common.kit.web import Limits, WebServer, make_app

_SERVER_DAYS = 3650
"""Made anew at every start; whoever could sign with its key has the authority's as well."""
_PEM = "application/x-pem-file"


class Enrol(Protocol):
    """Answers a device that redeems an invitation."""

    async def __call__(self, request: web.Request, certificates: Certificates) -> web.Response:
        """Return its papers."""


@dataclass(frozen=True, slots=True)
class GatewayPorts:
    """What the port needs from the hub."""

    db: SqlDb
    clock: Clock
    chance: Chance
    secrets: HubSecrets


class TlsGateway:
    """One listener for stations."""

    def __init__(
        self, ports: GatewayPorts, settings: GatewaySection, names: tuple[str, ...]
    ) -> None:
        """Be reachable by `names`; `serve` says what is served."""
        self._settings, self._names, self._clock = settings, names, ports.clock
        authority = hub_authority(ports.secrets)
        self.certificates = Certificates(
            authority, ports.db, ports.clock, ports.chance, settings.certificate_days
        )
        seed = ports.secrets.derive("gateway-tls")
        pem = authority.for_server(
            public_key(seed), names, now=ports.clock.wall(), days=_SERVER_DAYS, chance=ports.chance
        )
        self._complaints = Complaints(ports.clock)
        self._porch = Porch(server_context(authority.pem, seed, pem), self._complaints)

    def serve(self, server: SyncServer, limits: Limits, enrol: Enrol | None = None) -> WebServer:
        """Return the listener of `server`, which must judge by this gateway's certificates.

        `enrol` answers devices that are paired with nobody yet.
        """
        app = make_app(hosts=self._names, limits=limits)
        app.on_response_prepare.append(end_refused)
        server.routes(app)
        app.router.add_get(CA_PATH, self._ca)
        if enrol is not None:
            app.router.add_post(ENROL_PATH, partial(enrol, certificates=self.certificates))
        return WebServer(app, self._settings.host, self._settings.port, self._porch)

    def handshakes_failed(self) -> float:
        """Return how many handshakes failed since the start."""
        return float(self._complaints.count)

    @described(
        Described(
            "The hub's certificate authority",
            "sync",
            {200: str},
            media_type=_PEM,
            problems=ANY_HOST,
        )
    )
    async def _ca(self, _request: web.Request) -> web.Response:
        """Answer anybody: it is no secret, and only its fingerprint, come by another way, makes it trusted."""
        return web.Response(text=self.certificates.authority.pem, content_type=_PEM)


def refuse_plain(app: web.Application, port: int) -> None:
    """Answer stations that come without TLS with where to go."""

    async def refuse(_request: web.Request) -> web.Response:
        said = f"stations reach this hub by TLS, on port {port}"
        raise RefusedError("sync.tls_only", said, port=port)

    app.router.add_route("*", "/sync/v1/{rest:.*}", refuse)
