"""Writes a settings file's text: tables, arrays of tables, values in one line; the reader is `common/kit/config.py`."""

import json
from collections.abc import Iterator, Mapping

Value = object


def toml_text(record: Mapping[str, Value]) -> str:
    """Return TOML of plain values, tables one level deep and arrays of such tables; None is left out."""
    lines = [
        line for key, value in record.items() if not _is_table(value) for line in _pair(key, value)
    ]
    for key, value in record.items():
        if isinstance(value, Mapping):
            lines += table(f"[{key}]", value)
        elif _is_table(value):
            assert isinstance(value, list | tuple)
            for one in value:
                lines += table(f"[[{key}]]", one)
    return "\n".join([*lines, ""])


def table(header: str, values: Mapping[str, Value]) -> Iterator[str]:
    """Yield an empty line, the header and one line a key."""
    yield ""
    yield header
    for key, value in values.items():
        yield from _pair(key, value)


def _is_table(value: Value) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and all(isinstance(one, Mapping) for one in value)
    return isinstance(value, Mapping)


def _pair(key: str, value: Value) -> Iterator[str]:
    if value is not None:
        yield f"{key} = {_value(value)}"


def _value(value: Value) -> str:
    if isinstance(value, Mapping):
        inner = ", ".join(line for key, one in value.items() for line in _pair(key, one))
        return f"{{ {inner} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(one) for one in value)}]"
    return json.dumps(value, ensure_ascii=False)
