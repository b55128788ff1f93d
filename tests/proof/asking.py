"""Asks a room's tests about its mutants: a process each, forked when all is imported, ended by the first failure.

mutmut writes the mutated tree and its trampolines; its own loop is not used, because it runs the quickest tests of the
whole selection first, and those are seldom the ones that look.
"""

import faulthandler
import json
import os
import resource
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from importlib import import_module
from io import StringIO
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_TREE = ROOT / "mutants"
_CPU_S = 300
"""A mutant that needs more never ends."""
_WALL_S = 900
"""One that waits for ever uses no CPU, and a loop that swallows what pytest-timeout raises goes on waiting."""
_OURS = ("tests", "edge", "cloud", "common", "linli", "device_sim", "firmware_protocols")


def generate(children: int) -> None:
    """Write `mutants/` anew where the sources have changed since the last time."""
    from mutmut.__main__ import create_mutants
    from mutmut.mutation.trampoline import set_mutant_under_test
    from mutmut.utils.file_utils import copy_also_copy_files, copy_src_dir

    os.chdir(ROOT)
    _TREE.mkdir(exist_ok=True)
    set_mutant_under_test("mutant_generation")
    with redirect_stdout(StringIO()):  # it names every file
        copy_src_dir()
        copy_also_copy_files()
        create_mutants(children)
    set_mutant_under_test("")


def ask(
    names: Sequence[str], tests: Sequence[str], options: Sequence[str]
) -> Iterator[tuple[str, int]]:
    """Yield pytest's exit code for no mutant at all (named ""), which must be 0, then for each of `names`."""
    _move_in()
    for name in ("", *names):
        pid = os.fork()
        if pid == 0:
            os._exit(_child(name, [*options, *tests]))
        yield name, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _move_in() -> None:
    """Go on in the mutated tree: what was imported from the other one is forgotten, the programs are imported here."""
    for module in [name for name in sys.modules if name.partition(".")[0] in _OURS]:
        if module != __name__:
            del sys.modules[module]
    os.chdir(_TREE)
    os.environ["MUTANT_UNDER_TEST"] = ""
    sys.path[:] = [str(_TREE)] + [p for p in sys.path if p and Path(p).resolve() != ROOT]
    for module in ("pytest", "edge.app", "cloud.app"):
        import_module(module)
    assert Path(str(sys.modules["edge.app"].__file__)).is_relative_to(_TREE)


def _child(name: str, arguments: list[str]) -> int:
    import pytest

    os.environ["MUTANT_UNDER_TEST"] = name
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S + 1))
    silence = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(silence, stream)
    faulthandler.dump_traceback_later(_WALL_S, exit=True, file=silence)
    return int(pytest.main(["-x", "-q", "--tb=no", *arguments]))


def main() -> int:
    """Read names, tests and options as JSON from standard input; print exit code and name of each as it comes."""
    given = json.load(sys.stdin)
    for name, code in ask(given["names"], given["tests"], given["options"]):
        print(code, name or "-", flush=True)
        if not name and code:
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
