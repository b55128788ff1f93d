"""The test machinery itself: parts are found or named, a blocked loop and a far host are refused."""

import asyncio
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page

from tests import parts
from tests.parts import ROOT


def _inner_run(tmp_path: Path, body: str, **env: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "test_inner.py").write_text(textwrap.dedent(body), encoding="utf-8")
    return subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.conftest",
            "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), str(tmp_path / "test_inner.py"),
        ],
        cwd=ROOT, env={"PATH": "/nowhere", "HOME": str(tmp_path), **env},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


NEEDS_BROWSER = """
    from tests.parts import require
    def test_it(): require("chromium")
    def test_plain(): pass
"""


@pytest.mark.timeout(60)
def test_a_missing_part_skips_and_is_named(tmp_path: Path) -> None:
    done = _inner_run(tmp_path, NEEDS_BROWSER)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "left out 1 test(s) – chromium: no Chromium: `apt-get install" in done.stdout
    assert "1 passed, 1 skipped" in done.stdout


@pytest.mark.timeout(60)
@pytest.mark.parametrize("wanted", ["all", "mbpoll,chromium"])
def test_a_missing_part_fails_where_it_is_required(tmp_path: Path, wanted: str) -> None:
    done = _inner_run(tmp_path, NEEDS_BROWSER, LINLI_REQUIRE=wanted)
    assert done.returncode == 1
    assert "LINLI_REQUIRE: no Chromium" in done.stdout


@pytest.mark.timeout(60)
def test_no_skip_of_any_kind_passes_a_full_run(tmp_path: Path) -> None:
    done = _inner_run(
        tmp_path, "import pytest\ndef test_it(): pytest.skip('tired')\n", LINLI_REQUIRE="all"
    )
    assert done.returncode == 1
    assert "LINLI_REQUIRE=all allows no skip: tired" in done.stdout


def test_required_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINLI_REQUIRE", "postgres")
    assert parts.required("postgres")
    assert not parts.required("chromium")


def test_no_test_reaches_another_machine() -> None:
    with socket.socket() as sock, pytest.raises(RuntimeError, match="tried to reach"):
        sock.connect(("192.0.2.1", 80))


async def test_a_blocked_loop_is_noticed() -> None:
    from common.kit import failpoints  # its frame stands for any code of ours

    failpoints.arm("tests.block", lambda: time.sleep(0))
    try:
        with pytest.raises(Exception, match=r"Blocking call to time\.sleep"):
            failpoints.fp("tests.block")
        await asyncio.sleep(0)
    finally:
        failpoints.disarm_all()


@pytest.mark.parametrize("turn", [1, 2])
def test_every_test_has_its_own_postgres(postgres_dsn: str, turn: int) -> None:
    engine = sa.create_engine(postgres_dsn)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE same_name (a int)")
        assert connection.scalar(sa.text("SHOW server_version_num")) >= "160000"
    engine.dispose()


def test_the_browser_draws_chinese(page: Page) -> None:
    page.set_content("<span id=cold>冷</span> <span id=warm>热</span>")
    assert page.evaluate("navigator.language") == "zh-CN"
    # Without a Chinese font both would be the same empty box.
    assert page.locator("#cold").screenshot() != page.locator("#warm").screenshot()
