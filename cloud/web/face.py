"""Templates, style sheets and scripts of the hub's pages, read once when its application is made.

Nothing is looked up on the disk while the hub serves; who only asks a room something compiles no page.
"""

import hashlib
from functools import cache
from pathlib import Path

from common.ui.assets import Assets
from common.ui.i18n import Catalogue
from common.ui.templates import Renderer, environment

FOLDER = Path(__file__).parent
SCRIPTS = ("page.js", "live.js", "forms.js", "wedge.js")
_SHARED = ("tokens.css", "base.css", "parts.css")
SHEETS = {
    "desk-hub.css": (*_SHARED, "desk.css", "hub-desk.css"),
    "order.css": (*_SHARED, "mobile.css", "hub-order.css"),
}
ASSETS = Assets.read(SCRIPTS, SHEETS, FOLDER / "static")


@cache
def renderer() -> Renderer:
    """Read and compile once a process."""
    return Renderer(environment(FOLDER / "templates", static=ASSETS.url), Catalogue())


def _build_id() -> str:
    """Return what differs between two builds of the pages, so that an open page reloads itself."""
    digest = hashlib.blake2b(digest_size=6)
    for name in (*SCRIPTS, *sorted(SHEETS)):
        digest.update(ASSETS.url(name).encode())
    for file in sorted((FOLDER / "templates").iterdir()):
        digest.update(file.read_bytes())
    return digest.hexdigest()


BUILD_ID = _build_id()
