"""The service manager is told on a real datagram socket; without one nothing happens."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.kit.systemd import Notifier


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.setblocking(False)
        yield sock


def heard(manager: socket.socket) -> list[str]:
    messages = []
    while True:
        try:
            messages.append(manager.recv(4096).decode())
        except BlockingIOError:
            return messages


def test_says_ready_status_and_stopping(manager: socket.socket) -> None:
    subject = Notifier({"NOTIFY_SOCKET": manager.getsockname()})
    assert subject.ready("16 doors")
    assert subject.status("hub away")
    assert subject.stopping()
    assert heard(manager) == ["READY=1\nSTATUS=16 doors", "STATUS=hub away", "STOPPING=1"]


def test_the_abstract_namespace_works() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("")  # Linux picks a free abstract name
        name = "@" + sock.getsockname()[1:].decode()
        assert Notifier({"NOTIFY_SOCKET": name}).ready()
        assert sock.recv(100) == b"READY=1"


def test_without_systemd_nothing_happens(tmp_path: Path) -> None:
    assert not Notifier({}).ready()
    assert not Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()


@pytest.mark.parametrize(
    ("env", "beat_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_beats_twice_within_the_limit_and_only_for_itself(
    env: dict[str, str], beat_s: float | None
) -> None:
    assert Notifier(env, pid=7).beat_s == beat_s


async def test_beats_only_while_healthy(manager: socket.socket) -> None:
    env = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "2000"}
    answers = iter([True, False, True])
    done = asyncio.Event()

    def healthy() -> bool:
        answer = next(answers, None)
        if answer is None:
            done.set()
        return bool(answer)

    task = asyncio.create_task(Notifier(env).run(healthy))
    await done.wait()
    task.cancel()
    assert heard(manager) == ["WATCHDOG=1", "WATCHDOG=1"]


async def test_without_a_watchdog_it_returns() -> None:
    await Notifier({}).run(lambda: True)
