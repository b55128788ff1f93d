"""Files that are there whole after a power cut, or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.kit.failpoints import fp


def write_whole(path: Path, data: bytes, *, synced: bool = True) -> None:
    """Put `data` at `path` in one step; `synced=False` where nobody cuts the power.

    An OSError names `path`, which somebody chose, not the part beside it.
    """
    part = path.with_name(f"{path.name}.part")
    with naming(path), part.open("wb") as out:
        out.write(data)
        if synced:
            out.flush()
            os.fsync(out.fileno())
    fp("kit.durable.written")
    with naming(path):
        into_place(part, path, synced=synced)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an OSError name `path` instead of a part or copy beside it."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def into_place(part: Path, path: Path, *, synced: bool = True) -> None:
    """Rename `part`, whose bytes are on the disk, to `path`, and keep the new name over a power cut."""
    part.replace(path)
    if synced:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in `folder` to the disk."""
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)


def sync_file(path: Path) -> None:
    """Bring the bytes of a file that another hand wrote to the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
