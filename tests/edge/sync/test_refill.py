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


async def test_hub_and_station_both_put_back_find_a_common_story(
    hub: HubRig, subject: StationRig, tmp_path: Path
) -> None:
    """The hub stands where only the station's lost disk knew: what it holds of us still counts as acknowledged."""
    image, backup_file = tmp_path / "old.db", tmp_path / "backup.db"
    async with hub.serving(), subject.running():
        await subject.door("A1")
        await until(subject.is_empty)
        await asyncio.to_thread(subject.copy_file, image)
        await subject.door("A2")
        await until(subject.is_empty)
        await asyncio.to_thread(hub.copy_file, backup_file)
        await subject.door("A3")
        await until(subject.is_empty)
    await asyncio.to_thread(subject.restore_file, image)
    async with hub.serving(), subject.running():
        await subject.door("B1")
        await until(lambda: hub.labels() == ["A1", "A2", "A3", "B1"] and subject.is_empty())
    await hub.restore_file(backup_file)
    async with hub.serving(), subject.running():
        await subject.door("B2")
        await until(lambda: hub.labels() == ["A1", "A2", "B1", "B2"] and subject.is_empty())
    assert "hole.facts" in hub.alarms()  # A3 is nowhere any more, and somebody is told
