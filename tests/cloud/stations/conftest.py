"""A station at a hub, on both engines."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud.stations.world import ENGINES, World, worlds


@pytest.fixture(params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    yield from worlds(request, tmp_path)
