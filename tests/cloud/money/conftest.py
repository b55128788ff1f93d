"""A ledger on both engines."""

from collections.abc import Iterator

import pytest

from common.kit.sqldb import SqlDb


@pytest.fixture
def db(migrated_url: str) -> Iterator[SqlDb]:
    store = SqlDb(migrated_url)
    yield store
    store.close()
