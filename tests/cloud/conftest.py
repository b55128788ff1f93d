"""A hub's store on both engines, its rooms, and a hub that runs on a real socket."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from cloud.app import Rooms
from cloud.config import HubConfig, HubSection, LimitsSection
from cloud.migrations import upgrade_tx
from common.kit.sqldb import SqlDb
from tests.cloud.harness import HubUnderTest, MovableClock, ports, running_hub

ENGINES = (
    "sqlite",
    pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.timeout(90)]),
)


@pytest.fixture(params=ENGINES)
def hub_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'hub.db'}"
    return str(request.getfixturevalue("postgres_dsn"))


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def hub_config(hub_url: str, tmp_path: Path) -> HubConfig:
    return HubConfig(
        hub=HubSection(data=tmp_path, port=0, database_url=hub_url),
        limits=LimitsSection(requests_per_minute=1_000_000),
    )


@pytest.fixture
def rooms(hub_config: HubConfig, clock: MovableClock) -> Iterator[Rooms]:
    """Give every room on a migrated store, without a server."""
    db = SqlDb(hub_config.database_url())
    db.write_now(upgrade_tx)
    given = ports(clock)
    yield Rooms(given, hub_config, db)
    db.close()
    given.work.close()


@pytest.fixture
async def hub(hub_config: HubConfig, clock: MovableClock) -> AsyncIterator[HubUnderTest]:
    """Run the whole hub on a real socket."""
    async with running_hub(hub_config, clock) as running:
        yield running
