"""The simulated camera beside the cabinet: on a port of its own, with faults by the bench, and without OpenCV."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from common.kit.chance import seeded_chance
from common.kit.clock import SystemClock
from common.kit.errors import NotFoundError
from common.kit.work import ThreadWork
from device_sim import camera_drawing
from device_sim.app import Sim, SimPorts, build_sim
from device_sim.camera_config import CameraSection
from device_sim.camera_faults import CameraBlack
from device_sim.camera_server import SNAPSHOT, STREAM
from tests.device_sim.cabinets import Rig, config
from tests.parts import require

SMALL = CameraSection(width_px=320, height_px=180, frames_per_s=25, noise=2)


@asynccontextmanager
async def _running(folder: Path, work: ThreadWork) -> AsyncIterator[Sim]:
    made = config().model_copy(update={"camera": SMALL})
    ports = SimPorts(SystemClock(), seeded_chance("camera"), work)
    sim = build_sim(ports, made, folder, port=0, modbus_port=0)
    task = asyncio.create_task(sim.run())
    try:
        await sim.ready.wait()
        yield sim
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def with_sim(folder: Path, body: Callable[[Sim, aiohttp.ClientSession], Awaitable[None]]) -> None:
    work = ThreadWork()

    async def main() -> None:
        async with _running(folder, work) as sim, aiohttp.ClientSession() as session:
            await body(sim, session)

    try:
        asyncio.run(main())
    finally:
        work.close()


def _decoded(jpeg: bytes) -> list[list[list[int]]]:
    import cv2
    import numpy as np

    frame = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert frame is not None
    return frame.tolist()  # type: ignore[no-any-return]


def test_it_sees_a_door_open(tmp_path: Path) -> None:
    require("opencv")

    async def body(sim: Sim, session: aiohttp.ClientSession) -> None:
        assert sim.camera is not None

        async def picture() -> list[list[list[int]]]:
            assert sim.camera is not None
            async with session.get(f"{sim.camera.server.url}{SNAPSHOT}") as answer:
                assert answer.content_type == "image/jpeg"
                return _decoded(await answer.read())

        shut = await picture()
        assert (len(shut), len(shut[0])) == (180, 320)
        sim.cabinet.pull("A01")
        opened = await picture()
        darker = sum(
            before[1] - after[1] > 100
            for rows in zip(shut, opened, strict=True)
            for before, after in zip(*rows, strict=True)
        )
        doors = len(config().door)
        assert 0.1 < darker * doors / (320 * 180) < 1.5, "one door, and no other"

    with_sim(tmp_path, body)


def test_a_fault_laid_on_at_the_bench_is_in_the_next_frame_of_a_stream(tmp_path: Path) -> None:
    require("opencv")

    async def body(sim: Sim, session: aiohttp.ClientSession) -> None:
        assert sim.camera is not None
        async with session.get(f"{sim.camera.server.url}{STREAM}") as stream:
            assert stream.headers["Content-Type"].startswith("multipart/x-mixed-replace")
            bright = _mean(await _next(stream.content))
            fault = {"kind": "camera_black", "target": "camera"}
            async with session.post(f"{sim.bench.url}/faults", json=fault) as laid:
                assert laid.status == 201
            seen = [_mean(await _next(stream.content)) for _ in range(3)]
            assert bright > 80
            assert min(seen) < 20

    with_sim(tmp_path, body)


async def _next(content: aiohttp.StreamReader) -> bytes:
    length = 0
    while line := (await content.readline()).strip() or b"-":
        name, _, value = line.partition(b": ")
        if name == b"Content-Length":
            length = int(value)
        elif length and line == b"-":
            return await content.readexactly(length)
    raise AssertionError("the stream ended")


def _mean(jpeg: bytes) -> float:
    rows = _decoded(jpeg)
    return math.fsum(pixel[1] for row in rows for pixel in row) / (len(rows) * len(rows[0]))


def test_without_opencv_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_drawing, "find_spec", lambda _name: None)

    async def body(sim: Sim, session: aiohttp.ClientSession) -> None:
        assert sim.camera is not None
        async with session.get(f"{sim.camera.server.url}{SNAPSHOT}") as answer:
            assert answer.status == 503
            told = await answer.json()
        assert told["key"] == "sim.no_opencv"
        assert "pip install" in told["detail"]

    assert not camera_drawing.can_draw()
    with_sim(tmp_path, body)


def test_a_fault_of_a_camera_that_is_not_there_is_refused() -> None:
    black = CameraBlack(kind="camera_black", target="camera")
    with pytest.raises(NotFoundError, match="there is none"):
        Rig().cabinet.lay(black)
    other = config().model_copy(update={"camera": CameraSection(name="front")})
    with pytest.raises(NotFoundError, match="there is front"):
        Rig(other).cabinet.lay(black)
