"""A hub put back to what `linli hub backup` wrote gets from its stations what it forgot."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud.backup import backup
from cloud.config import HubConfig, HubSection
from cloud.migrations import upgrade_tx
from common.kit.sqldb import SqlDb
from tests.edge.sync.rig import HubRig, StationRig, until


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubRig]:
    """Give a hub on the whole migrated schema, as `linli hub serve` has it."""
    db = SqlDb(f"sqlite:///{tmp_path / 'hub.db'}")
    db.write_now(upgrade_tx)
    db.close()
    rig = HubRig(tmp_path)
    yield rig
    rig.db.close()


async def test_a_backup_of_the_running_hub_is_refilled(
    hub: HubRig, subject: StationRig, tmp_path: Path
) -> None:
    config = HubConfig(hub=HubSection(data=tmp_path))
    copy = tmp_path / "copy.db"
    async with subject.running():
        async with hub.serving():
            await hub.put(subject.station_id, "A1")
            await subject.door("A1")
            await until(lambda: subject.is_empty() and hub.labels() == ["A1"])
            await asyncio.to_thread(backup, config, copy)
            await hub.put(subject.station_id, "A2")
            await subject.door("A2", "A3")
            await until(lambda: subject.is_empty() and len(subject.rows()) == 2)
        await hub.restore_file(copy)
        assert hub.labels() == ["A1"]
        async with hub.serving():
            await subject.door("A4")
            await until(lambda: hub.labels() == ["A1", "A2", "A3", "A4"] and subject.is_empty())
            await until(lambda: set(subject.rows()) == {"A1"})
    assert hub.alarms() == set()
    await asyncio.to_thread(backup, config, tmp_path / "after.db")  # it still verifies
