"""Small tools of both pages: reading a posted form, answering with HTML, a redirect or a fragment."""

from urllib.parse import parse_qsl

from aiohttp import web

from common.kit.errors import InvalidError
from common.kit.web import read_body

FRAGMENT_HEADER = "Linli-Fragment"
_MOST_FIELDS = 20


async def read_form(request: web.Request) -> dict[str, str]:
    """Return the fields of a URL-encoded form; the last of several wins. InvalidError if it is none."""
    body = await read_body(request)
    try:
        pairs = parse_qsl(
            body.decode(),
            keep_blank_values=True,
            strict_parsing=bool(body),
            max_num_fields=_MOST_FIELDS,
        )
    except (UnicodeDecodeError, ValueError) as error:
        raise InvalidError("screen.bad_form", "the body is no URL-encoded form") from error
    return dict(pairs)


def page(text: str) -> web.Response:
    """Return HTML."""
    return web.Response(text=text, content_type="text/html", charset="utf-8")


def see_other(path: str) -> web.Response:
    """Return the redirect after a post; as an answer, so that it can carry cookies."""
    return web.Response(status=303, headers={"Location": path})


def wants_fragment(request: web.Request) -> bool:
    """Return whether `forms.js` asked, which swaps the answer in, rather than a plain browser."""
    return FRAGMENT_HEADER in request.headers
