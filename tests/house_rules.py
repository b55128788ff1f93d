"""The checkers behind `test_house_rules.py`: source text in, sentences about violations out."""

import ast
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

MODULE_LINES = 500
FUNCTION_LINES = 60

# Names of the outside world that only a port may touch → the port to ask instead.
FORBIDDEN = {
    "time": "common.kit.clock (sleeping: asyncio.sleep)",
    "datetime.datetime.now": "clock.wall()",
    "datetime.datetime.utcnow": "clock.wall()",
    "datetime.datetime.today": "clock.wall()",
    "datetime.date.today": "clock.wall()",
    "random": "chance.jitter",
    "secrets": "chance.secure",
    "uuid.uuid1": "common.kit.ids.new_id",
    "uuid.uuid4": "common.kit.ids.new_id",
    "os.urandom": "chance.secure",
    "os.getrandom": "chance.secure",
    "threading": "common.kit.work",
    "concurrent": "common.kit.work",
    "multiprocessing": "asyncio.create_subprocess_exec",
    "asyncio.to_thread": "common.kit.work",
}
# `secrets.compare_digest` and formatting of given times ask nobody anything.
HARMLESS = frozenset({"secrets.compare_digest", "time.strftime", "time.gmtime", "time.struct_time"})
_SQL = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|CREATE|DEFAULT|WHERE|VALUES)\b", re.IGNORECASE)
_SQL_AMBIENT = re.compile(
    r"\bCURRENT_(?:TIMESTAMP|DATE|TIME)\b|\b(?:now|random|randomblob|gen_random_uuid)\s*\("
    r"|\b(?:datetime|date|time|strftime|unixepoch|julianday)\s*\([^)]*'now'",
    re.IGNORECASE,
)
_AMBIENT_FUNCTIONS = frozenset({"now", "random", "current_timestamp", "current_date", "localtime"})


@cache
def _tree(source: str) -> ast.Module:
    """Parse a module once, however many rules look at it."""
    return ast.parse(source)


@cache
def _nodes(tree: ast.AST) -> tuple[ast.AST, ...]:
    """Walk a tree once, however many rules look at it."""
    return tuple(ast.walk(tree))


def too_long(source: str, name: str) -> Iterator[str]:
    """Modules and functions beyond the house's limits; docstrings count."""
    lines = len(source.splitlines())
    if lines > MODULE_LINES:
        yield f"{name}: {lines} lines, the limit is {MODULE_LINES}: split by use case"
    for node in _nodes(_tree(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                yield f"{name}:{node.lineno}: {node.name}() has {length} lines of {FUNCTION_LINES}"


def without_docstring(source: str, name: str) -> Iterator[str]:
    """Modules that do not say what they are for."""
    if not (ast.get_docstring(_tree(source)) or "").strip():
        yield f"{name}: the module does not say what it is for"


def ambient(source: str, name: str) -> Iterator[str]:
    """Uses of time, chance and threads that go past the ports, also inside SQL text."""
    tree = _tree(source)
    names = _imported_names(tree)
    called = {id(node.func) for node in _nodes(tree) if isinstance(node, ast.Call)}
    for node in _nodes(tree):
        if id(node) not in called and _dotted(node, names) == "random.Random":
            continue  # the type of `chance.jitter`, not a generator made here
        where = f"{name}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Attribute | ast.Name) and (found := _forbidden(node, names)):
            yield f"{where}: {found[0]} → use {found[1]}"
        elif isinstance(node, ast.Attribute) and node.attr == "run_in_executor":
            yield f"{where}: run_in_executor → use common.kit.work"
        elif isinstance(node, ast.Constant) and (asked := _ambient_sql(node.value)):
            yield f"{where}: SQL asks the database for {asked!r} → pass a value"
    yield from _ambient_sqlalchemy(tree, name)


def failpoint_names(source: str, name: str) -> Iterator[tuple[str, str]]:
    """Yield `(failpoint, enclosing function)`; a computed name raises ValueError.

    A part may be filled in: `f"pickup.door_{state}"` reads `pickup.door_<…>`.
    """
    tree = _tree(source)
    for node in _nodes(tree):
        for child in ast.iter_child_nodes(node):
            child.parent = node  # type: ignore[attr-defined] # a note on the tree we made
    for node in _nodes(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "fp":
            point = literal_name(node.args[0]) if node.args else None
            if point is None:
                raise ValueError(f"{name}:{node.lineno}: a failpoint's name must be a literal")
            yield point, _enclosing(node)


def literal_name(node: ast.expr) -> str | None:
    """Return a literal's text, `<…>` for what an f-string fills in; None for anything else."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=[ast.Constant(), *_] as parts):
            return "".join(
                str(part.value) if isinstance(part, ast.Constant) else "<…>" for part in parts
            )
        case _:
            return None


def foreign_store_imports(edges: Iterable[tuple[str, str]]) -> Iterator[str]:
    """A store belongs to its own domain: find `(importer, imported)` pairs that break that."""
    for importer, imported in sorted(edges):
        owner, dot, _ = (imported + ".").partition(".store.")
        if dot and importer != owner and not importer.startswith(owner + "."):
            yield f"{importer} imports {imported}: ask {owner}'s service instead"


def leaks(text: str, name: str) -> Iterator[str]:
    """Registry hosts and paths of one machine, which must never be committed."""
    for number, line in enumerate(text.splitlines(), start=1):
        if hit := _LEAK.search(line):
            yield f"{name}:{number}: {hit.group()!r} does not belong into a commit"


# Written in halves, so that this file may be committed.
_LEAK = re.compile(
    "|".join(
        re.escape(a + b)
        for a, b in (
            ("pypi.org/", "simple"), ("files.python", "hosted.org"), ("registry.npm", "js.org"),
            ("registry.npm", "mirror.com"), ("/wor", "k/"), ("/tmp/bash_", "jobs"), ("/far", "m/"),
            ("/opt/py", "pi"), ("/home/", "runner"),
        )
    )
)  # fmt: skip


def tracked_files(root: Path) -> list[Path]:
    """Return what git would carry to another machine."""
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={root}", "-C", str(root), "ls-files", "-z"],
        capture_output=True,
        text=True,
        check=True,
    )
    return [root / name for name in listed.stdout.split("\0") if name and (root / name).is_file()]


def _imported_names(tree: ast.AST) -> dict[str, str]:
    """Map each local name to what it stands for: `import time as t` → {"t": "time"}."""
    names: dict[str, str] = {}
    for node in _nodes(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                target = alias.name if alias.asname else alias.name.partition(".")[0]
                names[alias.asname or target] = target
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _dotted(node: ast.AST, names: Mapping[str, str]) -> str | None:
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute) and (above := _dotted(node.value, names)):
        return f"{above}.{node.attr}"
    return None


def _forbidden(node: ast.expr, names: Mapping[str, str]) -> tuple[str, str] | None:
    dotted = _dotted(node, names)
    if not dotted or dotted in HARMLESS or dotted in ("time", "secrets", "random", "threading"):
        return None  # a bare module name is judged with the attribute that follows it
    for name, port in FORBIDDEN.items():
        if dotted == name or dotted.startswith(name + "."):
            return dotted, port
    return None


def _ambient_sql(value: object) -> str | None:
    if not isinstance(value, str) or not _SQL.search(value):
        return None
    hit = _SQL_AMBIENT.search(value)
    return hit.group() if hit else None


def _ambient_sqlalchemy(tree: ast.AST, name: str) -> Iterator[str]:
    for node in _nodes(tree):
        if not (isinstance(node, ast.Attribute) and node.attr in _AMBIENT_FUNCTIONS):
            continue
        owner = node.value
        if getattr(owner, "attr", getattr(owner, "id", "")) == "func":
            yield f"{name}:{node.lineno}: func.{node.attr} → pass a value"


def _enclosing(node: ast.AST) -> str:
    while (parent := getattr(node, "parent", None)) is not None:
        if isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef):
            return parent.name
        node = parent
    return "(module)"
