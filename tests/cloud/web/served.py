"""A whole hub for the browser: its own process, a town filled through the rooms, a free port."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from tests.parts import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Page


class Access(TypedDict):
    """The part of the seed's keys that the pages' tests need."""

    station_id: str
    staff: list[dict[str, str]]


class Keys(TypedDict):
    """What `tests.cloud.web.town` prints."""

    access: Access
    orders: dict[str, str]
    links: dict[str, str]
    codes: dict[str, str | None]
    errands: list[str]


@dataclass(frozen=True, slots=True)
class ServedHub:
    """Where the hub is and who can get in."""

    url: str
    keys: Keys

    @property
    def station(self) -> str:
        return f"{self.url}/stations/{self.keys['access']['station_id']}"

    def order(self, name: str) -> str:
        return f"{self.url}/orders/{self.keys['orders'][name]}"

    def link(self, name: str) -> str:
        return f"{self.url}/o/{self.keys['links'][name]}"

    def password(self, login: str) -> str:
        return next(
            one["password"] for one in self.keys["access"]["staff"] if one["login"] == login
        )

    def sign_in(self, page: "Page", login: str = "operator", lang: str = "zh-CN") -> None:
        page.goto(f"{self.url}/sign-in")
        if lang == "en":
            page.click("button[value=en]")
        page.fill("#login", login)
        page.fill("#password", self.password(login))
        page.click(".primary")
        page.wait_for_load_state()


def fill(data: Path) -> Keys:
    """Bring the town into being in `data`."""
    data.chmod(0o700)
    filled = subprocess.run(
        [sys.executable, "-m", "tests.cloud.web.town", str(data)],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    keys: Keys = json.loads(filled.stdout)
    return keys


@contextmanager
def served_hub(data: Path, keys: Keys) -> Iterator[ServedHub]:
    """Serve the town in `data` until the end of the block."""
    hub = subprocess.Popen(
        [sys.executable, "-c", "from cloud.cli import app; app()", "serve", "--port", "0"],
        cwd=ROOT, env={**os.environ, "LINLI_DATA": str(data), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert hub.stdout is not None
        said = next(line for line in hub.stdout if "hub at" in line)
        found = re.search(r"http://\S+", said)
        assert found is not None
        yield ServedHub(found.group(), keys)
    finally:
        hub.terminate()
        hub.communicate(timeout=20)
