"""The keeper's application: sign-in, one page with panels, posts that redirect, a live stream."""

from functools import cache
from pathlib import Path

from aiohttp import web

from common.kit.web import make_app
from common.ui.assets import Assets
from common.ui.i18n import Catalogue
from common.ui.templates import Renderer, environment
from edge.screen.keeper.acts import KeeperActs
from edge.screen.keeper.look import KeeperLook
from edge.screen.keeper.pages import KeeperPages
from edge.screen.keeper.session import Sessions
from edge.screen.once import OnceKeys
from edge.screen.services import ScreenServices

FOLDER = Path(__file__).parent
SCRIPTS = ("page.js", "live.js", "forms.js", "wedge.js")
SHEETS = {"keeper.css": ("tokens.css", "base.css", "parts.css", "keeper-face.css")}


@cache
def _face() -> tuple[Assets, Renderer]:
    """Read and compile once a process: it is half of what building a daemon costs."""
    assets = Assets.read(SCRIPTS, SHEETS, FOLDER / "static")
    return assets, Renderer(environment(FOLDER / "templates", static=assets.url), Catalogue())


def make_keeper_app(services: ScreenServices) -> web.Application:
    """Return the keeper's application; names other than IP addresses must be in `keeper_origins`."""
    assets, renderer = _face()
    once = OnceKeys(f"{round(services.clock.monotonic_s() * 1000):x}")
    pages, sessions = KeeperPages(services, renderer, once), Sessions(services.desk)
    names = {origin.rsplit(":", 1)[0] for origin in services.config.screen.keeper_origins}
    app = make_app(hosts=names)
    assets.add_to(app)
    KeeperLook(services, pages, sessions).add_to(app)
    KeeperActs(services.desk, pages, sessions).add_to(app)
    return app
