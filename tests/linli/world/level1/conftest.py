"""One ground for the tests of level 1: a seeded hub and a paired station, made once a process."""

from collections.abc import Iterator

import pytest

from linli.world.level1.ground import Ground


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    made = Ground(tmp_path_factory.mktemp("level1") / "ground")
    yield made
    made.close()
