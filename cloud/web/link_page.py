"""A page behind a secret link: its language, its 404 for a link nobody was given, its live stream."""

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from aiohttp import web

from cloud.web.frame import Frame, see_other
from cloud.web.live import follow
from cloud.web.private import private
from cloud.web.session import keep_lang, lang_of
from common.kit.errors import LinliError
from common.kit.sse import Region
from common.ui.i18n import Lang

V = TypeVar("V")


class LinkPage(ABC, Generic[V]):
    """`show` and `live`; a kind of page says what lies behind its link and how that looks."""

    def __init__(self, frame: Frame) -> None:
        """Stand on `frame`."""
        self._frame = frame

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Return the page, 404 for a link nobody was given; `?lang=` changes the language."""
        if "lang" in request.query:
            response = see_other(request.path)
            keep_lang(response, request.query["lang"])
            return private(response)
        lang = lang_of(request)
        try:
            found = await self._read(_token(request))
        except LinliError as error:
            return private(self._frame.sorry(lang, error.status, "web.link_unknown"))
        return self._page(request, found, lang)

    async def live(self, request: web.Request) -> web.StreamResponse:
        """Stream the page; an unknown link is a plain 404."""
        lang, token = lang_of(request), _token(request)

        async def read() -> list[Region]:
            return self._regions(await self._read(token), lang)

        return await follow(self._frame, request, read, self._topics(await self._read(token)))

    @abstractmethod
    async def _read(self, token: str) -> V:
        """Return what lies behind the link, LinliError when there is nothing."""

    @abstractmethod
    def _page(self, request: web.Request, found: V, lang: Lang) -> web.Response:
        """Return the whole page."""

    @abstractmethod
    def _regions(self, found: V, lang: Lang) -> list[Region]:
        """Return the parts of it that live."""

    @abstractmethod
    def _topics(self, found: V) -> tuple[str, ...]:
        """Return what its news are told under."""


def _token(request: web.Request) -> str:
    return request.match_info["token"][:80]
