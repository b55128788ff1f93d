"""Reading what a form or an address bar says; everything in it is somebody's typing."""

import re

from aiohttp import web

from common.kit.errors import InvalidError, NotFoundError
from common.kit.ids import ID_PATTERN

Fields = dict[str, str]
_ID = re.compile(ID_PATTERN)


def is_id(text: str) -> bool:
    """Return whether `text` can be an id at all; anything else never reaches the store."""
    return _ID.fullmatch(text) is not None


def path_id(request: web.Request, name: str) -> str:
    """Return an id of the address; NotFoundError for what cannot be one."""
    text = request.match_info[name]
    if not is_id(text):
        raise NotFoundError("web.not_found", "no such address")
    return text


def text_of(fields: Fields, name: str, *, most: int = 200, least: int = 1) -> str:
    """Return a field's trimmed text; InvalidError `web.bad_form` when it is too short, too long or no text."""
    text = fields.get(name, "").strip()
    if not least <= len(text) <= most or not text.isprintable():
        raise InvalidError("web.bad_form", f"{name}: {least} to {most} characters", field=name)
    return text


def number_of(fields: Fields, name: str, *, least: int, most: int) -> int:
    """Return a field's whole number; InvalidError outside `least` … `most`."""
    text = fields.get(name, "").strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise InvalidError("web.bad_form", f"{name}: {least} to {most}", field=name)
    return int(text)


def local_path(text: str, otherwise: str = "/") -> str:
    """Return `text` when it is a path of this site, so that no form can send a person elsewhere."""
    clean = text.isascii() and text.isprintable() and "\\" not in text
    return text if clean and text.startswith("/") and not text.startswith("//") else otherwise
