"""Small tools of both pages: answering with HTML, a redirect or a fragment."""

from aiohttp import web

FRAGMENT_HEADER = "Linli-Fragment"


def page(text: str) -> web.Response:
    """Return HTML."""
    return web.Response(text=text, content_type="text/html", charset="utf-8")


def see_other(path: str) -> web.Response:
    """Return the redirect after a post; as an answer, so that it can carry cookies."""
    return web.Response(status=303, headers={"Location": path})


def wants_fragment(request: web.Request) -> bool:
    """Return whether `forms.js` asked, which swaps the answer in, rather than a plain browser."""
    return FRAGMENT_HEADER in request.headers
