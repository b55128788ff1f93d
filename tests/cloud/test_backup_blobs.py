"""`hub backup --blobs`: every photo a row names is copied once, checked, and what is damaged is named."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cloud.backup_blobs import backup_blobs
from cloud.cli import app
from cloud.config import HubConfig, HubSection
from cloud.migrations import upgrade_tx
from cloud.sync.blobs import Shelf, Span, place_of
from common.contract.protocol import blob_digest
from common.kit.errors import ConflictError
from common.kit.sqldb import SqlDb
from common.kit.work import ThreadWork

STATION = "01JSTATION0000000000000000"
PHOTOS = (b"door open" * 100, b"door shut" * 200, b"\x00")


def _hub(folder: Path) -> HubConfig:
    """Return a hub whose station has sent three photos, all in one part."""
    folder.mkdir()
    config = HubConfig(hub=HubSection(data=folder))
    db, work = SqlDb(config.database_url()), ThreadWork("blobs")
    db.write_now(upgrade_tx)
    shelf = Shelf(db, folder / "blobs", work)

    async def send() -> None:
        for photo in PHOTOS:
            span = Span(0, len(photo), len(photo))
            await shelf.put(STATION, blob_digest(photo), span, photo, 1)

    asyncio.run(send())
    work.close()
    db.close()
    return config


def test_all_photos_are_copied_and_a_second_backup_copies_what_is_new(tmp_path: Path) -> None:
    config, out = _hub(tmp_path / "hub"), tmp_path / "out"
    assert backup_blobs(config, out, print) == 3
    assert [place_of(out, blob_digest(p)).read_bytes() for p in PHOTOS] == list(PHOTOS)
    first = place_of(out, blob_digest(PHOTOS[0]))
    place_of(out, blob_digest(PHOTOS[1])).write_bytes(b"rotten")
    before = first.stat().st_mtime_ns
    assert backup_blobs(config, out, print) == 3
    assert first.stat().st_mtime_ns == before
    assert place_of(out, blob_digest(PHOTOS[1])).read_bytes() == PHOTOS[1]


def test_a_photo_missing_or_damaged_at_the_hub_is_named_and_the_others_are_copied(
    tmp_path: Path,
) -> None:
    config, out = _hub(tmp_path / "hub"), tmp_path / "out"
    gone, rotten, whole = (blob_digest(photo) for photo in PHOTOS)
    place_of(tmp_path / "hub" / "blobs", gone).unlink()
    place_of(tmp_path / "hub" / "blobs", rotten).write_bytes(b"x")
    with pytest.raises(ConflictError) as told:
        backup_blobs(config, out, print)
    assert "2 of 3 photos" in str(told.value)
    assert gone in str(told.value)
    assert rotten in str(told.value)
    assert [p.name for p in out.rglob("*") if p.is_file()] == [whole]


def test_the_command_says_when_photos_are_left_out(tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    _hub(hub)
    said = CliRunner().invoke(app, ["backup", "--data", str(hub), "--out", str(tmp_path / "a.db")])
    assert said.exit_code == 0
    assert "--blobs DIR" in said.output
    args = ["backup", "--data", str(hub), "--out", str(tmp_path / "b.db")]
    said = CliRunner().invoke(app, [*args, "--blobs", str(tmp_path / "photos")])
    assert said.exit_code == 0
    assert "3 photos, verified" in said.output
