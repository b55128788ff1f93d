"""The hub as tests run it: real store, real socket, real Argon2; only the wall clock is movable."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx

from cloud.access.caller import ADMIN, RESIDENT, ROLES, Caller
from cloud.app import Hub, HubPorts, build_hub
from cloud.config import HubConfig, HubSecrets
from common.kit.chance import system_chance
from common.kit.sqldb import SqlDb
from common.kit.work import ThreadWork

PASSWORD = "four-long-words-1897"
SECRETS = HubSecrets(bytes(range(32)), bytes(range(1, 33)), bytes(range(2, 34)))
BOSS = Caller("test", "test", frozenset({ADMIN}))


@dataclass(slots=True)
class MovableClock:
    """A wall clock that tests push forward."""

    now: datetime = field(default_factory=lambda: datetime(2026, 3, 2, 8, tzinfo=UTC))
    boot_id: str = "test"

    def monotonic_s(self) -> float:
        return self.now.timestamp()

    def wall(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


def ports(clock: MovableClock) -> HubPorts:
    return HubPorts(clock, system_chance(), ThreadWork(), SqlDb, SECRETS)


@dataclass(slots=True)
class HubUnderTest:
    """A running hub and a client; `tokens` holds one bearer token for each role."""

    hub: Hub
    client: httpx.AsyncClient
    tokens: dict[str, str]
    person_id: str

    async def ask(
        self, role: str | None, method: str, path: str, **options: object
    ) -> httpx.Response:
        headers = dict(options.pop("headers", {}))  # type: ignore[call-overload]
        if role is not None:
            headers["Authorization"] = f"Bearer {self.tokens[role]}"
        return await self.client.request(method, path, headers=headers, **options)  # type: ignore[arg-type]


def plain_client(url: str, **options: object) -> httpx.AsyncClient:
    """Return a client for loopback HTTP; reading the machine's certificates would take longer than a test."""
    return httpx.AsyncClient(base_url=url, verify=False, **options)  # type: ignore[arg-type]


@asynccontextmanager
async def running_hub(config: HubConfig, clock: MovableClock) -> AsyncIterator[HubUnderTest]:
    """Start, make one account for each role, stop."""
    given = ports(clock)
    hub = build_hub(given, config)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(hub.run())
        waiting = group.create_task(hub.ready.wait())
        await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
        try:
            async with plain_client(hub.web.url, timeout=30) as client:
                tokens, person_id = await _tokens(hub)
                yield HubUnderTest(hub, client, tokens, person_id)
        finally:
            waiting.cancel()
            running.cancel()
    given.work.close()


async def _tokens(hub: Hub) -> tuple[dict[str, str], str]:
    rooms = hub.rooms
    person = await rooms.people.add("张小明", "13800001234")
    tokens = {}
    for role in ROLES:
        account = (
            await rooms.access.resident_account(person.person_id)
            if role == RESIDENT
            else await rooms.access.create(BOSS, login=f"the-{role}", role=role)
        )
        tokens[role] = (await rooms.access.issue_token(BOSS, account.account_id, hours=12)).token
    return tokens, person.person_id
