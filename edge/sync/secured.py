"""The production's client behind TLS: only the pinned authority is believed, the station shows its certificate.

Apart from `link`, so that a station on the plain port does not load X.509 into its memory.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from common.kit.errors import ConfigError
from common.kit.work import Work
from edge.config import HubSection
from edge.sync.certificate import NoCertificate, Papers, StationCertificate
from edge.sync.client import Certificate, HubClient
from edge.sync.link import LinkPorts, OpenClient


def over_tls(data: Path, work: Work) -> OpenClient:
    """Return how to open a client with the papers in `data`."""

    @asynccontextmanager
    async def opened(ports: LinkPorts, config: HubSection) -> AsyncIterator[HubClient]:
        certificate = await work.run(_certificate, data, ports, work)
        async with aiohttp.ClientSession(
            connector=ports.connector(), cookie_jar=aiohttp.DummyCookieJar()
        ) as session:
            yield HubClient(
                session, config.url, ports.secrets, ports.clock, ports.chance,
                config.request_timeout_s, certificate,
            )  # fmt: skip

    return opened


def _certificate(data: Path, ports: LinkPorts, work: Work) -> Certificate:
    """Return what is shown to the hub; a damaged pin takes the hub away, never the doors."""
    try:
        papers = Papers.load(data, ports.secrets)
        return StationCertificate(papers, data, ports.secrets, ports.clock, work)
    except ConfigError as error:
        return NoCertificate(error.detail)
