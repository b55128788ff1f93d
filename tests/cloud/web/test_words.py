"""Every kind of case has its words in both languages."""

import pytest

from cloud.orders.machine import CaseKind
from cloud.web.words import case_word
from common.ui.i18n import Catalogue


@pytest.mark.parametrize("kind", CaseKind)
def test_a_case_is_told_in_words(kind: CaseKind) -> None:
    catalogue = Catalogue()
    english, chinese = (case_word(kind, catalogue.texts(lang)) for lang in ("en", "zh-CN"))
    assert "_" not in english
    assert english != chinese


def test_a_kind_that_is_none_is_an_error() -> None:
    with pytest.raises(ValueError, match="is not a valid CaseKind"):
        case_word("weather", Catalogue().texts("en"))
