"""Orders at a hub, on both engines."""

from collections.abc import Iterator

import pytest

from tests.cloud.stations.world import World, worlds


@pytest.fixture
def world(migrated_url: str) -> Iterator[World]:
    yield from worlds(migrated_url)
