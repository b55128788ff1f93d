"""Set-up: pip's indexes reach uv, and every requirement is pinned by hash."""

import re
import shutil
import subprocess

import pytest

from requirements.pip_index import exports, pip_settings
from tests.parts import ROOT


def test_the_environment_beats_pip_conf_as_in_pip() -> None:
    settings = {
        "global.index-url": "https://global.example/simple",
        "install.index-url": "https://install.example/simple",
        ":env:.index-url": "https://env.example/simple",
        "global.extra-index-url": "https://a.example/simple\nhttps://b.example/simple",
    }
    assert exports(settings, {}) == {
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_DEFAULT_INDEX": "https://env.example/simple",
        "UV_INDEX": "https://a.example/simple https://b.example/simple",
    }


def test_what_is_set_for_uv_wins() -> None:
    env = {"UV_DEFAULT_INDEX": "https://mine.example/simple", "UV_INDEX_STRATEGY": "first-index"}
    assert exports({"global.index-url": "https://pip.example/simple"}, env) == {}


def test_pips_own_listing_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://a.example/simple https://b.example/simple")
    assert exports(pip_settings(), {})["UV_INDEX"] == (
        "https://a.example/simple https://b.example/simple"
    )


@pytest.mark.parametrize(
    ("name", "least"), [("run.txt", 30), ("test.txt", 30), ("mutation.txt", 10)]
)
def test_every_requirement_is_pinned_by_hash_and_names_no_host(name: str, least: int) -> None:
    text = (ROOT / "requirements" / name).read_text()
    blocks = re.split(r"\n(?=\S)", text)
    assert len(blocks) > least
    for block in blocks:
        assert re.match(r"^[\w.-]+(\[[\w,-]+\])?==\S+", block), block[:80]
        assert "--hash=sha256:" in block, block[:80]
    assert "://" not in text


def test_what_runs_is_what_was_tested() -> None:
    def pins(name: str) -> set[str]:
        text = (ROOT / "requirements" / name).read_text()
        return set(re.findall(r"^[\w.-]+==[^\s;]+", text, re.MULTILINE))

    assert pins("run.txt") <= pins("test.txt")
    both = {pin.partition("==")[0] for pin in pins("test.txt")}
    changed = {pin for pin in pins("mutation.txt") if pin.partition("==")[0] in both}
    assert changed <= pins("test.txt"), "mutants are asked with what the tests are run with"


def test_make_help_names_every_target() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("setup", "demo", "test", "check", "lock", "coverage", "mutation", "clean"):
        assert re.search(rf"make {target}\s+\S", done.stdout), target


def test_the_ci_script_is_sound_bash() -> None:
    bash = shutil.which("bash")
    assert bash
    subprocess.run([bash, "-n", str(ROOT / ".ci/run")], check=True)
    assert (ROOT / ".ci/run").stat().st_mode & 0o111
