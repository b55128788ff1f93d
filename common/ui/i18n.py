"""The two languages: English msgids, Chinese by default, read from `.po` files once at start.

`Catalogue` holds both; `Texts` is one language with its numbers, dates and plurals.
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from common.kit.said import Said
from common.ui.formats import Formats
from common.ui.po import parse_po

LOCALE_FOLDER = Path(__file__).parent / "locale"
Param = str | int | float


class Lang(StrEnum):
    """A language by its HTML tag."""

    ZH = "zh-CN"
    EN = "en"

    @property
    def own_name(self) -> str:
        """Return the language's name in itself, for the switch."""
        return "中文" if self is Lang.ZH else "English"

    @property
    def other(self) -> "Lang":
        """Return the one the switch leads to."""
        return Lang.EN if self is Lang.ZH else Lang.ZH

    @classmethod
    def of(cls, tag: str | None) -> "Lang":
        """Return the language of a tag such as `en-GB`; Chinese for anything unknown."""
        return cls.EN if (tag or "").lower().startswith("en") else cls.ZH


DEFAULT_LANG = Lang.ZH
_FOLDERS = {Lang.ZH: "zh_Hans_CN", Lang.EN: "en"}


class Texts(Formats):
    """One language: sentences, plurals, and (from Formats) numbers and times."""

    def __init__(
        self, lang: Lang, table: Mapping[str, tuple[str, ...]], timezone: str = "Asia/Shanghai"
    ) -> None:
        """Speak `lang` with the translations of `table`; times are shown in `timezone`."""
        super().__init__(chinese=lang is Lang.ZH, timezone=timezone)
        self.lang = lang
        self._table = table

    def gettext(self, msgid: str, /, **params: Param) -> str:
        """Return the sentence, `%(name)s` filled in; a msgid without translation stands for itself."""
        text = self._table.get(msgid, (msgid,))[0]
        return text % params if params else text

    def say(self, text: str) -> str:
        """Return what was said in English: a `Said` by its parts, another text whole; unknown ones stay."""
        if not isinstance(text, Said):
            return self.gettext(text) if text else text
        params: dict[str, Param] = {
            name: self.say(value) if isinstance(value, str) else value
            for name, value in text.params.items()
        }
        return self.gettext(text.template, **params)

    def ngettext(self, one: str, many: str, n: int, /, **params: Param) -> str:
        """Return the form for `n` pieces; `%(n)s` is filled in. Chinese has one form, English two."""
        forms = self._table.get(one, (one, many))
        index = 0 if n == 1 or len(forms) == 1 else 1
        return forms[index] % {"n": n, **params}

    def knows(self, msgid: str) -> bool:
        """Return whether `msgid` has a translation; English speaks for itself."""
        return self.lang is Lang.EN or msgid in self._table


class Catalogue:
    """Both languages, read once; every `*.po` of a language's folder adds to it."""

    def __init__(self, folder: Path = LOCALE_FOLDER, timezone: str = "Asia/Shanghai") -> None:
        """Read `folder`/<locale>/LC_MESSAGES/*.po; ValueError names the file and line of a fault."""
        self._texts = {
            lang: Texts(lang, _read(folder / name / "LC_MESSAGES"), timezone)
            for lang, name in _FOLDERS.items()
        }

    def texts(self, lang: Lang | str | None = None) -> Texts:
        """Return one language; the default for None or a tag we do not speak."""
        return self._texts[lang if isinstance(lang, Lang) else Lang.of(lang)]


def _read(folder: Path) -> dict[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = {}
    for file in sorted(folder.glob("*.po")):
        for msgid, forms in parse_po(file.read_text(encoding="utf-8"), file.name).items():
            if table.setdefault(msgid, forms) != forms:
                raise ValueError(f"{file.name}: {msgid!r} already has another text")
    return table
