"""The gateway's store on both engines."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud.sync import metadata
from common.kit.sqldb import SqlDb


@pytest.fixture(params=["sqlite", "postgres"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlDb]:
    """An empty gateway database."""
    url = f"sqlite:///{tmp_path / 'hub.db'}"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_dsn")
    opened = SqlDb(url)
    metadata.create_all(opened.engine)
    yield opened
    opened.close()
