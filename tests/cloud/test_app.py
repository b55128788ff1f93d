"""The hub as a whole: its schema, its start and stop, and the ports it insists on."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from cloud.app import HubPorts, build_hub
from cloud.config import HubConfig, HubSecrets, HubSection, load_config
from cloud.migrations import METADATA, newest_revision, revision_tx, upgrade_tx
from cloud.verify import violations_tx
from common.kit.chance import seeded_chance
from common.kit.errors import ConfigError, UnavailableError
from common.kit.sqldb import SqlDb
from common.kit.web import WebServer, make_app
from common.kit.work import InlineWork
from linli.world.loop import VirtualLoop, run_virtual
from tests.cloud.harness import SECRETS, HubUnderTest, MovableClock, ports


def test_the_migrated_schema_is_what_the_rooms_say(hub_url: str) -> None:
    db = SqlDb(hub_url)
    db.write_now(upgrade_tx)

    def difference(conn: sa.Connection) -> list[object]:
        context = MigrationContext.configure(
            conn, opts={"compare_type": True, "compare_server_default": True}
        )
        return list(compare_metadata(context, list(METADATA)))  # type: ignore[arg-type]

    assert db.write_now(difference) == []
    assert db.read_now(revision_tx) == newest_revision()
    db.close()


def test_no_two_rooms_own_one_table() -> None:
    names = [name for metadata in METADATA for name in metadata.tables]
    assert len(names) == len(set(names))


def test_migrating_again_changes_nothing(hub_url: str) -> None:
    db = SqlDb(hub_url)
    for _ in range(2):
        db.write_now(upgrade_tx)
    assert db.read_now(violations_tx) == []
    db.close()


def test_a_migration_that_breaks_leaves_the_schema_as_it_was(hub_url: str) -> None:
    db = SqlDb(hub_url)

    def broken(conn: sa.Connection) -> None:
        upgrade_tx(conn)
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        db.write_now(broken)
    assert db.write_now(lambda conn: sa.inspect(conn).get_table_names()) == []
    db.close()


def test_an_old_schema_is_a_violation(tmp_path: Path) -> None:
    db = SqlDb(f"sqlite:///{tmp_path / 'old.db'}")
    (found,) = db.read_now(violations_tx)
    assert "linli hub migrate" in found
    db.close()


async def test_a_running_hub_is_ready_and_healthy(hub: HubUnderTest) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        assert (await hub.ask(None, "GET", path)).status_code == 200


async def test_a_taken_port_stops_the_hub_with_its_number(tmp_path: Path) -> None:
    other = WebServer(make_app(), "127.0.0.1", 0)
    await other.start()
    given = ports(MovableClock())
    subject = build_hub(given, HubConfig(hub=HubSection(data=tmp_path, port=other.port)))
    with pytest.raises(UnavailableError, match=str(other.port)):
        await subject.run()
    assert not subject.ready.is_set()
    await other.stop()
    given.work.close()


async def test_predictable_chance_is_refused_on_a_real_loop(tmp_path: Path) -> None:
    given = replace(ports(MovableClock()), chance=seeded_chance("1"))
    with pytest.raises(ValueError, match="seeded"):
        build_hub(given, HubConfig(hub=HubSection(data=tmp_path)))
    given.work.close()


def test_the_same_hub_lives_for_hours_in_virtual_time(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> tuple[bytes, float]:
        given = HubPorts(
            MovableClock(),
            seeded_chance("1"),
            InlineWork(),
            lambda url: SqlDb(url, inline=True),
            SECRETS,
        )
        hub = build_hub(given, HubConfig(hub=HubSection(data=tmp_path, host="hub")))
        running = loop.create_task(hub.run())
        await hub.ready.wait()
        await asyncio.sleep(3 * 3600)
        reader, writer = await asyncio.open_connection("hub", 8800)
        writer.write(b"GET /readyz HTTP/1.1\r\nHost: hub:8800\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return answer, loop.time()

    answer, now_s = run_virtual(1, main)
    assert b'{"status": "ready"}' in answer
    assert now_s > 3 * 3600


def test_secrets_are_made_once_and_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "data" / "hub-secrets.json"
    first = HubSecrets.open(path, seeded_chance("1"))
    assert HubSecrets.open(path, seeded_chance("2")) == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert len({first.master, first.command_key, first.encryption_key, first.derive("a")}) == 4
    assert first.derive("a") != first.derive("b")
    with pytest.raises(FileExistsError):
        first.save(path)
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        HubSecrets.open(path, seeded_chance("3"))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"master": "zz"}', '{"master": "00"}'])
def test_damaged_secrets_are_named_and_never_replaced(tmp_path: Path, text: str) -> None:
    path = tmp_path / "hub-secrets.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        HubSecrets.open(path, seeded_chance("1"))
    assert caught.value.key == "hub.secrets_damaged"
    assert path.read_text() == text


def test_settings_come_from_file_and_environment(tmp_path: Path) -> None:
    path = tmp_path / "hub.toml"
    path.write_text('[hub]\nport = 9\npublic_url = "https://hub.example.cn"\n')
    found = load_config(path, {"LINLI_HUB__PORT": "8899", "LINLI_LIMITS__TOKEN_HOURS": "1"})
    assert (found.hub.port, found.limits.token_hours) == (8899, 1)
    assert found.host_names() == ("hub.example.cn",)
    assert load_config(None, {}) == HubConfig()
    path.write_text("[hub]\nprot = 9\n")
    with pytest.raises(ConfigError, match="did you mean `port`"):
        load_config(path, {})


def test_the_database_is_in_the_data_folder_unless_a_server_is_named(tmp_path: Path) -> None:
    here = HubConfig(hub=HubSection(data=tmp_path))
    assert here.database_url() == f"sqlite:///{tmp_path}/hub.db"
    there = HubConfig(hub=HubSection(data=tmp_path, database_url="postgresql+psycopg://h/d"))
    assert there.database_url() == "postgresql+psycopg://h/d"
