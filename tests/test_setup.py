"""Set-up: pip's indexes reach uv, every requirement is pinned by hash, vendor files are as declared."""

import ast
import hashlib
import json
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


@pytest.mark.parametrize("name", ["run.txt", "test.txt"])
def test_every_requirement_is_pinned_by_hash_and_names_no_host(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    blocks = re.split(r"\n(?=\S)", text)
    assert len(blocks) > 30
    for block in blocks:
        assert re.match(r"^[\w.-]+(\[[\w,-]+\])?==\S+", block), block[:80]
        assert "--hash=sha256:" in block, block[:80]
    assert "://" not in text


def test_what_runs_is_what_was_tested() -> None:
    def pins(name: str) -> set[str]:
        text = (ROOT / "requirements" / name).read_text()
        return set(re.findall(r"^[\w.-]+==[^\s;]+", text, re.MULTILINE))

    assert pins("run.txt") <= pins("test.txt")


def test_vendor_files_are_what_the_manifest_says() -> None:
    declared = _declared_files()
    vendor = ROOT / "common/ui/static/vendor"
    manifest = json.loads((vendor / "manifest.json").read_text())
    assert set(manifest) == set(declared.values())
    for served, said in manifest.items():
        content = (vendor / served).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (
            said["bytes"],
            said["sha256"],
        )
        assert list(vendor.glob(f"{said['package']}-LICENSE*"))


def test_vendor_versions_are_pinned_exactly() -> None:
    package = json.loads((ROOT / "web/package.json").read_text())
    for name, version in {**package["dependencies"], **package["devDependencies"]}.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), f"{name} {version}"
    lock = json.loads((ROOT / "web/package-lock.json").read_text())
    assert all("resolved" not in entry for entry in lock["packages"].values())


def _declared_files() -> dict[str, str]:
    tree = ast.parse((ROOT / "hatch_build.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "FILES":
            found: dict[str, str] = ast.literal_eval(node.value)
            return found
    raise AssertionError("hatch_build.py declares no FILES")


def test_make_help_names_every_target() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("setup", "demo", "test", "check", "lock", "clean"):
        assert re.search(rf"make {target}\s+\S", done.stdout), target


def test_the_ci_script_is_sound_bash() -> None:
    bash = shutil.which("bash")
    assert bash
    subprocess.run([bash, "-n", str(ROOT / ".ci/run")], check=True)
    assert (ROOT / ".ci/run").stat().st_mode & 0o111
