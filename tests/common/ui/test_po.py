"""The lean `.po` reader agrees with Babel's on our own catalogues and refuses what it does not know."""

from io import BytesIO

import pytest
from babel.messages.pofile import read_po

from common.ui.i18n import LOCALE_FOLDER
from common.ui.po import parse_po


def test_every_catalogue_reads_as_babel_reads_it() -> None:
    files = sorted(LOCALE_FOLDER.rglob("*.po"))
    assert files
    for file in files:
        theirs = {}
        for message in read_po(BytesIO(file.read_bytes())):
            if message.id and message.string and not message.fuzzy:
                msgid = message.id if isinstance(message.id, str) else message.id[0]
                forms = (
                    (message.string,) if isinstance(message.string, str) else tuple(message.string)
                )
                if all(forms):
                    theirs[msgid] = forms
        assert parse_po(file.read_text(encoding="utf-8")) == theirs


def test_joins_lines_and_plurals_and_skips_fuzzy_empty_and_old() -> None:
    table = parse_po(
        'msgid ""\nmsgstr "Language: zh\\n"\n\n'
        'msgid "two "\n"parts"\nmsgstr "两"\n"段"\n\n'
        'msgid "%(n)s day"\nmsgid_plural "%(n)s days"\nmsgstr[0] "%(n)s 天"\n\n'
        '#, fuzzy\nmsgid "guess"\nmsgstr "猜"\n\n'
        'msgid "todo"\nmsgstr ""\n'
        '#~ msgid "old"\n#~ msgstr "旧"\n'
        'msgid "quote \\"q\\""\nmsgstr "引号"\n'
    )
    assert table == {"two parts": ("两段",), "%(n)s day": ("%(n)s 天",), 'quote "q"': ("引号",)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("msgid open\n", "x.po:1: this is no line"),
        ('msgid "a"\nmsgstr "1"\n\nmsgid "a"\nmsgstr "2"\n', "'a' comes twice"),
    ],
)
def test_names_file_and_fault(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_po(text, "x.po")
