"""The register profiles that ship, one TOML file a device; `linli` reads them with the rules of `profile.py`."""

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent


@cache
def names() -> tuple[str, ...]:
    """Return the kind of every profile that ships: the name of its file."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def path_of(kind: str) -> Path:
    """Return the file of a kind."""
    return _FOLDER / f"{kind}.toml"
