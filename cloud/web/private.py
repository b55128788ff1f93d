"""Answers to whoever holds a link: kept by nobody, indexed nowhere, told to no other site."""

from aiohttp import web

from cloud.web.frame import Frame, page
from common.ui.i18n import Lang

_PRIVATE = {
    "Referrer-Policy": "same-origin",  # not `no-referrer`: browsers send `Origin: null` with its forms
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
}


def private(response: web.Response) -> web.Response:
    """Return the answer with the headers of a secret."""
    response.headers.update(_PRIVATE)
    return response


def shown(frame: Frame, template: str, lang: Lang, /, **context: object) -> web.Response:
    """Return a page of its own for a link."""
    return private(page(frame.render(template, lang, **context)))
