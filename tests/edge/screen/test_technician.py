"""`linli edge maintain` and the loopback operation behind it, over a real socket."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from typer.testing import CliRunner

from common.kit.errors import RefusedError, UnavailableError
from common.kit.web import WebServer
from edge.cli import app as cli
from edge.screen import make_kiosk_app
from edge.screen.technician_client import ask
from tests.edge.cable import station_config
from tests.edge.screen.fakes import FakeStation


@pytest.fixture
def kiosk() -> tuple[FakeStation, web.Application]:
    station = FakeStation()
    return station, make_kiosk_app(station.services())


@pytest.fixture
async def served(
    kiosk: tuple[FakeStation, web.Application],
) -> AsyncIterator[tuple[FakeStation, int]]:
    station, app = kiosk
    server = WebServer(app, "127.0.0.1", 0)
    await server.start()
    yield station, int(server.url.rpartition(":")[2])
    await server.stop()


async def test_a_certificate_looks_and_opens(served: tuple[FakeStation, int]) -> None:
    station, port = served
    seen = await asyncio.to_thread(ask, port, {"certificate": "LT1GOOD"})
    assert seen["technician"] == "李师傅"
    assert [one["occupied"] for one in seen["doors"]] == [False, True]
    fields = {"certificate": "LT1GOOD", "door": "A01", "reason": "latch"}
    assert (await asyncio.to_thread(ask, port, fields))["open_request_id"] == "r1"
    with pytest.raises(RefusedError) as refused:
        await asyncio.to_thread(ask, port, fields | {"door": "A02"})
    assert refused.value.key == "maintenance.occupied"
    await asyncio.to_thread(ask, port, fields | {"door": "A02", "occupied": "yes"})
    assert station.maintenance.asked == ["A01 latch False", "A02 latch True"]
    with pytest.raises(RefusedError):
        await asyncio.to_thread(ask, port, {"certificate": "LT1BAD"})


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    file = tmp_path / "station.toml"
    file.write_text(_toml(), encoding="utf-8")
    return file


async def test_the_command_says_what_it_did(
    settings: Path, served: tuple[FakeStation, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINLI_SCREEN__KIOSK_PORT", str(served[1]))

    def run(*words: str, stdin: str | None = None) -> tuple[int, str]:
        words = ("maintain", "--config", str(settings), *words)
        result = CliRunner().invoke(cli, list(words), input=stdin)
        return result.exit_code, result.output

    code, said = await asyncio.to_thread(run, "LT1GOOD")
    assert (code, said.count("empty"), said.count("occupied")) == (0, 1, 1)
    code, said = await asyncio.to_thread(
        lambda: run("-", "--door", "A01", "--reason", "latch", stdin="LT1GOOD\n")
    )
    assert (code, "door A01 is opening" in said) == (0, True)
    code, said = await asyncio.to_thread(run, "LT1GOOD", "--door", "A02", "--reason", "leak")
    assert (code, "Something lies behind this door" in said) == (1, True)
    code, _ = await asyncio.to_thread(
        run, "LT1GOOD", "--door", "A02", "--reason", "leak", "--occupied"
    )
    assert code == 0
    monkeypatch.setenv("LINLI_SCREEN__KIOSK_PORT", "1")
    code, said = await asyncio.to_thread(run, "LT1GOOD")
    assert (code, "is it running" in said) == (3, True)


def test_nobody_there_is_unavailable() -> None:
    with pytest.raises(UnavailableError):
        ask(1, {"certificate": "x"})


def _toml() -> str:
    """Return the settings of the cable's station as a file."""
    settings = json.loads(station_config().model_dump_json())
    lines = [f'[station]\nid = "{settings["station"]["id"]}"\n']
    for name in ("bus", "zone", "compartment"):
        for part in settings[name]:
            fields = "\n".join(
                f"{key} = {json.dumps(value, ensure_ascii=False)}"
                for key, value in part.items()
                if value is not None
            )
            lines.append(f"[[{name}]]\n{fields}\n")
    return "\n".join(lines)
