"""Changes a seeded sample of the proved rooms and asks their tests: `make mutation`, `python -m tests.proof.mutants`.

mutmut makes the mutants, `asking.py` puts them to the tests; here they are drawn, counted by room and freed of the
ones that nothing could notice (`equivalent.toml`, each with its reason).
"""

import argparse
import ast
import fnmatch
import json
import random
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.proof.asking import generate

ROOT = Path(__file__).resolve().parents[2]
_PIPE = subprocess.PIPE
_EQUIVALENT = Path(__file__).with_name("equivalent.toml")
_SQL = re.compile(
    r"\b(SELECT|INSERT|UPDATE|DELETE|FROM|WHERE|VALUES|ORDER BY|ON CONFLICT)\b", re.IGNORECASE
)
_ROW = re.compile(
    r"""(?:\b(?:row|own|state|found|last)|\b_(?:lane|row)\([^()]*\))\["[A-Za-z_]+"\]"""
)
_RAISES = re.compile(r"\b(\w+Error|HubAway|DigestMismatch|_Refusal|must)\(")
_STRING = re.compile(r"""f?"(?:[^"\\]|\\.)*\"""")
_NAME = re.compile(r""",\s*(?:name=(?:f?"[^"]*"|None))?(?=\s*\))""")
_KILLED = frozenset({"killed", "timeout", "caught by type check"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """One mutant: what was changed, what became of it."""

    name: str
    status: str
    was: str
    now: str

    @property
    def function(self) -> str:
        """Return `package.module.function` without mutmut's number."""
        return self.name.partition("__mutmut_")[0]


@dataclass(slots=True)
class Score:
    """The count of one room."""

    made: int
    killed: list[Verdict] = field(default_factory=list)
    equivalent: list[Verdict] = field(default_factory=list)
    words: list[Verdict] = field(default_factory=list)
    survived: list[Verdict] = field(default_factory=list)
    unasked: list[Verdict] = field(default_factory=list)

    @property
    def percent(self) -> float:
        """Return killed of those that a test should notice."""
        noticeable = len(self.killed) + len(self.survived)
        return 100 * len(self.killed) / noticeable if noticeable else 100.0


def _settings() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    return found


def rooms() -> dict[str, list[str]]:
    """Return the proved rooms with their patterns, from pyproject.toml."""
    return dict(_settings()["linli"]["proved"])


def selection() -> list[str]:
    """Return the tests of the proved rooms."""
    return list(_settings()["mutmut"]["pytest_add_cli_args_test_selection"])


def options() -> list[str]:
    """Return how pytest is run for mutants."""
    return list(_settings()["mutmut"]["pytest_add_cli_args"])


def beneath() -> tuple[list[str], list[str]]:
    """Return the modules that the proved rooms stand on, as patterns, and their tests."""
    found = _settings()["linli"]["covered"]
    return list(found["beneath"]), list(found["tests"])


def files(patterns: list[str]) -> list[Path]:
    """Return the modules that the patterns name, relative to the top."""
    found = (
        path.relative_to(ROOT)
        for top in ("common", "edge", "cloud")
        for path in (ROOT / top).rglob("*.py")
    )
    return sorted(p for p in found if any(fnmatch.fnmatch(str(p), pattern) for pattern in patterns))


def mutants(paths: list[Path]) -> list[str]:
    """Return the names of all mutants that mutmut makes of these modules."""
    return [name for path in paths for name in (_made(path) or _make(path))]


def _made(path: Path) -> list[str]:
    """Return the names that an earlier run has noted for this module as it is now; none when it changed since."""
    from mutmut.mutation.data import SourceFileMutationData

    mutated = ROOT / "mutants" / path
    if not mutated.exists() or mutated.stat().st_mtime <= (ROOT / path).stat().st_mtime:
        return []
    data = SourceFileMutationData(path=path)
    data.load()
    return list(data.exit_code_by_key)


def _make(path: Path) -> list[str]:
    from mutmut.configuration import config
    from mutmut.mutation.file_mutation import mutate_file_contents
    from mutmut.utils.format_utils import get_mutant_name

    if not config().should_mutate(path):
        return []
    made = mutate_file_contents(str(path), (ROOT / path).read_text("utf-8"))
    return [get_mutant_name(path, name) for name in made.mutant_names]


def draw(names: list[str], count: int, seed: str) -> list[str]:
    """Return `count` of the names, the same for the same seed."""
    return (
        sorted(names) if count >= len(names) else sorted(random.Random(seed).sample(names, count))
    )


def verdicts(paths: list[Path], drawn: set[str]) -> Iterator[Verdict]:
    """Read what became of the drawn mutants out of mutmut's notes."""
    from mutmut.mutation.data import SourceFileMutationData
    from mutmut.mutation.diff_apply import get_diff_for_mutant
    from mutmut.stats import status_by_exit_code

    for path in paths:
        data = SourceFileMutationData(path=path)
        data.load()
        for name in sorted(drawn & data.exit_code_by_key.keys()):
            status = status_by_exit_code[data.exit_code_by_key[name]]
            diff = "" if status in _KILLED else get_diff_for_mutant(name, path=path)
            yield Verdict(name, status, _lines(diff, "-"), _lines(diff, "+"))


def _lines(diff: str, sign: str) -> str:
    kept = (
        line[1:].strip()
        for line in diff.splitlines()
        if line.startswith(sign) and line[:3] != sign * 3
    )
    return " ".join(" ".join(kept).split())


class Known:
    """The mutants that nothing could notice."""

    def __init__(self, path: Path = _EQUIVALENT) -> None:
        """Read the list."""
        self.listed: list[dict[str, str]] = tomllib.loads(path.read_text("utf-8")).get("mutant", [])
        self._places = {(m["function"], m["was"], m["now"]) for m in self.listed}

    def __contains__(self, verdict: Verdict) -> bool:
        """Say whether the mutant stands in the list or is one by rule."""
        return (
            (verdict.function, verdict.was, verdict.now) in self._places
            or folds(verdict)
            or only_named(verdict)
        )


def folds(verdict: Verdict) -> bool:
    """Return whether only upper and lower case changed where nothing tells them apart.

    Words of an SQL text without quoted ones: both engines fold them. Names in `row["…"]` of a station: `sqlite3.Row`
    finds them whatever their case.
    """
    if verdict.was == verdict.now or verdict.was.lower() != verdict.now.lower():
        return False
    if _ROW.search(verdict.was) and verdict.name.startswith("edge."):
        return _ROW.sub("", verdict.was) == _ROW.sub("", verdict.now)
    return bool(_SQL.search(verdict.was)) and not _quoted(verdict.was)


def only_named(verdict: Verdict) -> bool:
    """Return whether only the name of a task changed: it shows in a debugger and nowhere else."""
    both = "create_task(" in verdict.was and "create_task(" in verdict.now
    return both and _NAME.sub("", verdict.was) == _NAME.sub("", verdict.now)


def only_words(verdict: Verdict) -> bool:
    """Return whether only the words of an error changed: people read their language's text by its key."""
    if not _RAISES.search(verdict.was):
        return False
    was, now = (_worded(line) for line in (verdict.was, verdict.now))
    return was == now or ("WORDS" in was and was.replace("WORDS", "None", 1) == now)


def _worded(line: str) -> str:
    """Return the line with WORDS for each text; a key has no space in it."""
    told = _STRING.sub(lambda found: "WORDS" if " " in found[0] else found[0], line)
    return re.sub(r"WORDS(?:\s+WORDS)+", "WORDS", told)


def _quoted(line: str) -> bool:
    """Return whether a string in this line holds a quoted word, whose case counts."""
    try:
        tree = ast.parse(line.strip().rstrip(",").removeprefix("return "))
    except SyntaxError:
        return line.count("'") > 0
    return any("'" in str(n.value) for n in ast.walk(tree) if isinstance(n, ast.Constant))


def score(names: list[str], found: Iterator[Verdict], known: Known) -> Score:
    """Count one room."""
    counted = Score(made=len(names))
    for verdict in found:
        if verdict.status in _KILLED:
            counted.killed.append(verdict)
        elif verdict in known:
            counted.equivalent.append(verdict)
        elif verdict.status == "not checked":
            counted.unasked.append(verdict)
        elif only_words(verdict):
            counted.words.append(verdict)
        else:
            counted.survived.append(verdict)
    return counted


def tell(room: str, counted: Score) -> None:
    """Print what survived, then the line of the room."""
    for verdict in counted.survived:
        print(f"  {verdict.status}: {verdict.name}\n    - {verdict.was}\n    + {verdict.now}")
    parts = (counted.killed, counted.equivalent, counted.words, counted.survived)
    asked = sum(len(part) for part in parts)
    slow = sum(v.status == "timeout" for v in counted.killed)
    print(
        f"{room}: {asked} of {counted.made} mutants, killed {len(counted.killed)} (by time {slow}), equivalent"
        f" {len(counted.equivalent)}, words of errors {len(counted.words)}, survived {len(counted.survived)}:"
        f" {counted.percent:.1f} %"
        + (f" (not asked: {len(counted.unasked)})" if counted.unasked else "")
    )


def asked(room: str, paths: list[Path], names: list[str]) -> bool:
    """Put the mutants to the room's tests and note what they say; False when the tests fail without any."""
    from mutmut.mutation.data import SourceFileMutationData

    notes = {}
    for path in paths:
        data = SourceFileMutationData(path=path)
        data.load()
        notes.update(dict.fromkeys(data.exit_code_by_key, data))
    given = {"names": names, "tests": _settings()["linli"]["asked"][room], "options": options()}
    command = [sys.executable, "-m", "tests.proof.asking"]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdin=_PIPE, stdout=_PIPE) as work:
        assert work.stdin
        assert work.stdout
        json.dump(given, work.stdin)
        work.stdin.close()
        for number, line in enumerate(work.stdout):
            code, name = line.split()
            if name in notes:
                notes[name].exit_code_by_key[name] = int(code)
                notes[name].save()
            print(f"\r{room}: {number} of {len(names)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return work.returncode == 0


def main() -> int:
    """Draw, ask, count; 1 when a room is below `--at-least`, 2 when its tests fail without a mutant."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--room", action="append", choices=sorted(rooms()), help="only this room")
    words.add_argument("--sample", type=int, default=150, help="mutants of each room (default 150)")
    words.add_argument("--seed", default="1", help="another seed draws other mutants")
    words.add_argument("--at-least", type=float, default=85.0, help="percent a room must reach")
    words.add_argument("--again", action="store_true", help="also those that were noticed before")
    words.add_argument("--report", action="store_true", help="only count what an earlier run left")
    given = words.parse_args()
    if not given.report:
        generate(1)
    lowest, known = 100.0, Known()
    for room in given.room or rooms():
        paths = files(rooms()[room])
        made = mutants(paths)
        drawn = set(draw(made, given.sample, f"{given.seed} {room}"))
        before = list(verdicts(paths, drawn))
        todo = [
            v.name for v in before if given.again or (v.status not in _KILLED and v not in known)
        ]
        if todo and not given.report and not asked(room, paths, todo):
            print(f"{room}: its tests fail without a mutant", file=sys.stderr)
            return 2
        counted = score(made, verdicts(paths, drawn), known)
        tell(room, counted)
        lowest = min(lowest, counted.percent)
    return int(lowest < given.at_least)


if __name__ == "__main__":
    sys.exit(main())
