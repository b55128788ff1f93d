"""`linli demo --check` with real processes: the journey on fresh data and on the same data, and what goes wrong."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.parts import ROOT, require

pytestmark = [pytest.mark.system, pytest.mark.timeout(150)]
STEPS = [
    "order_paid_and_locked",
    "parcels_arrived",
    "put_in_online",
    "code_live_at_the_hub",
    "wrong_code_opens_nothing",
    "hub_stopped",
    "pickup_offline",
    "put_in_offline",
    "second_pickup_offline",
    "used_code_opens_nothing",
    "hub_back",
    "events_applied_once",
]
ONLY_ON_FRESH_DATA = {"wrong_code_opens_nothing", "used_code_opens_nothing"}


@pytest.fixture
def port_base() -> Iterator[int]:
    """Find a base whose whole row of ports is free; every worker of a run looks in a range of its own."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 4
    for base in range(21_000 + 2000 * worker, 23_000 + 2000 * worker, 100):
        if all(_is_free(port) for port in (base, base + 10, base + 11, base + 20, base - 3780)):
            yield base
            return
    raise AssertionError("no free row of ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


async def _demo(*arguments: str) -> tuple[int, list[str], str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "linli", "demo", *arguments,
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("LINLI_")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode().splitlines(), err.decode()


async def test_the_journey_on_fresh_data_and_a_demo_to_look_at(
    tmp_path: Path, port_base: int
) -> None:
    arguments = ("--check", "--data", str(tmp_path / "demo"), "--port-base", str(port_base))
    code, lines, errors = await _demo(*arguments)
    assert code == 0, (lines, errors)
    steps: list[dict[str, Any]] = [json.loads(line) for line in lines]
    assert [step["step"] for step in steps] == STEPS
    assert all(step["ok"] and step["ms"] >= 0 for step in steps)

    await _it_says_who_can_get_in_and_ctrl_c_stops_everything(tmp_path / "demo", port_base)


async def test_the_journey_with_tls_between_station_and_hub(tmp_path: Path, port_base: int) -> None:
    """Real processes, real handshakes; the certificate comes with the first contact."""
    require("campaign")
    data = tmp_path / "demo"
    arguments = ("--check", "--tls", "--data", str(data), "--port-base", str(port_base))
    code, lines, errors = await _demo(*arguments)
    assert code == 0, (lines, errors)
    assert [json.loads(line)["step"] for line in lines] == STEPS
    assert (data / "station/certificate.pem").exists()
    assert "certificate until" in (data / "edge.log").read_text()
    assert f"https://127.0.0.1:{port_base + 1}" in (data / "station.toml").read_text()


async def test_the_journey_on_the_same_data(tmp_path: Path, port_base: int) -> None:
    require("campaign")
    arguments = ("--check", "--data", str(tmp_path / "demo"), "--port-base", str(port_base))
    code, lines, errors = await _demo(*arguments)
    assert code == 0, (lines, errors)
    code, lines, errors = await _demo(*arguments)
    assert code == 0, (lines, errors)
    again = [json.loads(line)["step"] for line in lines]
    assert again == [step for step in STEPS if step not in ONLY_ON_FRESH_DATA]


OTHER_CABINETS = [ROOT / f"cabinets/{name}.toml" for name in ("dongsi-5", "heping-2", "lvyuan-6")]
"""Those with devices, whose settings only the demo writes; every cabinet is opened by a technician's settings in
tests/provisioning/test_commission.py.
"""


@pytest.mark.parametrize("cabinet", OTHER_CABINETS, ids=lambda file: file.stem)
async def test_the_journey_in_every_cabinet(cabinet: Path, tmp_path: Path, port_base: int) -> None:
    require("campaign")
    arguments = ("--data", str(tmp_path / "demo"), "--port-base", str(port_base))
    code, lines, errors = await _demo("--check", "--cabinet", str(cabinet), *arguments)
    assert code == 0, (lines, errors)
    assert [json.loads(line)["step"] for line in lines] == STEPS


async def _it_says_who_can_get_in_and_ctrl_c_stops_everything(data: Path, port_base: int) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "linli", "demo", "--data", str(data), "--port-base", str(port_base),
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("LINLI_")},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    said = ""
    while "data and logs in" not in said:
        line = await process.stdout.readline()
        assert line, said
        said += line.decode()
    for words in (f":{port_base}/", f":{port_base + 10}/", "keeper", "PIN", "label LL", "code "):
        assert words in said
    process.send_signal(signal.SIGINT)
    assert await process.wait() == 0
    ports = (port_base, port_base + 10, port_base + 11, port_base + 20)
    assert all(_is_free(port) for port in ports)


async def test_a_taken_port_is_named(tmp_path: Path, port_base: int) -> None:
    with socket.socket() as holder:
        holder.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # a demo before may have used it
        holder.bind(("127.0.0.1", port_base + 10))
        holder.listen()
        code, _, errors = await _demo("--data", str(tmp_path / "d"), "--port-base", str(port_base))
    assert code == 3
    assert f"port {port_base + 10} (kiosk) is taken" in errors
    assert "--port-base" in errors


async def test_fresh_deletes_nothing_that_is_not_ours(tmp_path: Path, port_base: int) -> None:
    (tmp_path / "thesis.txt").write_text("three years of work")
    code, _, errors = await _demo(
        "--check", "--fresh", "--data", str(tmp_path), "--port-base", str(port_base)
    )
    assert code == 2
    assert "no demo data" in errors
    assert (tmp_path / "thesis.txt").read_text() == "three years of work"


async def test_ctrl_c_while_it_starts_stops_it_too(tmp_path: Path, port_base: int) -> None:
    data = tmp_path / "demo"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "linli", "demo",
        *("--data", str(data), "--port-base", str(port_base)),
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("LINLI_")},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    while not (data / "hub").exists():  # noqa: ASYNC110 - another process makes it
        await asyncio.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, _ = await process.communicate()
    assert process.returncode == 0
    assert "stopping" in out.decode()
    assert "is running" not in out.decode()
    assert all(_is_free(port) for port in (port_base, port_base + 10, port_base + 20))
