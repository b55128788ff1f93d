"""Who sits at a page of the desk: cookie, form token, language, and the message that survives a redirect."""

import hashlib
import hmac
from collections import OrderedDict
from dataclasses import dataclass, field

from aiohttp import web

from cloud.access.caller import Caller
from cloud.access.service import Access, Issued
from cloud.access.session import COOKIE, end_session, page_caller, start_session
from cloud.web.forms import Fields
from common.kit.errors import RefusedError
from common.ui.i18n import Lang, Param

LANG_COOKIE = "linli_lang"
_MOST_FLASHES = 256
_YEAR_S = 365 * 86400


@dataclass(frozen=True, slots=True)
class Flash:
    """A message for the next page: `text` is an English msgid."""

    kind: str
    text: str
    params: dict[str, Param] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Who:
    """A signed-in account with the token of its cookie."""

    caller: Caller
    token: str

    @property
    def csrf(self) -> str:
        """Return the form token of this session: only our own page can know it."""
        given = self.token.encode()
        return hashlib.blake2b(given, digest_size=16, person=b"linli-csrf").hexdigest()

    def check_csrf(self, fields: Fields) -> None:
        """Raise RefusedError when the form is not from this session's page."""
        if not hmac.compare_digest(fields.get("csrf", "").encode(), self.csrf.encode()):
            raise RefusedError("web.stale_form", "the form is old: load the page again")


class Sessions:
    """Reads the cookie and asks the access room who it is."""

    def __init__(self, access: Access, *, secure: bool) -> None:
        """Ask `access`; `secure` cookies travel over https alone."""
        self._access, self._secure = access, secure
        self._flashes: OrderedDict[str, Flash] = OrderedDict()

    async def of(self, request: web.Request) -> Who | None:
        """Return who asks, or None."""
        caller = await page_caller(self._access, request)
        return Who(caller, request.cookies[COOKIE]) if caller is not None else None

    def enter(self, response: web.StreamResponse, issued: Issued) -> None:
        """Hand the browser its session."""
        start_session(response, issued, secure=self._secure)

    async def leave(self, request: web.Request, response: web.StreamResponse, who: Who) -> None:
        """End the session here and in the browser."""
        await end_session(self._access, request, response)
        self._flashes.pop(who.csrf, None)

    def keep(self, who: Who, flash: Flash) -> None:
        """Keep a message for the account's next page."""
        self._flashes[who.csrf] = flash
        if len(self._flashes) > _MOST_FLASHES:
            self._flashes.popitem(last=False)

    def take(self, who: Who) -> Flash | None:
        """Return the message once."""
        return self._flashes.pop(who.csrf, None)


def lang_of(request: web.Request) -> Lang:
    """Return the browser's language as its person chose it; Chinese until then."""
    return Lang.of(request.cookies.get(LANG_COOKIE))


def keep_lang(response: web.StreamResponse, tag: str) -> None:
    """Remember the language for a year."""
    response.set_cookie(
        LANG_COOKIE, Lang.of(tag).value, max_age=_YEAR_S, path="/", samesite="Lax", httponly=True
    )
