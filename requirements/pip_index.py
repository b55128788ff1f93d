"""Prints pip's index settings as shell exports for uv, which reads neither pip.conf nor PIP_*.

A mirror set up for pip thus serves `make setup` too. What is already set for uv wins.
"""

import os
import shlex
import subprocess
import sys

# pip's option → uv's variable; several indexes are separated by spaces in both.
OPTIONS = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
}
# pip's own order: the environment, then the section of the command, then everything.
SECTIONS = (":env:", "install", "global")


def pip_settings() -> dict[str, str]:
    """Return pip's settings by `section.option`."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    pairs = (line.partition("=") for line in listed.stdout.splitlines())
    return {key: value.strip("'\"").replace("\\n", " ") for key, _, value in pairs}


def exports(settings: dict[str, str], env: dict[str, str]) -> dict[str, str]:
    """Return the variables that uv is missing."""
    found = {"UV_INDEX_STRATEGY": "unsafe-best-match"}  # as pip does; the hashes decide anyway
    for option, variable in OPTIONS.items():
        values = (settings.get(f"{section}.{option}") for section in SECTIONS)
        if value := next((value for value in values if value), None):
            found[variable] = " ".join(value.split())
    return {variable: value for variable, value in found.items() if variable not in env}


if __name__ == "__main__":
    for variable, value in exports(pip_settings(), dict(os.environ)).items():
        print(f"export {variable}={shlex.quote(value)}")  # noqa: T201 - the shell reads this
