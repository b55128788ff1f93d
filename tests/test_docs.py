"""The pages say what the code does: every setting, command, message, error key and link."""

import ast
import importlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel, Field

from common.contract.error_keys import ERROR_KEYS
from common.contract.events import EVENT_TYPES
from common.contract.replica import REPLICA_TABLES
from device_sim.fault_forms import kinds
from docs import generate, model_tables
from tests.conftest import ROOMS
from tests.house_rules import tracked_files
from tests.parts import ROOT

# One worker parses the tree for all of them.
pytestmark = [pytest.mark.xdist_group("tree"), pytest.mark.timeout(60)]

_LINK = re.compile(r"(?<!`)!?\[[^\]]*\]\(([^)\s]+)\)")
_KEY = re.compile(r"^[a-z_]+(\.[a-z_]+)+$")


def _none(found: Iterable[str]) -> None:
    """Fail with one violation a line."""
    if said := sorted(found):
        pytest.fail("\n".join(said), pytrace=False)


def test_generated_pages_are_up_to_date() -> None:
    stale = [
        path.relative_to(ROOT).as_posix()
        for path, text in generate.pages().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    _none(f"{page} is out of date: run `make docs`" for page in stale)


def _keys(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = _model_in(field.annotation)
        if inner is None:
            yield name
        else:
            yield from _keys(inner)


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = [inner for part in get_args(annotation) if (inner := _model_in(part))]
    return found[0] if len(found) == 1 else None  # a choice of several has a page of its own


def test_every_setting_is_documented() -> None:
    page = generate.settings_page()
    checked = 0
    for _, _, module, name in generate.SETTINGS:
        if (ROOT / (module.replace(".", "/") + ".py")).exists():
            for key in _keys(getattr(importlib.import_module(module), name)):
                assert f"| `{key}` |" in page, f"{module}: {key}"
                checked += 1
    assert checked > 30


def test_every_fault_of_the_simulator_is_documented() -> None:
    page = generate.faults_page()
    known = dict(kinds())
    assert len(known) > 20
    for kind, model in known.items():
        assert f"### `{kind}`" in page
        assert (model.__doc__ or "").strip(), f"{kind} does not say what it does"
        for key in model.model_fields.keys() - {"kind", "for_s"}:
            assert f"| `{key}` |" in page, f"{kind}: {key}"


def test_every_message_is_documented_with_a_sentence() -> None:
    page = generate.messages_page()
    for name in (*EVENT_TYPES, *REPLICA_TABLES):
        assert f"### `{name}`" in page
    for model in [model for _, model in EVENT_TYPES.values()] + list(REPLICA_TABLES.values()):
        assert (model.__doc__ or "").strip(), f"{model.__name__} does not say what it tells"


def test_every_command_has_a_sentence() -> None:
    page = generate.commands_page()
    assert "## `linli sim run`" in page
    for heading, text in re.findall(r"^## (`[^`]+`)\n\n(.*)$", page, re.MULTILINE):
        assert text.strip(), f"{heading} has no help text"


def _raised_keys(source: str) -> Iterator[str]:
    """Yield the keys that `SomeError("room.what", …)` calls carry."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(
                func=ast.Name(id=name) | ast.Attribute(attr=name),
                args=[ast.Constant(value=str(key)), *_],
            ) if name.endswith("Error") and _KEY.match(key):
                yield key


def test_every_error_key_in_the_code_is_in_the_list() -> None:
    used = {
        (key, path.relative_to(ROOT).as_posix())
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        for key in _raised_keys(path.read_text(encoding="utf-8"))
    }
    assert used
    _none(f"{key} ({place}) is not in ERROR_KEYS" for key, place in used if key not in ERROR_KEYS)


def test_raised_keys_are_found() -> None:
    source = 'raise errors.NotFoundError("order.not_found", "x")\nValueError("plain words")'
    assert list(_raised_keys(source)) == ["order.not_found"]


def _broken_links(page: Path, text: str) -> list[str]:
    broken = []
    for target in _LINK.findall(re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        local = not target.startswith(("http://", "https://", "#", "mailto:"))
        if local and not (page.parent / target.partition("#")[0]).exists():
            broken.append(f"{page.name}: {target}")
    return broken


def test_every_link_between_pages_leads_somewhere() -> None:
    pages = [path for path in tracked_files(ROOT) if path.suffix == ".md"]
    assert pages
    _none(said for page in pages for said in _broken_links(page, page.read_text("utf-8")))


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "there.md").touch()
    text = "[a](there.md#x) [b](gone.md) ![c](gone.png) [d](https://x.example)\n```\n[e](no)\n```"
    assert _broken_links(tmp_path / "p.md", text) == ["p.md: gone.md", "p.md: gone.png"]


class _Inner(BaseModel):
    depth_c: float = Field(default=1.5, description="how cold")


class _Outer(BaseModel):
    name: str
    inner: _Inner = _Inner()
    many: list[_Inner] = []


def test_the_generator_walks_nested_sections() -> None:
    sections = list(model_tables.sections(_Outer, ""))
    assert [heading for heading, _, _ in sections] == ["top level", "`[inner]`", "`[[many]]`"]
    assert sections[0][2] == [("name", "`str`", "required", "")]
    assert sections[2][2] == [("depth_c", "`float`", "`1.5`", "how cold")]


@pytest.mark.parametrize(
    ("annotation", "written"),
    [
        (int | None, "int | none"),
        (tuple[str, ...], "tuple[str, …]"),
        (dict[str, int], "dict[str, int]"),
    ],
)
def test_types_are_written_for_people(annotation: object, written: str) -> None:
    assert model_tables.written(annotation) == written


def _blocks(page: str) -> list[str]:
    """Return what stands between fences, without remarks."""
    text = (ROOT / "docs/howto" / page).read_text("utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [re.sub(r" *#.*", "", block) for block in blocks]


def test_technicians_are_told_the_same_commands_in_chinese() -> None:
    english = _blocks("commission-a-cabinet.md")
    assert len(english) > 5
    assert _blocks("commission-a-cabinet.zh-CN.md") == english
