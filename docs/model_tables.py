"""Writes the fields of a settings file or a message as a table for people."""

import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

Row = tuple[str, str, str, str]
_LIMITS = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤", "pattern": "like"}


def sections(model: type[BaseModel], above: str) -> Iterator[tuple[str, str, list[Row]]]:
    """Yield heading, words and rows of a model's own keys and of every table in it; `above` is its own heading."""
    plain = {n: f for n, f in model.model_fields.items() if _inner(f.annotation) is None}
    if plain:
        yield f"`{above}`" if above else "top level", own_words(model), rows_of(plain)
    for name, field in model.model_fields.items():
        if inner := _inner(field.annotation):
            key = f"{above.strip('[]')}.{name}".lstrip(".")
            many = get_origin(field.annotation) in (list, tuple)
            yield from sections(inner, f"[[{key}]]" if many else f"[{key}]")


def rows_of(fields: Mapping[str, FieldInfo]) -> list[Row]:
    """Return key, type, default and meaning of fields."""
    return [
        (name, _type_name(field), _default(field), field.description or "")
        for name, field in fields.items()
    ]


def table(heading: str, rows: Iterable[Row], doc: str) -> str:
    """Return one section in Markdown."""
    lines = "\n".join(f"| `{n}` | {t} | {d} | {text} |" for n, t, d, text in rows)
    drawn = f"\n| key | type | default | meaning |\n|---|---|---|---|\n{lines}\n" if lines else ""
    return f"\n### {heading}\n\n{doc}\n{drawn}"


def _inner(annotation: object) -> type[BaseModel] | None:
    """Return the one table that a key holds; a choice of several is described where they are."""
    tables = _tables(annotation)
    return tables[0] if len(tables) == 1 else None


def _tables(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _tables(part)]


def _type_name(field: FieldInfo) -> str:
    limits = [
        f"{sign} `{value}`" if name == "pattern" else f"{sign} {value}"
        for said in field.metadata
        for name, sign in _LIMITS.items()
        if (value := getattr(said, name, None)) is not None
    ]
    return ", ".join([f"`{written(field.annotation)}`", *limits]).replace("|", "\\|")


def written(annotation: Any) -> str:
    """Write a type as a person would: without modules, bounds and patterns."""
    inner = get_args(annotation)
    if len(_tables(annotation)) > 1:
        return "table"
    match get_origin(annotation):
        case None if isinstance(annotation, type) and issubclass(annotation, StrEnum):
            return " | ".join(repr(value.value) for value in annotation)
        case None:
            return "…" if annotation is ... else str(getattr(annotation, "__name__", annotation))
        case typing.Annotated:
            return written(inner[0])
        case typing.Literal:
            return " | ".join(repr(value) for value in inner)
        case types.UnionType | typing.Union:
            return " | ".join(written(part) for part in inner).replace("NoneType", "none")
        case origin:
            return f"{origin.__name__}[{', '.join(written(part) for part in inner)}]"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default if field.default is not PydanticUndefined else "made when absent"
    return "–" if isinstance(value, BaseModel) or value in ((), []) else f"`{value}`"


def own_words(model: type[BaseModel]) -> str:
    """Return what a model says of itself; an inherited sentence is not its own."""
    return first_line(model.__dict__.get("__doc__"))


def first_line(text: str | None) -> str:
    """Return the first paragraph of a docstring on one line."""
    return " ".join((text or "").strip().split("\n\n")[0].split())
