"""Writing a revision: what Alembic makes of a new table is a file that `make lint` takes."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from cloud import migrations
from common.kit.sqldb import SqlDb
from tests.parts import ROOT


def _notices() -> sa.MetaData:
    metadata = sa.MetaData()
    sa.Table(
        "notice",
        metadata,
        sa.Column("notice_id", sa.Text, primary_key=True),
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("sent_at_ms", sa.BigInteger, nullable=False),
    )
    return metadata


@pytest.mark.timeout(60)
def test_a_written_revision_is_in_the_houses_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "cloud" / "migrations"
    shutil.copytree(ROOT / "cloud/migrations", here)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    monkeypatch.setattr(migrations, "_HERE", here)
    monkeypatch.setattr(migrations, "METADATA", (*migrations.METADATA, _notices()))
    db = SqlDb(f"sqlite:///{tmp_path / 'scratch.db'}", inline=True)
    db.write_now(migrations.upgrade_tx)
    db.write_now(lambda connection: migrations.write_revision(connection, "notices"))
    db.close()
    (written,) = here.glob("versions/r*_notices.py")
    assert 'op.create_table(\n        "notice",' in written.read_text(encoding="utf-8")
    for words in (("format", "--check"), ("check",)):
        said = subprocess.run(
            [sys.executable, "-m", "ruff", *words, str(written)],
            capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
        assert said.returncode == 0, said.stdout
