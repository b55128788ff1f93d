"""Both languages: every text used is translated, placeholders match, numbers look like Babel's."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal
from jinja2 import Environment
from jinja2.ext import extract_from_ast

from common.contract.error_keys import ERROR_KEYS
from common.ui.i18n import LOCALE_FOLDER, Catalogue, Lang
from common.ui.po import parse_po

ROOT = Path(__file__).resolve().parents[3]
ROOMS = ("common", "edge", "cloud", "device_sim")
STATION_ERRORS = ("screen.", "put_in.", "pickup.", "desk.", "doors.", "keeper.pin_malformed")
CALLS = {"_", "gettext", "ngettext"}
PLACEHOLDER = re.compile(r"%\((\w+)\)s")
AT = datetime(2026, 10, 13, 0, 41, 20, tzinfo=UTC)
ZH, EN = Catalogue().texts(Lang.ZH), Catalogue().texts(Lang.EN)


def _python_texts(file: Path) -> Iterator[tuple[str, str | None]]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        values = [a.value for a in node.args if isinstance(a, ast.Constant)]
        words = [value for value in values if isinstance(value, str)]
        if name in CALLS and words:
            yield words[0], words[1] if name == "ngettext" and len(words) > 1 else None
        elif name == "Flash" and len(words) == 2:
            yield words[1], None


def _template_texts(file: Path) -> Iterator[tuple[str, str | None]]:
    tree = Environment(autoescape=True).parse(file.read_text(encoding="utf-8"))
    for _line, function, found in extract_from_ast(tree, sorted(CALLS)):
        one, *more = found if isinstance(found, tuple) else (found,)
        if one:
            yield one, more[0] if function == "ngettext" else None


def used_texts() -> dict[str, tuple[str | None, str]]:
    """Return msgid → (plural, file) of everything that pages and their code say."""
    used: dict[str, tuple[str | None, str]] = {}
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*.html")):
            used |= {one: (many, file.name) for one, many in _template_texts(file)}
        for file in sorted((ROOT / room).rglob("*.py")):
            used |= {one: (many, file.name) for one, many in _python_texts(file)}
    return used


def test_every_text_on_a_page_has_chinese() -> None:
    used = used_texts()
    assert len(used) > 100
    assert {one: file for one, (_many, file) in used.items() if not ZH.knows(one)} == {}


def test_no_translation_stands_unused() -> None:
    table = parse_po((LOCALE_FOLDER / "zh_Hans_CN/LC_MESSAGES/linli.po").read_text("utf-8"))
    assert sorted(set(table) - set(used_texts()) - set(ERROR_KEYS.values())) == []


def test_errors_of_the_stations_pages_have_chinese() -> None:
    ours = {key: text for key, text in ERROR_KEYS.items() if key.startswith(STATION_ERRORS)}
    assert len(ours) > 25
    assert {key: text for key, text in ours.items() if not ZH.knows(text)} == {}


@pytest.mark.parametrize("file", sorted(LOCALE_FOLDER.rglob("*.po")), ids=lambda f: f.parts[-3])
def test_placeholders_match(file: Path) -> None:
    for msgid, forms in parse_po(file.read_text("utf-8"), file.name).items():
        wanted = set(PLACEHOLDER.findall(msgid))
        for form in forms:
            assert set(PLACEHOLDER.findall(form)) == wanted, msgid
            assert form % dict.fromkeys(wanted, "x") is not None


def test_sentences_and_plurals() -> None:
    assert ZH.gettext("Help") == "帮助电话"
    assert EN.gettext("Help") == "Help"
    assert ZH.ngettext("%(n)s piece", "%(n)s pieces", 1) == "1 件"
    assert ZH.ngettext("%(n)s piece", "%(n)s pieces", 3) == "3 件"
    assert EN.ngettext("%(n)s piece", "%(n)s pieces", 1) == "1 piece"
    assert EN.ngettext("%(n)s piece", "%(n)s pieces", 3) == "3 pieces"


def test_chosen_by_tag() -> None:
    subject = Catalogue()
    assert subject.texts(None).lang is Lang.ZH
    assert subject.texts("en-GB,en;q=0.9").lang is Lang.EN
    assert subject.texts("fr").lang is Lang.ZH
    assert (Lang.ZH.own_name, Lang.EN.own_name) == ("中文", "English")
    assert Lang.ZH.other is Lang.EN


@pytest.mark.parametrize("fen", [0, 5, 1280, 123450, -990])
def test_money_like_babel(fen: int) -> None:
    theirs = format_currency(fen / 100, "CNY", "¥#,##0.00", locale="zh_Hans_CN")
    assert ZH.money(fen) == EN.money(fen) == theirs.replace("-", "−")


@pytest.mark.parametrize("value", [0.0, 3.62, -18.44, 1234.5])
def test_numbers_like_babel(value: float) -> None:
    theirs = format_decimal(value, "#,##0.0", locale="en").replace("-", "−")
    assert EN.number(value, 1) == theirs
    assert EN.celsius(value) == f"{theirs} °C"


@pytest.mark.parametrize("day", [date(2026, 1, 1), date(2026, 10, 13), date(2028, 2, 29)])
def test_dates_like_babel(day: date) -> None:
    assert ZH.date(day) == format_date(day, "M月d日", locale="zh_Hans_CN")
    assert ZH.date(day, weekday=True) == format_date(day, "M月d日 EEEE", locale="zh_Hans_CN")
    assert EN.date(day, weekday=True) == format_date(day, "EEE, d MMM", locale="en")


def test_times_are_the_stations() -> None:
    assert ZH.moment(AT) == "10月13日 08:41"
    assert EN.moment(AT) == "13 Oct 08:41"
    assert ZH.time(AT, seconds=True) == "08:41:20"
    with pytest.raises(ValueError, match="naive"):
        ZH.time(AT.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [(0, "0 秒", "0 s"), (46, "46 秒", "46 s"), (1620, "27 分钟", "27 min"),
     (7300, "2 小时", "2 h"), (200000, "2 天", "2 d"), (-3, "0 秒", "0 s")],
)  # fmt: skip
def test_durations(seconds: float, zh: str, en: str) -> None:
    assert ZH.duration(seconds) == zh
    assert EN.duration(seconds) == en


@pytest.mark.parametrize(
    ("n", "en"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (22, "22nd")]
)
def test_ordinals(n: int, en: str) -> None:
    assert EN.ordinal(n) == en
    assert ZH.ordinal(n) == str(n)


def test_codes_in_groups_of_four() -> None:
    assert ZH.code("48291573") == "4829 1573"


def test_two_catalogues_may_not_disagree(tmp_path: Path) -> None:
    for tag in ("zh_Hans_CN", "en"):
        (tmp_path / tag / "LC_MESSAGES").mkdir(parents=True)
    folder = tmp_path / "zh_Hans_CN/LC_MESSAGES"
    (folder / "a.po").write_text('msgid "x"\nmsgstr "甲"\n', "utf-8")
    (folder / "b.po").write_text('msgid "x"\nmsgstr "乙"\n', "utf-8")
    with pytest.raises(ValueError, match=r"b\.po: 'x' already has another text"):
        Catalogue(tmp_path)
