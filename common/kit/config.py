"""Reads a program's TOML file into its pydantic model and says plainly what is wrong with it.

Every complaint names the file, the line, the key and what would be right; the environment may
override any key as `LINLI_SECTION__KEY`.
"""

import difflib
import logging
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from common.kit.errors import ConfigError
from common.kit.said import Said, below_each_other

M = TypeVar("M", bound=BaseModel)
KeyPath = tuple[str | int, ...]

_log = logging.getLogger(__name__)


def load_toml(model: type[M], path: Path, env: Mapping[str, str], prefix: str = "LINLI") -> M:
    """Return the checked settings of `path`, overridden by `env`; ConfigError lists every mistake.

    `LINLI_HUB__URL=…` sets `hub.url`, `LINLI_BUS__0__PORT=…` the port of the first `[[bus]]`.
    """
    text = _read(path)
    try:
        data: dict[str, object] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            "config.syntax",
            Said("%(path)s: not TOML: %(cause)s", path=str(path), cause=str(error)),
            file=str(path),
            line=None,
        ) from error
    origins = _override(data, model, env, prefix)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        lines = key_lines(text)
        found = [_Complaint(path, model, lines, origins, item) for item in error.errors()]
        raise ConfigError(
            "config.invalid",
            below_each_other([complaint.sentence() for complaint in found]),
            file=str(path),
            line=found[0].line,
        ) from error


def mistakes(model: type[BaseModel], error: ValidationError) -> Said:
    """Return what is wrong with settings that no file holds yet, a line each; in the words of `load_toml`."""
    found = [_Complaint(Path(), model, {}, {}, item) for item in error.errors()]
    return below_each_other([complaint.what() for complaint in found])


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the line (from 1) on which each key of a valid TOML text stands."""
    lines: dict[KeyPath, int] = {}
    last_index: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for number, statement in _statements(text):
        parsed = tomllib.loads(statement)
        if statement.lstrip().startswith("["):
            table = _enter_table(parsed, last_index)
            lines.setdefault(table, number)
        else:
            for key in _paths(parsed):
                lines.setdefault(table + key, number)
    return lines


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            "config.unreadable",
            Said("%(path)s: cannot be read: %(cause)s", path=str(path), cause=error.strerror or ""),
            file=str(path),
            line=None,
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            "config.unreadable",
            Said("%(path)s: is not UTF-8 text (byte %(byte)s)", path=str(path), byte=error.start),
            file=str(path),
            line=None,
        ) from error


def _override(
    data: dict[str, object], model: type[BaseModel], env: Mapping[str, str], prefix: str
) -> dict[KeyPath, str]:
    """Write the environment's values into `data`; return which variable set which key."""
    origins: dict[KeyPath, str] = {}
    for name in sorted(env):
        head, *rest = name.removeprefix(f"{prefix}_").lower().split("__")
        if not name.startswith(f"{prefix}_") or not rest:
            continue
        if head not in model.model_fields:
            _log.warning("%s is ignored: there is no section [%s] here", name, head)
            continue
        keys: KeyPath = (head, *(int(part) if part.isdecimal() else part for part in rest))
        _put(data, keys, env[name], name)
        origins[keys] = name
    return origins


def _put(data: dict[str, object], keys: KeyPath, value: str, name: str) -> None:
    place: object = data
    for depth, key in enumerate(keys):
        at_end = depth == len(keys) - 1
        if isinstance(place, dict) and isinstance(key, str):
            if at_end:
                place[key] = _value(value)
            place = place.setdefault(key, {})
        elif isinstance(place, list) and isinstance(key, int) and key < len(place):
            if at_end:
                place[key] = _value(value)
            place = place[key]
        else:
            raise ConfigError("config.environment", f"{name}: {_dotted(keys)} does not exist")


def _value(text: str) -> object:
    """Lists and tables are written as in TOML; anything else is text that the model converts."""
    if text[:1] not in ("[", "{"):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield each header or assignment with its first line; one is complete when it parses alone."""
    start, held = 1, ""
    for number, line in enumerate(text.splitlines(), start=1):
        if not held and (not line.strip() or line.lstrip().startswith("#")):
            continue
        start = start if held else number
        held += line + "\n"
        try:
            tomllib.loads(held)
        except tomllib.TOMLDecodeError:
            continue
        yield start, held
        held = ""


def _enter_table(parsed: Mapping[str, object], last_index: dict[KeyPath, int]) -> KeyPath:
    """Return the full path of a `[table]` or `[[table]]` header, list indices filled in."""
    table: KeyPath = ()
    node: object = parsed
    while isinstance(node, dict) and node:
        key, node = next(iter(node.items()))
        table += (key,)
        if isinstance(node, list):
            last_index[table] = last_index.get(table, -1) + 1
        if table in last_index:
            table += (last_index[table],)
    return table


def _paths(node: object, above: KeyPath = ()) -> Iterator[KeyPath]:
    if above:
        yield above
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _paths(value, (*above, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _paths(value, (*above, index))


def _dotted(keys: KeyPath) -> str:
    return ".".join(str(key) for key in keys)


def _models_of(annotation: object) -> list[type[BaseModel]]:
    """Return the pydantic models inside an annotation such as `list[BusSection] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _models_of(part)]


def _model_at(model: type[BaseModel], keys: KeyPath) -> type[BaseModel] | None:
    """Return the model of a place; where several are possible, the tag that pydantic adds to the path chooses."""
    place: type[BaseModel] | None = model
    choices: list[type[BaseModel]] = []
    for key in keys:
        if isinstance(key, str) and place is not None and key in place.model_fields:
            choices = _models_of(place.model_fields[key].annotation)
            place = choices[0] if choices else None
        elif tagged := [one for one in choices if _has_tag(one, key)]:
            place, choices = tagged[0], tagged
    return place


def _has_tag(model: type[BaseModel], tag: str | int) -> bool:
    return any(tag in get_args(field.annotation) for field in model.model_fields.values())


class _Complaint:
    """One mistake, turned into one sentence."""

    def __init__(
        self,
        path: Path,
        model: type[BaseModel],
        lines: Mapping[KeyPath, int],
        origins: Mapping[KeyPath, str],
        item: ErrorDetails,
    ) -> None:
        self._path, self._model, self._item = path, model, item
        self._keys: KeyPath = item["loc"]
        self._variable = origins.get(self._keys)
        self.line = None if self._variable else _nearest_line(self._keys, lines)

    def sentence(self) -> Said:
        """Say where, what and what would be right."""
        return Said("%(where)s: %(what)s", where=self._where(), what=self.what())

    def _where(self) -> Said:
        if self._variable:
            return Said("environment %(name)s", name=self._variable)
        if self.line:
            return Said("%(path)s line %(line)s", path=str(self._path), line=self.line)
        return Said("%(path)s", path=str(self._path))

    def what(self) -> Said:
        """Say what and what would be right."""
        key = _dotted(self._keys)
        match self._item["type"]:
            case "extra_forbidden":
                return Said("unknown key `%(key)s`; %(hint)s", key=key, hint=self._nearest())
            case "missing":
                return Said("`%(key)s` is missing%(about)s", key=key, about=self._description())
            case _:
                said = self._item["msg"].removeprefix("Value error, ")
                if not self._keys:
                    return Said("%(said)s", said=said)
                about = f"{said}{self._description()}"
                return Said(
                    "`%(key)s` = %(given)s: %(said)s", key=key, given=self._given(), said=about
                )

    def _given(self) -> str:
        value, field = self._item["input"], self._field()
        if field is not None and not field.repr:  # there may be a password in it
            return "…"
        return "{…}" if isinstance(value, dict | list | BaseModel) else repr(value)

    def _nearest(self) -> Said:
        place = _model_at(self._model, self._keys[:-1])
        valid = sorted(place.model_fields) if place else []
        near = difflib.get_close_matches(str(self._keys[-1]), valid, n=1, cutoff=0.5)
        if near:
            return Said("did you mean `%(key)s`?", key=near[0])
        if not valid:
            return Said("nothing is known here")
        return Said("known here: %(keys)s", keys=", ".join(valid))

    def _description(self) -> str:
        field = self._field()
        return f" ({field.description})" if field and field.description else ""

    def _field(self) -> FieldInfo | None:
        place = _model_at(self._model, self._keys[:-1])
        return place.model_fields.get(str(self._keys[-1])) if place and self._keys else None


def _nearest_line(keys: KeyPath, lines: Mapping[KeyPath, int]) -> int | None:
    """Return the line of the key, else of the closest table around it."""
    return next((lines[keys[:n]] for n in range(len(keys), 0, -1) if keys[:n] in lines), None)
