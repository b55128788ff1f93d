"""The door of the desk: sign-in, sign-out, language."""

from aiohttp import web

from cloud.web.forms import local_path
from cloud.web.frame import Frame, page, see_other
from cloud.web.session import keep_lang, lang_of
from common.contract.error_keys import ERROR_KEYS
from common.kit.errors import LinliError
from common.kit.web import read_form


class Entry:
    """Pages that need no session."""

    def __init__(self, frame: Frame) -> None:
        """Stand on `frame`."""
        self._frame = frame

    def add_to(self, app: web.Application) -> None:
        """Register the routes."""
        app.router.add_get("/sign-in", self.sign_in_page)
        app.router.add_post("/sign-in", self.sign_in)
        app.router.add_post("/sign-out", self.sign_out)
        app.router.add_post("/language", self.language)

    async def sign_in_page(self, request: web.Request) -> web.StreamResponse:
        """Show the form; somebody who is in already goes on."""
        to = local_path(request.query.get("to", "/"))
        if await self._frame.sessions.of(request) is not None:
            return see_other(to)
        return self._sign_in_form(request, to=to)

    async def sign_in(self, request: web.Request) -> web.StreamResponse:
        """Check login and password; a wrong one says no more than that."""
        fields, frame = await read_form(request), self._frame
        to = local_path(fields.get("to", "/"))
        try:
            issued = await frame.ports.access.sign_in(
                fields.get("login", "")[:40],
                fields.get("password", "")[:128],
                origin=request.remote or "",
                kind="cookie",
            )
        except LinliError as error:
            wait_s = error.params.get("wait_s")
            wait_s = wait_s if isinstance(wait_s, int) else 0
            form = self._sign_in_form(request, to=to, refused=error.key, wait_s=wait_s)
            form.set_status(error.status)
            return form
        response = see_other(to)
        frame.sessions.enter(response, issued)
        return response

    async def sign_out(self, request: web.Request) -> web.StreamResponse:
        """End the session."""
        fields, who = await read_form(request), await self._frame.sessions.of(request)
        response = see_other("/sign-in")
        if who is not None:
            who.check_csrf(fields)
            await self._frame.sessions.leave(request, response, who)
        return response

    async def language(self, request: web.Request) -> web.StreamResponse:
        """Keep the language and go back to where the form stood."""
        fields = await read_form(request)
        response = see_other(local_path(fields.get("back", "/")))
        keep_lang(response, fields.get("lang", ""))
        return response

    def _sign_in_form(
        self, request: web.Request, *, to: str, refused: str = "", wait_s: int = 0
    ) -> web.Response:
        lang = lang_of(request)
        said = ERROR_KEYS.get(refused, "") if refused else ""
        return page(
            self._frame.render(
                "sign_in.html", lang, to=to, refused=said, wait_s=wait_s, fresh=request.query.get("new") == "admin",
                back=request.path_qs if request.method == "GET" else "/sign-in",
            )
        )  # fmt: skip
