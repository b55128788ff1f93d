"""The house rules that no ready-made tool checks, on the tree and on planted violations."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import grimp
import pytest

from tests.conftest import ROOMS
from tests.house_rules import (
    ambient,
    failpoint_names,
    foreign_store_imports,
    leaks,
    too_long,
    tracked_files,
    without_docstring,
)
from tests.parts import ROOT

# One worker parses the tree for all of them.
pytestmark = [pytest.mark.xdist_group("tree"), pytest.mark.timeout(60)]

# Where time, chance and threads come from, each with its reason; everywhere else they are ports.
PORTS = {
    "common/kit/clock.py": "the clock",
    "common/kit/chance.py": "randomness",
    "common/kit/work.py": "the pool for blocking work",
    "common/kit/sqlite.py": "one writer thread a file",
    "common/kit/sqldb.py": "the hub's database threads",
    "linli/world/": "the simulated world makes its own time and chance",
    "linli/drill/forked/pipe.py": "programs forked to be killed, and the pipes to them",
    "linli/bench": "a bench measures the real machine's CPU time",
}

# Written once by a tool and never edited: a migration lists a whole schema.
GENERATED = ("cloud/migrations/versions/",)


@cache
def _modules() -> dict[str, str]:
    """Return the source of every module of ours by its path from the top."""
    paths = [
        path for room in (*ROOMS, "provisioning", "tests") for path in (ROOT / room).rglob("*.py")
    ]
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def _violations(check: Callable[[str, str], Iterator[str]], *, tests: bool) -> list[str]:
    return [
        said
        for name, source in sorted(_modules().items())
        if tests or not name.startswith("tests/")
        for said in check(source, name)
    ]


def _none(found: Iterable[object]) -> None:
    """Fail with one violation a line."""
    said = sorted(map(str, found))
    if said:
        pytest.fail("\n".join(said), pytrace=False)


def test_there_is_something_to_check() -> None:
    assert len(_modules()) > 20


def test_modules_and_functions_stay_short() -> None:
    found = _violations(too_long, tests=True)
    _none(said for said in found if not said.startswith(GENERATED))


def test_every_module_says_what_it_is_for() -> None:
    _none(_violations(without_docstring, tests=True))


def test_time_chance_and_threads_come_through_ports() -> None:
    found = _violations(ambient, tests=False)
    _none(said for said in found if not said.startswith(tuple(PORTS)))


def test_every_exempt_place_still_needs_it() -> None:
    found = _violations(ambient, tests=False)
    for place in PORTS:
        if (ROOT / place).is_file():
            assert any(said.startswith(place) for said in found), f"{place} needs no exemption"


def test_a_store_is_imported_by_its_own_domain_only() -> None:
    graph = grimp.build_graph(*[room for room in ROOMS if (ROOT / room / "__init__.py").exists()])
    edges = [(a, b) for a in graph.modules for b in graph.find_modules_directly_imported_by(a)]
    _none(foreign_store_imports(edges))


def test_every_failpoint_is_listed_with_the_operations_pages() -> None:
    page = (ROOT / "docs/operations/failpoints.md").read_text(encoding="utf-8")
    used = {
        point
        for name, source in _modules().items()
        if not name.startswith("tests/")
        for point, _ in failpoint_names(source, name)
    }
    assert used
    _none(point for point in used if f"`{point}`" not in page)


def test_no_registry_host_or_machine_path_is_committed() -> None:
    found: list[str] = []
    for path in tracked_files(ROOT):
        if path.suffix not in {".png", ".db", ".bin", ".wav"}:
            text = path.read_text(encoding="utf-8", errors="replace")
            found += leaks(text, path.relative_to(ROOT).as_posix())
    _none(found)


def _lint_imports(where: Path) -> subprocess.CompletedProcess[str]:
    command = "from importlinter.cli import lint_imports_command as c; c()"
    return subprocess.run(
        [sys.executable, "-c", command, "--no-cache"],
        cwd=where, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.timeout(60)
def test_imports_run_one_way() -> None:
    done = _lint_imports(ROOT)
    if done.returncode:
        pytest.fail(
            done.stdout[done.stdout.rfind("Broken contracts") :] + done.stderr, pytrace=False
        )


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("common/kit/planted.py", "import edge.config", "Top level"),
        ("cloud/sync/planted.py", "import serial", "The hub never speaks to a bus"),
        ("common/contract/planted.py", "import asyncio", "Wire formats"),
        ("device_sim/planted.py", "import common.contract.base", "The simulator knows"),
        ("edge/brandnew/__init__.py", "", "Rooms of the station"),
    ],
)
def test_a_planted_import_is_refused(tmp_path: Path, module: str, line: str, broken: str) -> None:
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=_no_python)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    planted = tmp_path / module
    planted.parent.mkdir(parents=True, exist_ok=True)
    for folder in [planted.parent, *planted.parent.parents]:
        if folder != tmp_path and folder.is_relative_to(tmp_path):
            (folder / "__init__.py").touch()
    planted.write_text(f'"""Planted."""\n{line}\n')
    done = _lint_imports(tmp_path)
    assert done.returncode == 1
    assert any(row.startswith(broken) and "BROKEN" in row for row in done.stdout.splitlines())


def _no_python(folder: str, names: list[str]) -> set[str]:
    return {
        name for name in names if not name.endswith(".py") and not (Path(folder) / name).is_dir()
    }


# What the station daemon must not carry in its 60 MiB (DESIGN 6b).
HEAVY = (
    "cloud",
    "device_sim",
    "httpx",
    "sqlalchemy",
    "alembic",
    "sqlite_utils",
    "babel",
    "rich",
    "numpy",
    "typer",
    "click",
    "shellingham",
    "prometheus_client",
    "cryptography.hazmat.primitives.serialization",  # brings every kind of key and all of SSH
)


@pytest.mark.timeout(60)
def test_the_daemon_loads_only_what_it_needs() -> None:
    code = f"import sys, edge.daemon; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == []


def test_long_modules_and_functions_are_found() -> None:
    body = "\n".join(f"    x{n} = {n}" for n in range(60))
    assert list(too_long(f"def f():\n{body}\n", "m")) == ["m:1: f() has 61 lines of 60"]
    assert next(too_long("x = 1\n" * 501, "m")).startswith("m: 501 lines")
    assert list(too_long("x = 1\n" * 500, "m")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.time()",
        "import time as t\nt.monotonic()",
        "from time import sleep\nsleep(1)",
        "from datetime import datetime, UTC\ndatetime.now(UTC)",
        "import datetime as d\nd.datetime.utcnow()",
        "import random\nrandom.random()",
        "from random import Random\nRandom(1)",
        "import secrets\nsecrets.token_hex()",
        "import uuid\nuuid.uuid4()",
        "import os\nos.urandom(8)",
        "import threading\nthreading.Thread()",
        "from concurrent.futures import ThreadPoolExecutor\nThreadPoolExecutor()",
        "import asyncio\nasyncio.to_thread(print)",
        "async def f(loop):\n    await loop.run_in_executor(None, print)",
        "q = 'INSERT INTO t VALUES (CURRENT_TIMESTAMP)'",
        "q = \"UPDATE t SET at = datetime('now')\"",
        "q = 'SELECT random()'",
        "import sqlalchemy as sa\nsa.select(sa.func.now())",
    ],
)
def test_time_chance_and_threads_past_the_ports_are_found(source: str) -> None:
    assert list(ambient(source, "m")) != []


@pytest.mark.parametrize(
    "source",
    [
        "import asyncio\nasyncio.sleep(1)",
        "from datetime import datetime\ndatetime.fromtimestamp(0)",
        "from secrets import compare_digest\ncompare_digest(b'', b'')",
        "def f(clock):\n    return clock.time.monotonic_s()",
        "text = 'now (random) words about current_timestamp'",
    ],
)
def test_what_asks_nobody_is_allowed(source: str) -> None:
    assert list(ambient(source, "m")) == []


def test_a_foreign_store_import_is_found() -> None:
    edges = [
        ("cloud.orders.service", "cloud.orders.store"),
        ("cloud.orders.service", "cloud.catalog.store"),
        ("cloud.orders.service", "cloud.catalog.store.rows"),
        ("cloud.orders.service", "cloud.storefront"),
    ]
    assert [said.split(":")[0] for said in foreign_store_imports(edges)] == [
        "cloud.orders.service imports cloud.catalog.store",
        "cloud.orders.service imports cloud.catalog.store.rows",
    ]


def test_failpoints_are_read_with_their_place() -> None:
    source = "def f():\n    fp('a.b')\n\nfp('c.d')\n"
    assert sorted(failpoint_names(source, "m")) == [("a.b", "f"), ("c.d", "(module)")]
    filled = list(failpoint_names('fp(f"door.{state}")', "m"))
    assert filled == [("door.<…>", "(module)")]
    with pytest.raises(ValueError, match="m:1: a failpoint's name must be a literal"):
        list(failpoint_names("fp(name)", "m"))


def test_a_missing_docstring_and_a_leak_are_found() -> None:
    assert list(without_docstring("x = 1", "m")) == ["m: the module does not say what it is for"]
    assert list(without_docstring('"""For x."""', "m")) == []
    assert list(leaks("ok\nsee /wor" + "k/main", "m")) == [
        "m:2: '/wor" + "k/' does not belong into a commit"
    ]
