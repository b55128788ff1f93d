"""`linli demo --fresh` deletes a demo's data, and only when nothing runs on it."""

from pathlib import Path

import pytest

from common.kit.errors import ConfigError, UnavailableError
from common.kit.folder import hold
from linli.demo.cli import forget


def test_data_of_a_running_demo_stays(tmp_path: Path) -> None:
    held = hold(tmp_path, "linli-demo", key="demo.running", who="`linli demo`")
    with pytest.raises(UnavailableError) as refused:
        forget(tmp_path)
    assert refused.value.key == "demo.running"
    assert tmp_path.exists()
    held.close()
    forget(tmp_path)
    assert not tmp_path.exists()


def test_a_folder_that_is_no_demo_stays(tmp_path: Path) -> None:
    (tmp_path / "letters").write_text("dear")
    with pytest.raises(ConfigError):
        forget(tmp_path)
    assert (tmp_path / "letters").exists()
