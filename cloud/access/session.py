"""The cookie of the hub's own pages: HttpOnly, SameSite=Strict, its token kept like every other."""

from aiohttp import web

from cloud.access.caller import Caller
from cloud.access.service import Access, Issued
from common.kit.errors import UnauthenticatedError

COOKIE = "linli_session"


async def page_caller(access: Access, request: web.Request) -> Caller | None:
    """Return who looks at the page, None without a valid session."""
    token = request.cookies.get(COOKIE)
    if not token:
        return None
    try:
        return await access.authenticate(token, "cookie")
    except UnauthenticatedError:
        return None


def start_session(response: web.StreamResponse, issued: Issued, *, secure: bool) -> None:
    """Hand the token of `Access.sign_in(kind="cookie")` to the browser; `secure` under https."""
    response.set_cookie(
        COOKIE, issued.token, httponly=True, samesite="Strict", secure=secure, path="/"
    )


async def end_session(access: Access, request: web.Request, response: web.StreamResponse) -> None:
    """Forget the session on both sides."""
    if token := request.cookies.get(COOKIE):
        await access.sign_out(token)
    response.del_cookie(COOKIE, path="/")
