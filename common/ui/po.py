"""Reads gettext `.po` text into a plain table, at start, without Babel's 5 MiB of locale data.

Covers what our catalogues use: msgid, msgid_plural, msgstr, msgstr[n], continued lines, `#~`.
"""

import ast
import re
from collections.abc import Iterator

_LINE = re.compile(r'^(msgid|msgid_plural|msgstr|msgstr\[(\d)\])?\s*(".*")$')


def parse_po(text: str, name: str = "catalogue") -> dict[str, tuple[str, ...]]:
    """Return msgid → its forms (one without plural); fuzzy and empty entries are left out.

    Raises ValueError with `name` and the line for anything else than comments and messages, and for
    a msgid that comes twice.
    """
    table: dict[str, tuple[str, ...]] = {}
    for number, entry, fuzzy in _entries(text, name):
        msgid = entry.get("msgid", "")
        forms = tuple(entry[key] for key in sorted(entry) if key.startswith("msgstr"))
        if not msgid or fuzzy or not all(forms):
            continue
        if msgid in table:
            raise ValueError(f"{name}:{number}: {msgid!r} comes twice")
        table[msgid] = forms
    return table


def _entries(text: str, name: str) -> Iterator[tuple[int, dict[str, str], bool]]:
    entry: dict[str, str] = {}
    field, fuzzy, number = "", False, 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            if entry and any(key.startswith("msgstr") for key in entry):
                yield number, entry, fuzzy
                entry, field, fuzzy = {}, "", False
            fuzzy = fuzzy or (line.startswith("#,") and "fuzzy" in line)
            continue
        match = _LINE.match(line)
        if match is None:
            raise ValueError(f"{name}:{number}: this is no line of a .po file: {line}")
        if match[1] == "msgid" and "msgid" in entry:
            yield number, entry, fuzzy
            entry, fuzzy = {}, False
        field = match[1] or field
        entry[field] = entry.get(field, "") + str(ast.literal_eval(match[3]))
    if entry:
        yield number, entry, fuzzy
