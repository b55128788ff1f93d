"""Who sits at the tablet: cookie, CSRF token, and the one message that survives a redirect."""

import hashlib
import hmac
from collections import OrderedDict
from dataclasses import dataclass, field

from aiohttp import web

from common.kit.errors import RefusedError
from common.ui.i18n import Lang, Param
from edge.access.keepers import KeeperSession
from edge.screen.services import Desk

COOKIE = "linli_keeper"
TABLET_COOKIE = "linli_tablet"
LANG_COOKIE = "linli_lang"
_KNOWN_S = 400 * 86400
_MOST_FLASHES = 64


@dataclass(frozen=True, slots=True)
class Flash:
    """A message for the next page: `text` is an English msgid."""

    kind: str
    text: str
    params: dict[str, Param] = field(default_factory=dict)


class Sessions:
    """Reads the cookie, asks the desk who it is, keeps flashes by token."""

    def __init__(self, desk: Desk) -> None:
        """Ask `desk`."""
        self._desk = desk
        self._flashes: OrderedDict[str, Flash] = OrderedDict()

    async def of(self, request: web.Request) -> KeeperSession | None:
        """Return who asks, or None."""
        token = request.cookies.get(COOKIE, "")
        return await self._desk.session(token) if 0 < len(token) <= 200 else None

    def set_cookie(self, response: web.StreamResponse, session: KeeperSession) -> None:
        """Hand the browser its session, and by what it is known; no script reads it and no other site sends it."""
        for name, value, life_s, path in (
            (COOKIE, session.token, round(session.expires_in_s), "/"),
            (TABLET_COOKIE, session.tablet, _KNOWN_S, "/sign-in"),
        ):
            response.set_cookie(
                name, value, max_age=life_s, httponly=True, samesite="Strict", path=path
            )

    def tablet_of(self, request: web.Request) -> str:
        """Return by what the tablet is known; empty: it is not."""
        value = request.cookies.get(TABLET_COOKIE, "")
        return value if len(value) <= 200 else ""

    def leave(self, session: KeeperSession, flash: Flash) -> None:
        """Keep a message for the keeper's next page."""
        self._flashes[session.token] = flash
        if len(self._flashes) > _MOST_FLASHES:
            self._flashes.popitem(last=False)

    def take(self, session: KeeperSession) -> Flash | None:
        """Return the message once."""
        return self._flashes.pop(session.token, None)


def csrf_of(session: KeeperSession) -> str:
    """Return the form token of a session: only our own page can know it."""
    return hashlib.blake2b(session.token.encode(), digest_size=16, person=b"linli-csrf").hexdigest()


def check_csrf(session: KeeperSession, fields: dict[str, str]) -> None:
    """Raise RefusedError when the form is not from this session's page."""
    if not hmac.compare_digest(fields.get("csrf", "").encode(), csrf_of(session).encode()):
        raise RefusedError("screen.stale_form", "the form is old: load the page again")


def lang_of(request: web.Request) -> Lang:
    """Return the tablet's language."""
    return Lang.of(request.cookies.get(LANG_COOKIE))
