"""The rigs behind TLS: a hub's own port for stations, and stations that pinned its authority."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from cloud.config import GatewaySection, HubSecrets
from cloud.sync import GatewayPorts, TlsGateway, hub_authority
from common.kit.certificates import Held, read_certificate
from common.kit.chance import seeded_chance
from common.kit.web import Limits, WebServer
from common.kit.work import InlineWork
from edge.data_folder import CA_FILE, CERTIFICATE_FILE
from edge.sync import HubLink, LinkPorts
from edge.sync.secured import over_tls
from tests.edge.sync.rig import HubRig, StationRig

SECRETS = HubSecrets(bytes(range(32)), bytes(range(1, 33)), bytes(range(2, 34)))
OTHERS = HubSecrets(bytes(range(9, 41)), bytes(range(1, 33)), bytes(range(2, 34)))


class TlsHubRig(HubRig):
    """Serves on the TLS port alone."""

    secrets = SECRETS
    days = 30
    names: tuple[str, ...] = ("127.0.0.1", "localhost")
    gateway_made: TlsGateway

    def web_server(self) -> WebServer:
        settings = GatewaySection(tls=True, port=self.port, certificate_days=self.days)
        ports = GatewayPorts(self.db, self.clock, seeded_chance("hub-tls"), self.secrets)
        self.gateway_made = TlsGateway(ports, settings, self.names)
        server = self.sync_server(self.gateway_made.certificates)
        return self.gateway_made.serve(server, Limits())

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"


class TlsStationRig(StationRig):
    """Pinned the hub's authority at its pairing."""

    def __init__(self, folder: Path, hub: HubRig, name: str = "state") -> None:
        super().__init__(folder, hub, name)
        self.data = folder / f"{name}.data"
        self.data.mkdir()
        self.pin(SECRETS)

    def pin(self, secrets: HubSecrets) -> None:
        (self.data / CA_FILE).write_text(hub_authority(secrets).pem)

    def link(self) -> HubLink:
        ports = LinkPorts(
            self.clock, self.chance, aiohttp.TCPConnector, self.secrets,
            over_tls(self.data, InlineWork()),
        )  # fmt: skip
        config = self.config.model_copy(update={"url": self._hub.url})
        return HubLink(ports, config, self.db, self.outbox, self.replica, "test", self.blobs)

    def certificate(self) -> Held:
        return read_certificate((self.data / CERTIFICATE_FILE).read_text())

    def take_certificate_of(self, other: "TlsStationRig") -> None:
        shutil.copy(other.data / CERTIFICATE_FILE, self.data / CERTIFICATE_FILE)


@asynccontextmanager
async def relay(port: int, deliver: Callable[[bytes], bytes]) -> AsyncIterator[int]:
    """Stand between: pass bytes on to `port` as `deliver` changes them; yields the port to come to."""

    async def passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_pump(reader, back, deliver), _pump(there, writer, lambda data: data))

    server = await asyncio.start_server(passed_on, "127.0.0.1", 0)
    async with server:
        yield int(server.sockets[0].getsockname()[1])


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, deliver: Callable[[bytes], bytes]
) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(deliver(data))
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()
