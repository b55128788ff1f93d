"""Which language a terminal speaks."""

from collections.abc import Mapping

from common.ui.i18n import Catalogue, Lang, Texts


def texts_of(lang: str | None, env: Mapping[str, str]) -> Texts:
    """Return the language asked for, else the one of the terminal; Chinese for what we do not speak."""
    tag = lang or env.get("LC_ALL") or env.get("LC_MESSAGES") or env.get("LANG") or ""
    chosen = Lang.EN if tag.lower().startswith(("en", "c.", "posix")) or tag == "C" else Lang.ZH
    return Catalogue().texts(chosen)
