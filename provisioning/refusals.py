"""How a refusal is said: a sentence in the person's language on standard error, for a program a line of JSON too."""

import errno
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import typer

from common.kit.errors import InvalidError, LinliError, UnavailableError
from common.kit.said import Said
from common.ui.i18n import Texts
from common.ui.terminal import texts_of

LANGS = ("zh", "en")
REMEDIES: Mapping[int, str] = {
    errno.EACCES: "choose another place, or be the user it belongs to",
    errno.EPERM: "choose another place, or be the user it belongs to",
    errno.EROFS: "choose another place",
    errno.ENOENT: "is its name right, and is its folder there?",
    errno.ENOTDIR: "is its name right, and is its folder there?",
    errno.EISDIR: "name a file in it",
    errno.ENOSPC: "make room, then call this again",
    errno.EDQUOT: "make room, then call this again",
    errno.EFBIG: "make room, then call this again",
}
"""What to do when the system refuses a file."""


def check_lang(lang: str | None) -> None:
    """Raise InvalidError `provision.lang` for a language that is not spoken."""
    if lang is not None and lang.lower().replace("-", "_").split("_")[0] not in LANGS:
        said = Said("--lang %(lang)s is not spoken here: zh or en", lang=repr(lang))
        raise InvalidError("provision.lang", said)


def texts_for(lang: str | None) -> Texts:
    """Return the language asked for; that of the terminal where it is none of ours."""
    try:
        check_lang(lang)
    except InvalidError:
        lang = None
    return texts_of(lang, os.environ)


def of_system(error: OSError, data: Path) -> LinliError:
    """Return what the system refused, as a refusal of ours: which file, why, what to do."""
    path, cause = str(error.filename or data), error.strerror or type(error).__name__
    remedy = REMEDIES.get(error.errno or 0)
    if remedy is None:
        return UnavailableError(
            "provision.file", Said("%(path)s: %(cause)s", path=path, cause=cause)
        )
    said = Said("%(path)s: %(cause)s; %(remedy)s", path=path, cause=cause, remedy=remedy)
    return UnavailableError("provision.file", said)


def record_of(error: LinliError) -> dict[str, object]:
    """Return it for a program, whatever language people speak."""
    said = error.detail.params if isinstance(error.detail, Said) else {}
    return {"error": error.key, "detail": error.detail, "params": {**said, **error.params}}


def say(error: LinliError, lang: str | None, *, as_json: bool, before: str) -> None:
    """Say it; `before` stands before the sentence for people."""
    typer.echo(f"{before}{texts_for(lang).say(error.detail)}", err=True)
    if as_json:
        with suppress(OSError):  # whoever read is gone: that may be what is said
            typer.echo(json.dumps(record_of(error), ensure_ascii=False))
