"""The camera by its own process: real OpenCV at a camera that serves HTTP, and programs that misbehave."""

import asyncio
import os
import random
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from aiohttp import web

from common.kit.clock import SystemClock
from common.kit.errors import UnavailableError
from common.kit.web import WebServer, make_app
from common.kit.work import ThreadWork
from device_sim.cabinet import Cabinet
from device_sim.camera_config import CameraSection as CabinetCamera
from device_sim.camera_drawing import Artist
from device_sim.camera_faults import CameraBlack, CameraDirty, CameraFrozen, CameraGone, Gone
from device_sim.camera_server import SNAPSHOT, STREAM, CameraServer
from device_sim.faults import Fault
from device_sim.iron_faults import PowerCut
from edge.hardware.camera import COMMAND, MOST_BYTES, ProcessCamera
from edge.hardware.ports import Look, Picture
from edge.peripherals import CameraSection
from tests.device_sim.cabinets import config
from tests.parts import require

T = TypeVar("T")
pytestmark = pytest.mark.timeout(60)
SIZE = {"width_px": 640, "height_px": 360}
SECRET = "s3/cr@t"
IN_URL = "keeper:s3%2Fcr%40t@"


def at_camera(body: Callable[[CameraServer, Cabinet], Awaitable[T]], **section: object) -> T:
    """Run `body` with a cabinet's camera on a port of its own."""
    require("opencv")
    camera = CabinetCamera.model_validate({**SIZE, "frames_per_s": 20, **section})
    work, clock = ThreadWork(), SystemClock()

    async def main() -> T:
        cabinet = Cabinet(config().model_copy(update={"camera": camera}), clock, random.Random(5))
        artist = Artist(cabinet.config, random.Random(6))
        server = CameraServer(cabinet, camera, artist, work, clock, host="127.0.0.1", port=0)
        await server.start()
        try:
            return await body(server, cabinet)
        finally:
            await server.stop()

    try:
        return asyncio.run(main())
    finally:
        work.close()


def section(source: str, timeout_s: float = 10.0) -> CameraSection:
    made = CameraSection(source=source)
    return made.model_copy(update={"timeout_s": timeout_s})  # tests are less patient than people


def taken(path: str, *faults: Fault, timeout_s: float = 10.0) -> Picture:
    async def body(server: CameraServer, cabinet: Cabinet) -> Picture:
        if any(isinstance(one, CameraFrozen) for one in faults):
            await ProcessCamera(
                section(server.server.url + path)
            ).picture()  # it has seen something
        for fault in faults:
            cabinet.lay(fault)
        return await ProcessCamera(section(server.server.url + path, timeout_s)).picture()

    return at_camera(body)


@pytest.mark.parametrize("path", [STREAM, SNAPSHOT])
def test_a_picture_from_a_stream_and_from_single_ones(path: str) -> None:
    picture = taken(path)
    assert (picture.look, picture.is_sure) == (Look.WELL, True)
    assert (picture.width_px, picture.height_px) == (640, 360)
    assert picture.jpeg[:2] == b"\xff\xd8"
    assert 100 < picture.brightness < 180


@pytest.mark.parametrize(
    ("path", "fault", "look"),
    [
        (STREAM, CameraBlack(kind="camera_black", target="camera"), Look.BLACK),
        (STREAM, CameraFrozen(kind="camera_frozen", target="camera"), Look.FROZEN),
        (SNAPSHOT, CameraFrozen(kind="camera_frozen", target="camera"), Look.FROZEN),
        (STREAM, CameraDirty(kind="camera_dirty", target="camera"), Look.BLURRED),
    ],
)
def test_what_is_wrong_with_a_camera_is_seen(path: str, fault: Fault, look: Look) -> None:
    picture = taken(path, fault)
    assert (picture.look, picture.is_sure) == (look, True)


@pytest.mark.parametrize(
    ("fault", "key", "timeout_s"),
    [
        (CameraGone(kind="camera_gone", target="camera"), "camera.away", 10.0),
        (CameraGone(kind="camera_gone", target="camera", how=Gone.HANGS), "camera.slow", 0.7),
        (PowerCut(kind="power_cut"), "camera.away", 10.0),
    ],
)
def test_a_camera_that_is_gone(fault: Fault, key: str, timeout_s: float) -> None:
    with pytest.raises(UnavailableError) as raised:
        taken(STREAM, fault, timeout_s=timeout_s)
    assert raised.value.key == key


def test_a_password_opens_and_is_never_said() -> None:
    async def body(server: CameraServer, _cabinet: Cabinet) -> tuple[str, str]:
        good = server.url.replace("://", f"://{IN_URL}")
        assert (await ProcessCamera(section(good)).picture()).look is Look.WELL
        wrong = section(good.replace("keeper", "thief"))
        with pytest.raises(UnavailableError) as raised:
            await ProcessCamera(wrong).picture()
        return raised.value.detail, f"{wrong!r} {wrong.shown}"

    for text in at_camera(body, user="keeper", password=SECRET):
        assert "127.0.0.1" in text or "repr" in text
        assert not [word for word in (SECRET, "s3", "cr%40t", "thief") if word in text]


def test_what_is_no_picture_is_refused() -> None:
    """A camera's log-in page, or another program at its address."""
    require("opencv")

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="<html>log in</html>" * 1000, content_type="text/html")

    async def main() -> str:
        app = make_app()
        app.router.add_get("/snapshot.jpg", page)
        server = WebServer(app, "127.0.0.1", 0)
        await server.start()
        try:
            with pytest.raises(UnavailableError) as raised:
                await ProcessCamera(section(f"{server.url}/snapshot.jpg")).picture()
        finally:
            await server.stop()
        return raised.value.key

    assert asyncio.run(main()) == "camera.away"


def test_a_device_that_is_no_camera() -> None:
    require("opencv")
    with pytest.raises(UnavailableError) as raised:
        asyncio.run(ProcessCamera(section("/dev/null")).picture())
    assert raised.value.key == "camera.away"


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(UnavailableError) as raised:
        asyncio.run(ProcessCamera(section("/dev/v4l/by-id/usb-none")).picture())
    assert raised.value.key == "camera.missing"
    assert "/dev/v4l/by-id/usb-none" in raised.value.detail


def test_a_device_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may open everything
    with pytest.raises(UnavailableError) as raised:
        asyncio.run(ProcessCamera(section("/dev/null")).picture())
    assert raised.value.key == "camera.forbidden"


def test_without_opencv_it_says_what_to_install() -> None:
    command = (COMMAND[0], "-S", *COMMAND[1:])  # no site: what is installed is not found
    with pytest.raises(UnavailableError) as raised:
        asyncio.run(ProcessCamera(section("http://127.0.0.1:9/x"), command).picture())
    assert raised.value.key == "camera.no_opencv"
    assert "pip install opencv-python-headless" in raised.value.detail


def open_files() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


def answered(program: str, timeout_s: float = 10.0, *words: str) -> UnavailableError:
    """Let another program answer; check that it has ended and that nothing of it is left open."""

    async def main() -> UnavailableError:
        camera = ProcessCamera(
            section(f"http://{IN_URL}127.0.0.1:9/x", timeout_s), (sys.executable, "-I", "-c", program, *words)
        )  # fmt: skip
        await asyncio.create_subprocess_exec("true")  # the loop's own means are open now
        before = open_files()
        with pytest.raises(UnavailableError) as raised:
            await camera.picture()
        assert open_files() <= before
        return raised.value

    return asyncio.run(main())


SOUND = '{"width_px": 4, "height_px": 4, "repeats": false, "brightness": 1, "spread": 1, "sharpness": 1}'


@pytest.mark.parametrize(
    ("program", "key"),
    [
        ("while True: pass", "camera.slow"),
        ("import signal; signal.pause()", "camera.slow"),
        ("import sys, os; os.close(1); sys.stdin.read(); import signal; signal.pause()", "camera.slow"),
        (f"print('x' * {MOST_BYTES + 1})", "camera.broken"),
        ("while True: print('x' * 1000)", "camera.broken"),
        ("", "camera.broken"),
        ("print('Segmentation fault')", "camera.broken"),
        ("print('[1, 2]')", "camera.broken"),
        ("print('{}')", "camera.broken"),
        (f"print('{SOUND}')", "camera.broken"),
        (f"print('{SOUND.replace('4', '-4')}'); print('x')", "camera.broken"),
        (f"print('{SOUND}'); print('GIF89a')", "camera.broken"),
        ("raise SystemExit(3)", "camera.broken"),
    ],
)  # fmt: skip
def test_a_program_that_misbehaves(program: str, key: str) -> None:
    error = answered(program, 0.3 if key == "camera.slow" else 10.0)
    assert error.key == key
    assert "127.0.0.1:9" in error.detail
    assert "keeper" not in error.detail


def test_it_is_told_its_address_by_no_argument_and_has_nothing_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINLI_HUB__TOKEN", SECRET)
    out = tmp_path / "seen"
    program = (
        "import sys; from pathlib import Path; sys.stdin.read();"
        "p = Path('/proc/self'); Path(sys.argv[1]).write_bytes("
        "(p / 'cmdline').read_bytes() + (p / 'environ').read_bytes())"
    )
    assert answered(program, 10.0, str(out)).key == "camera.broken"
    seen = out.read_bytes()
    assert b"OPENCV_LOG_LEVEL=OFF" in seen
    assert b"LINLI" not in seen
    assert b"keeper" not in seen


def test_a_program_that_cannot_be_started() -> None:
    with pytest.raises(UnavailableError) as raised:
        asyncio.run(ProcessCamera(section("http://127.0.0.1:9/x"), ("/nowhere/python",)).picture())
    assert raised.value.key == "camera.broken"


def test_who_no_longer_waits_leaves_no_process(tmp_path: Path) -> None:
    name = tmp_path / "pid"
    program = (
        "import os, sys, signal; from pathlib import Path; sys.stdin.read();"
        "Path(sys.argv[1] + '.part').write_text(str(os.getpid()));"
        "os.rename(sys.argv[1] + '.part', sys.argv[1]); signal.pause()"
    )

    async def main() -> int:
        command = (sys.executable, "-I", "-c", program, str(name))
        taking = asyncio.create_task(ProcessCamera(section("http://h/x"), command).picture())
        while not name.exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0)
        taking.cancel()
        await asyncio.gather(taking, return_exceptions=True)
        return int(name.read_text())

    with pytest.raises(ProcessLookupError):
        os.kill(asyncio.run(main()), 0)


def test_pictures_are_taken_one_at_a_time(tmp_path: Path) -> None:
    """The second program would see the mark of the first one."""
    mark = tmp_path / "mark"
    program = (
        "import os, sys, select; sys.stdin.read();"
        "os.mkdir(sys.argv[1]); select.select((), (), (), 0.2); os.rmdir(sys.argv[1]);"
        'print(\'{"error": "away"}\')'
    )

    async def main() -> set[str]:
        command = (sys.executable, "-I", "-c", program, str(mark))
        camera = ProcessCamera(section("http://127.0.0.1:9/x"), command)
        both = await asyncio.gather(camera.picture(), camera.picture(), return_exceptions=True)
        return {one.key for one in both if isinstance(one, UnavailableError)}

    assert asyncio.run(main()) == {"camera.away"}
