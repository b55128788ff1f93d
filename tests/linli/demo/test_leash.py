"""Children of a demo end with it, though it was killed; with real processes."""

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from linli.demo.leash import command
from tests.parts import ROOT

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.skipif(sys.platform != "linux", reason="a wish only Linux knows"),
]
WAIT_MS = 30_000
_PARENT = """
import asyncio, sys
from pathlib import Path
from linli.demo.processes import Program

async def main(url, log, *arguments):
    program = Program("sim", arguments, url, Path(log))
    await program.start()
    print(program.process.pid, flush=True)
    await program.wait()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that runs the simulator as the demo does, and says its id."""
    bench, modbus = _free_ports()
    words = (
        *(f"http://127.0.0.1:{bench}/healthz", str(tmp_path / "sim.log")),
        *("sim", "run", "--config", str(ROOT / "cabinets/yangguangli-3.toml")),
        *("--data", str(tmp_path / "sim"), "--port", str(bench), "--modbus-port", str(modbus)),
    )
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT, *words], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as parent:
        yield parent
        parent.kill()


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def _ends(process_fd: int) -> bool:
    watch = select.poll()
    watch.register(process_fd, select.POLLIN)
    return bool(watch.poll(WAIT_MS))


def test_a_killed_demo_leaves_nothing_running(demo: subprocess.Popen[str]) -> None:
    assert demo.stdout is not None
    child = os.pidfd_open(int(demo.stdout.readline()))
    try:
        assert not select.select([child], [], [], 0)[0]
        demo.send_signal(signal.SIGKILL)
        assert _ends(child)
    finally:
        os.close(child)


def test_a_child_that_comes_too_late_does_not_start() -> None:
    interpreter, _m, module, _parent, *words = command("hub", "serve")
    somebody_else = "1"
    late = subprocess.run(
        [interpreter, "-m", module, somebody_else, *words],
        capture_output=True, text=True, check=False, timeout=WAIT_MS / 1000, cwd=ROOT,
    )  # fmt: skip
    assert late.returncode == 1
    assert "has ended already" in late.stderr


def test_the_command_is_linli_with_its_words() -> None:
    said = subprocess.run(
        command("--version"),
        capture_output=True, text=True, check=True, timeout=WAIT_MS / 1000, cwd=ROOT,
    )  # fmt: skip
    assert said.stdout.startswith("linli ")
