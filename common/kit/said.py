"""Sentences that are made where something is found and read where somebody looks, who may speak another language."""

from collections.abc import Mapping, Sequence


class Said(str):
    """An English sentence that still knows what it was made of; everywhere else it is the string it is.

    `common.ui.i18n.Texts.say` says it in another language.
    """

    template: str
    params: Mapping[str, str | int | float]

    def __new__(cls, template: str, /, **params: str | int | float) -> "Said":
        """Fill `%(name)s` in; a parameter may be a sentence itself."""
        said = super().__new__(cls, template % params if params else template)
        said.template, said.params = template, params
        return said


def listed(parts: Sequence[str]) -> Said:
    """Return the parts with commas between, each said on its own; empty for none."""
    if not parts:
        return Said("")
    first, *rest = parts
    return Said("%(first)s, %(rest)s", first=first, rest=listed(rest)) if rest else _whole(first)


def below_each_other(parts: Sequence[str]) -> Said:
    """Return the parts a line each, each said on its own; empty for none."""
    if not parts:
        return Said("")
    first, *rest = parts
    if not rest:
        return _whole(first)
    return Said("%(first)s\n%(rest)s", first=first, rest=below_each_other(rest))


def _whole(text: str) -> Said:
    return text if isinstance(text, Said) else Said("%(said)s", said=text)
