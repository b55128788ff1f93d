"""A folder has one holder; a disk that refuses is a message."""

from pathlib import Path

import pytest

from common.kit.errors import UnavailableError
from common.kit.folder import hold


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    held = hold(tmp_path / "new", "hub.lock", key="hub.in_use", who="hub")
    with pytest.raises(UnavailableError) as refused:
        hold(tmp_path / "new", "hub.lock", key="hub.in_use", who="hub")
    assert refused.value.key == "hub.in_use"
    held.close()
    hold(tmp_path / "new", "hub.lock", key="hub.in_use", who="hub").close()


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(UnavailableError) as refused:
        hold(tmp_path / "taken", "hub.lock", key="hub.in_use", who="hub")
    assert refused.value.key == "folder.unusable"
    assert str(tmp_path / "taken") in refused.value.detail
