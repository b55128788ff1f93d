"""Jinja2 as every face uses it: escaping on, undefined names are errors, one language a rendering.

Templates find `_`, `ngettext`, `texts`, `lang`, `static()`, `icon()` without being handed them.
"""

from collections.abc import Callable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from common.ui.i18n import Catalogue, Lang
from common.ui.icons import icon

TEMPLATE_FOLDER = Path(__file__).parent / "templates"


def environment(*folders: Path, static: Callable[[str], str] = "/static/{}".format) -> Environment:
    """Return the environment over `folders` and the shared parts; `static` makes an asset's URL."""
    env = Environment(
        loader=FileSystemLoader([*folders, TEMPLATE_FOLDER]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    env.globals.update(static=static, icon=icon)
    for name in env.list_templates():
        env.get_template(name)  # read and compiled now: later there is a loop that must not wait
    return env


class Renderer:
    """Renders templates in a language."""

    def __init__(self, env: Environment, catalogue: Catalogue) -> None:
        """Keep the environment and both languages."""
        self._env = env
        self._catalogue = catalogue

    @property
    def catalogue(self) -> Catalogue:
        """Return the languages this renderer speaks."""
        return self._catalogue

    def render(self, template: str, lang: Lang | str, /, **context: object) -> Markup:
        """Return the text of `template`; StrictUndefined makes a forgotten name an error."""
        texts = self._catalogue.texts(lang)
        text = self._env.get_template(template).render(
            _=texts.gettext, ngettext=texts.ngettext, texts=texts, lang=texts.lang, **context
        )
        return Markup(text)
