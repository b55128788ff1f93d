"""A data folder belongs to one program at a time; a disk that refuses is named with what to do."""

import fcntl
from pathlib import Path
from typing import BinaryIO

from common.kit.errors import UnavailableError
from common.kit.said import Said


def hold(folder: Path, name: str, *, key: str, who: str) -> BinaryIO:
    """Make `folder` and return the held lock `name` in it; it ends with the file or the process.

    UnavailableError: `key` while another `who` holds it, `folder.unusable` when the disk refuses.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = (folder / name).open("ab")
    except OSError as error:
        text = "%(folder)s: %(cause)s; give a folder that can be written with --data"
        detail = Said(text, folder=str(folder), cause=error.strerror or str(error))
        raise UnavailableError("folder.unusable", detail, path=str(folder)) from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        held.close()
        text = "%(folder)s is in use by another %(who)s: stop that one or give another --data"
        detail = Said(text, folder=str(folder), who=who)
        raise UnavailableError(key, detail, path=str(folder)) from error
    return held
