"""The page "add a device", followed to the letter in a copy of the tree: its relay board opens a door."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house_rules import tracked_files
from tests.parts import ROOT
from tests.system.test_demo import port_base

__all__ = ["port_base"]
pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(150)]
PAGE = ROOT / "docs/howto/add-a-device-driver.md"
_CHAPTER = "## A relay board on Modbus\n"
_PYTHON = re.compile(r"```python\n# ([\w/]+\.py)(?:, (.+?))?\n(.*?)```", re.DOTALL)
_JSON = re.compile(r"`(tests/frames/\w+\.json)`[^`]*```json\n(.*?)```", re.DOTALL)


def _copy(target: Path) -> Path:
    for path in tracked_files(ROOT):
        if path.is_file():
            (target / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target / path.relative_to(ROOT))
    return target


def _put(text: str, place: str | None, block: str) -> str:
    """Do with a file what the first line of a block says: write it, or put the lines where it says."""
    if place is None:
        return block
    if place == "imports":
        at = _found(r"^(from|import) ", text).start()
    elif place.startswith("before "):
        at = _found(rf"^{place.removeprefix('before ')}\b", text).start()
        block += "\n\n"
    else:
        name = _found(rf"^{place.removeprefix('in ')}\b", text).start()
        at = name + _found(r"^.* = \w*[\[({]\n", text[name:]).end()
    return text[:at] + block + text[at:]


def _found(pattern: str, text: str) -> re.Match[str]:
    found = re.search(pattern, text, re.MULTILINE)
    assert found is not None, f"the page speaks of {pattern}, which is no longer there"
    return found


def _follow(page: str, tree: Path) -> None:
    for name, place, block in _PYTHON.findall(page):
        path = tree / name
        old = path.read_text(encoding="utf-8") if place else ""
        path.write_text(_put(old, place or None, block), encoding="utf-8")
    for name, block in _JSON.findall(page):
        (tree / name).write_text(block, encoding="utf-8")


def _run(tree: Path, *words: str) -> str:
    env = {name: value for name, value in os.environ.items() if not name.startswith("LINLI_")}
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=tree, env=env | {"PYTHONPATH": str(tree)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_a_stranger_who_follows_the_page_has_a_board_that_opens_doors(
    tmp_path: Path, port_base: int
) -> None:
    tree = _copy(tmp_path / "tree")
    page = PAGE.read_text(encoding="utf-8").split(_CHAPTER)[1].split("\n## ")[0]
    _follow(page, tree)
    kinds = (
        "tests/firmware_protocols/test_plain_relays.py", "tests/edge/hardware/test_allow_lists.py",
        "tests/edge/hardware/test_lock_boards.py", "tests/provisioning/test_scan.py",
    )  # fmt: skip
    passed = _run(tree, "pytest", "-q", "-p", "no:cacheprovider", "-k", "rx8", *kinds)
    assert int(passed.rsplit(" passed", 1)[0].split()[-1]) > 15, passed
    _run(tree, "ruff", "check", "--fix", "-q")
    cabinet = (tree / "cabinets/yangguangli-3.toml").read_text(encoding="utf-8")
    (tree / "my-cabinet.toml").write_text(
        cabinet.replace("waveshare_8ch_d", "rx8"), encoding="utf-8"
    )
    _run(
        tree, "linli", "demo", "--check", "--cabinet", "my-cabinet.toml",
        "--data", str(tmp_path / "demo"), "--port-base", str(port_base),
    )  # fmt: skip
