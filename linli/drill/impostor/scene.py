"""One hub with its TLS port on loopback, one station that is well, and false hubs; real sockets and handshakes."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

import aiohttp
from aiohttp import web

from cloud.app import Hub, HubPorts, build_hub
from cloud.config import GatewaySection, HubConfig, HubSecrets, HubSection
from cloud.stations.service import NewStation
from common.contract.enrolment import CA_PATH, ENROL_PATH, Enrolled
from common.contract.protocol import HELLO_PATH, Hello, HelloAnswer
from common.kit.certificates import Authority
from common.kit.chance import system_chance
from common.kit.clock import SystemClock
from common.kit.identity import StationSecrets
from common.kit.sqldb import SqlDb
from common.kit.tls import client_context, server_context, show
from common.kit.tls_door import Complaints, Porch
from common.kit.web import WebServer, make_app
from common.kit.work import ThreadWork
from edge.access.enrolment import Token, enrol
from edge.config import HubSection as StationHub
from edge.data_folder import CERTIFICATE_FILE
from edge.sync.client import HubClient
from edge.sync.link import LinkPorts
from edge.sync.secured import over_tls

LOCAL = "127.0.0.1"
_TIMEOUT_S = 10.0


class ShiftedClock(SystemClock):
    """This machine's clock, `ahead` of itself."""

    def __init__(self) -> None:
        """Start right."""
        super().__init__()
        self.ahead = timedelta()

    def wall(self) -> datetime:
        """Return the shifted time."""
        return super().wall() + self.ahead


@dataclass(slots=True)
class FalseHub:
    """Answers in the hub's place and remembers what it was told."""

    url: str
    heard: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Device:
    """A paired device and its folder."""

    data: Path
    secrets: StationSecrets

    def certificate(self) -> str:
        """Return its certificate."""
        return (self.data / CERTIFICATE_FILE).read_text("ascii")


class Scene:
    """What the tricks are played on."""

    def __init__(self, root: Path) -> None:
        """Know where everything lies; `open` starts it."""
        self.root, self.chance, self.work = root, system_chance(), ThreadWork("drill")
        self._hands = ThreadWork("people")  # blocks while the hub answers: not the hub's own thread
        self.clock, self.secrets = ShiftedClock(), HubSecrets.new(self.chance)
        self._devices = 0
        self.hub: Hub
        self.well: Device

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Self]:
        """Run the hub and pair a station that is well."""
        config = HubConfig(
            hub=HubSection(data=self.root / "hub", port=0),
            gateway=GatewaySection(tls=True, port=0),
        )
        (self.root / "hub").mkdir()
        ports = HubPorts(self.clock, self.chance, self.work, SqlDb, self.secrets)
        self.hub = build_hub(ports, config)
        running = asyncio.create_task(self.hub.run(), name="hub")
        try:
            await self.hub.ready.wait()
            self.well = await self.device()
            yield self
        finally:
            running.cancel()
            await asyncio.wait([running])
            self.work.close()
            self._hands.close()

    @property
    def url(self) -> str:
        """Return the address of the TLS port."""
        assert self.hub.gateway_web is not None
        return self.hub.gateway_web.url

    @property
    def authority(self) -> Authority:
        """Return the hub's authority."""
        assert self.hub.gateway is not None
        return self.hub.gateway.certificates.authority

    async def device(self) -> Device:
        """Make a station and pair its device over the network, as people do."""
        token, data = await self.invited(), self.folder()
        return Device(data, await self.enrol(data, self.url, token))

    def folder(self) -> Path:
        """Return a folder for one more device."""
        self._devices += 1
        return self.root / f"device{self._devices}"

    async def invited(self) -> Token:
        """Return an invitation for a new station."""
        stations = self.hub.rooms.stations
        station_id = await stations.create_station(NewStation("一号", "One", "400-820-0123"))
        made = await stations.enrolment.invite(station_id, 15)
        return Token(station_id, made.secret, self.authority.fingerprint)

    async def enrol(self, data: Path, url: str, token: Token) -> StationSecrets:
        """Let a device redeem an invitation at `url`; the errors of `edge.access.enrolment`."""
        return await self._hands.run(enrol, data, url, token, self.chance)

    async def greet(self, device: Device, url: str) -> HelloAnswer:
        """Let a station say hello at `url`, by its own client; HubAway or HubRefused."""
        ports = LinkPorts(self.clock, self.chance, aiohttp.TCPConnector, device.secrets)
        opened = over_tls(device.data, self.work)
        async with opened(ports, StationHub(url=url, request_timeout_s=_TIMEOUT_S)) as client:
            return await client.post(HELLO_PATH, _hello(device.secrets), HelloAnswer)

    async def signed(
        self, secrets: StationSecrets, shows: Device | None, url: str | None = None
    ) -> tuple[int, str]:
        """Say a hello signed with `secrets` on a connection that shows another's papers, or none."""
        context = client_context(self.authority.pem)
        if shows is not None:
            show(context, shows.secrets.private_key, shows.certificate())
        body, place = _hello(secrets).model_dump_json().encode(), url or self.url
        async with aiohttp.ClientSession() as session:
            maker = HubClient(session, place, secrets, self.clock, self.chance, _TIMEOUT_S)
            headers = maker.headers("POST", HELLO_PATH, body)
            async with session.post(
                place + HELLO_PATH, data=body, headers=headers, ssl=context
            ) as answer:
                return answer.status, str((await answer.json()).get("key", ""))

    @asynccontextmanager
    async def false_hub(
        self, seed: bytes, certificate: str, authority: Authority
    ) -> AsyncIterator[FalseHub]:
        """Run a server with these papers that says `authority` is its own."""
        context = server_context(authority.pem, seed, certificate)
        context.verify_mode = ssl.CERT_NONE
        app, found = make_app(), FalseHub("")

        async def answer(request: web.Request) -> web.Response:
            found.heard.append(request.path)
            if request.path == CA_PATH:
                return web.Response(text=authority.pem)
            if request.path == ENROL_PATH:
                papers = Enrolled(
                    certificate=certificate, pepper="00" * 32, code_salt="00" * 16,
                    hub_command_key="00" * 32,
                )  # fmt: skip
                return web.Response(text=papers.model_dump_json())
            return web.json_response({})

        app.router.add_route("*", "/sync/v1/{rest:.*}", answer)
        server = WebServer(app, LOCAL, 0, Porch(context, Complaints(self.clock)))
        await server.start()
        found.url = server.url
        try:
            yield found
        finally:
            await server.stop()

    def papers_of(self, authority: Authority, key: bytes) -> str:
        """Return a server's certificate for loopback by `authority`."""
        return authority.for_server(
            key, (LOCAL,), now=self.clock.wall(), days=30, chance=self.chance
        )


@asynccontextmanager
async def relay(url: str, deliver: Callable[[bytes], bytes]) -> AsyncIterator[str]:
    """Stand between: pass on what comes as `deliver` changes it; yields the address to come to."""
    port = int(url.rpartition(":")[2])

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(LOCAL, port)
        await asyncio.gather(_pump(reader, back, deliver), _pump(there, writer, bytes))

    server = await asyncio.start_server(pass_on, LOCAL, 0)
    async with server:
        yield f"https://{LOCAL}:{server.sockets[0].getsockname()[1]}"


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, deliver: Callable[[bytes], bytes]
) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(deliver(data))
            await writer.drain()
    except ConnectionError:
        return
    finally:
        writer.close()


def _hello(secrets: StationSecrets) -> Hello:
    one = secrets.station_id
    return Hello(
        install_id=one, hello_id=one, session=0, boot_epoch=1, gen=0, op=0, digest="0" * 32,
        app_version="drill", backlog_facts=0, backlog_telemetry=0, clock_offset_ms=0,
    )  # fmt: skip
