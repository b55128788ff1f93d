"""The gateway's store on both engines."""

from collections.abc import Iterator

import pytest

from common.kit.sqldb import SqlDb


@pytest.fixture
def db(migrated_url: str) -> Iterator[SqlDb]:
    """Open a migrated store in which nothing has happened."""
    opened = SqlDb(migrated_url)
    yield opened
    opened.close()
