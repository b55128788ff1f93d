"""One served hub a worker for all browser tests of the pages; the town in it is made once a run."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud.web.served import ServedHub, fill, served_hub


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedHub]:
    here = tmp_path_factory.getbasetemp()
    filled = _filled_once(here.parent if "PYTEST_XDIST_WORKER" in os.environ else here)
    data = shutil.copytree(filled, here / "town-of-mine")
    keys = json.loads((filled.parent / "town.json").read_text("utf-8"))
    with served_hub(data, keys) as found:
        yield found


def _filled_once(shared: Path) -> Path:
    """Return the folder of the town; the first worker that asks makes it, the others wait."""
    with (shared / "town.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        data, keys = shared / "town", shared / "town.json"
        if not keys.exists():
            data.mkdir()
            keys.write_text(json.dumps(fill(data)), "utf-8")
    return data
