"""Everything that is said to a technician is said in Chinese too, and nothing is translated that is never said."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from jinja2 import Environment
from jinja2.ext import extract_from_ast

from common.ui.i18n import LOCALE_FOLDER, Catalogue, Lang
from common.ui.po import parse_po
from provisioning.calibrate import QUESTIONS
from provisioning.device_words import NAMES, OUTCOMES, WORDS
from provisioning.record import WHY, OddChannel, Sure
from provisioning.report_page import QUALITIES
from provisioning.tried import DeviceWhy
from provisioning.verdict import WRONG
from tests.parts import ROOT

ZH = Catalogue().texts(Lang.ZH)
SAYS = {"tell": 1, "ask": 1, "line": 0, "progress": 0, "gettext": 0}


def _python(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        place = SAYS.get(node.func.attr)
        if place is not None and len(node.args) > place:
            match node.args[place]:
                case ast.Constant(value=str(text)) if text:
                    yield text
                case _:
                    pass


def used() -> set[str]:
    said = {text for file in (ROOT / "provisioning").rglob("*.py") for text in _python(file)}
    for file in (ROOT / "provisioning").rglob("*.html"):
        tree = Environment(autoescape=True).parse(file.read_text(encoding="utf-8"))
        messages = [found for _, _, found in extract_from_ast(tree, ["_"])]
        said |= {str(one[0] if isinstance(one, tuple) else one) for one in messages if one}
    assert set(WHY) == set(get_args(OddChannel.model_fields["why"].annotation))
    assert set(WORDS) == set(get_args(DeviceWhy))
    tables = (WHY, NAMES, OUTCOMES, WORDS, QUESTIONS, WRONG, QUALITIES)
    return said | set(get_args(Sure)) | {text for table in tables for text in table.values()}


def test_everything_said_has_chinese() -> None:
    assert len(used()) > 60
    assert sorted(text for text in used() if not ZH.knows(text)) == []


def test_no_translation_stands_unused() -> None:
    file = LOCALE_FOLDER / "zh_Hans_CN/LC_MESSAGES/provision.po"
    assert sorted(set(parse_po(file.read_text("utf-8"))) - used() - {""}) == []
