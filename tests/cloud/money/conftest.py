"""A ledger on both engines."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud.money.models import metadata
from common.kit.sqldb import SqlDb

ENGINES = (
    "sqlite",
    pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.timeout(90)]),
)


@pytest.fixture(params=ENGINES)
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlDb]:
    url = (
        f"sqlite:///{tmp_path / 'hub.db'}"
        if request.param == "sqlite"
        else request.getfixturevalue("postgres_dsn")
    )
    store = SqlDb(url)
    store.write_now(metadata.create_all)
    yield store
    store.close()
