"""`/setup?token=…`: the page behind the link of the first start, where the first admin chooses a password."""

from aiohttp import web

from cloud.web.frame import Frame, page, see_other
from cloud.web.session import lang_of
from common.contract.error_keys import ERROR_KEYS
from common.kit.errors import InvalidError, LinliError
from common.kit.web import read_form


class Setup:
    """The page lives as long as the link does; the token is checked when it is used."""

    def __init__(self, frame: Frame) -> None:
        """Stand on `frame`."""
        self._frame = frame

    def add_to(self, app: web.Application) -> None:
        """Register the routes."""
        app.router.add_get("/setup", self.show)
        app.router.add_post("/setup", self.save)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show the form."""
        return self._form(request, request.query.get("token", "")[:80])

    async def save(self, request: web.Request) -> web.StreamResponse:
        """Make the first admin and lead to the sign-in; a mistake can be mended on the same page."""
        fields = await read_form(request)
        token, login = fields.get("token", "")[:80], fields.get("login", "")[:60]
        password = fields.get("password", "")
        try:
            if password != fields.get("again", ""):
                raise InvalidError("web.passwords_differ", "the two passwords differ")
            access = self._frame.ports.access
            await access.set_up(token, login, password, request.remote or "")
        except LinliError as error:
            return self._form(request, token, login, refused=error)
        return see_other("/sign-in?new=admin")

    def _form(
        self, request: web.Request, token: str, login: str = "", refused: LinliError | None = None
    ) -> web.Response:
        said = ERROR_KEYS.get(refused.key, refused.detail) if refused else ""
        text = self._frame.render(
            "setup.html", lang_of(request), token=token, login=login, refused=said
        )
        return page(text, status=refused.status if refused else 200)
