"""The bench page itself: templates, style and scripts, read once at start and kept in both languages."""

from importlib.resources import files

from aiohttp import web
from jinja2 import DictLoader, Environment

from device_sim.config import CabinetConfig
from device_sim.fault_forms import fault_forms
from device_sim.fault_texts import FaultWords
from device_sim.profile_board import shipped
from device_sim.texts import LANGUAGES, words
from firmware_protocols.escpos import Paper
from firmware_protocols.gm65 import SCANNERS
from firmware_protocols.weights import SCALES

_TYPES = {"css": "text/css", "js": "text/javascript"}
_TEMPLATES = ("bench.html", "devices.html", "faults.html")
_FILES = ("bench.css", "bench.js", "devices.js", "faults.js", "story.js")


class BenchPage:
    """What a browser gets."""

    def __init__(self, config: CabinetConfig) -> None:
        """Render the page of this cabinet."""
        package = files("device_sim")
        texts = {
            name: package.joinpath("templates", name).read_text(encoding="utf-8")
            for name in _TEMPLATES
        }
        environment = Environment(loader=DictLoader(texts), autoescape=True, trim_blocks=True)
        template = environment.get_template("bench.html")
        self._pages = {
            language: template.render(
                lang=language,
                other="en" if language != "en" else LANGUAGES[0],
                t=words(language),
                config=config,
                groups=fault_forms(config, FaultWords(language)),
                scanners=SCANNERS,
                scales=_scales(config),
                papers=[paper.value for paper in Paper],
            )
            for language in LANGUAGES
        }
        self._files = {name: package.joinpath("static", name).read_bytes() for name in _FILES}

    async def page(self, request: web.Request) -> web.Response:
        """GET /: the bench page in the language asked for (`?lang=`), Chinese without."""
        language = request.query.get("lang", LANGUAGES[0])
        text = self._pages.get(language, self._pages[LANGUAGES[0]])
        return web.Response(text=text, content_type="text/html")

    async def static(self, request: web.Request) -> web.Response:
        """GET /static/{name}: the page's own style and scripts."""
        name = request.match_info["name"]
        if name not in self._files:
            raise web.HTTPNotFound
        kind = _TYPES[name.rsplit(".", 1)[1]]
        return web.Response(body=self._files[name], content_type=kind, charset="utf-8")


def _scales(config: CabinetConfig) -> list[str]:
    """Return the names of all scales, as `POST /scale` takes them."""
    on_ports = [one.name for one in config.serial if one.kind in SCALES]
    profiled = [one for one in config.board if one.profile_kind is not None]
    return on_ports + [str(one.unit) for one in profiled if shipped(one.kind).weight is not None]
