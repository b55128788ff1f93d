"""Sentences that are made where something is found and read where somebody looks, who may speak another language."""

from collections.abc import Mapping


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
