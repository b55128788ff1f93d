"""A hub's store on both engines, its rooms, and a hub that runs on a real socket."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from cloud.app import Rooms
from cloud.config import HubConfig, HubSection, LimitsSection
from cloud.migrations import upgrade_tx
from common.kit.sqldb import SqlDb
from tests.cloud.harness import HubUnderTest, MovableClock, ports, running_hub
from tests.conftest import fresh_database
from tests.parts import require

ENGINES = (
    "sqlite",
    pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.timeout(90)]),
)


@pytest.fixture(params=ENGINES)
def hub_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Name an empty store, for what tests migrations."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'hub.db'}"
    return str(request.getfixturevalue("postgres_dsn"))


def _migrate(url: str) -> None:
    db = SqlDb(url)
    db.write_now(upgrade_tx)
    db.close()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrate once a session; tests start from copies."""
    file = tmp_path_factory.mktemp("hub") / "hub.db"
    _migrate(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def migrated_database(postgres_server: str) -> Iterator[str]:
    """Migrate once a session; yields the URL of the database that tests use one after the other."""
    with fresh_database(postgres_server) as url:
        _migrate(url)
        yield url


def _empty(url: str) -> None:
    """Leave the schema and nothing else; a connection that a test left open is closed."""
    import psycopg

    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(_EMPTY)


# Foreign keys are no matter when everything goes: a replica's session does not check them.
_EMPTY = """DO $$ DECLARE name text; BEGIN
  PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
  SET session_replication_role = replica;
  FOR name IN SELECT tablename FROM pg_tables
    WHERE schemaname = 'public' AND tablename <> 'alembic_version'
  LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
  PERFORM setval(oid, 1, false) FROM pg_class WHERE relkind = 'S';
END $$"""


@pytest.fixture(params=ENGINES)
def migrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give a hub's store of its own, migrated and else empty.

    Stores and rooms are tested on both engines always; what goes over a socket to a running hub meets PostgreSQL
    in CI, where nothing is left out.
    """
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / "hub.db")
        yield f"sqlite:///{tmp_path / 'hub.db'}"
        return
    if "hub" in request.fixturenames:
        require("campaign")
    url = str(request.getfixturevalue("migrated_database"))
    yield url
    _empty(url)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def hub_config(migrated_url: str, tmp_path: Path) -> HubConfig:
    return HubConfig(
        hub=HubSection(data=tmp_path, port=0, database_url=migrated_url),
        limits=LimitsSection(requests_per_minute=1_000_000),
    )


@pytest.fixture
def rooms(hub_config: HubConfig, clock: MovableClock) -> Iterator[Rooms]:
    """Give every room on a migrated store, without a server."""
    db = SqlDb(hub_config.database_url())
    given = ports(clock)
    yield Rooms(given, hub_config, db)
    db.close()
    given.work.close()


@pytest.fixture
async def hub(hub_config: HubConfig, clock: MovableClock) -> AsyncIterator[HubUnderTest]:
    """Run the whole hub on a real socket."""
    async with running_hub(hub_config, clock) as running:
        yield running
