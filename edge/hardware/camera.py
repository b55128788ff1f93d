"""Takes a picture by a process of its own, `camera_process.py`, which is killed when it is slow or says too much.

Decoders that read what a network sends, and 60 MB of OpenCV, stay out of the daemon; nothing is kept open between two
pictures. No error names more of an address than its host: see `CameraSection.shown`.
"""

import asyncio
import json
import math
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common.kit.errors import UnavailableError
from common.kit.said import Said
from edge.hardware.look import look_of
from edge.hardware.ports import Picture
from edge.peripherals import CameraSection

MOST_BYTES = 8 << 20
"""A picture of 3840 x 2160 pixels has 4 MB."""
COMMAND = (sys.executable, "-I", str(Path(__file__).with_name("camera_process.py")))
_READ_BYTES = 1 << 16
_KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "LANG")


class _About(BaseModel):
    """The line before the picture."""

    model_config = ConfigDict(extra="forbid", strict=True)

    width_px: int = Field(gt=0)
    height_px: int = Field(gt=0)
    repeats: bool
    brightness: float = Field(ge=0, le=255)
    spread: float = Field(ge=0)
    sharpness: float = Field(ge=0)


class ProcessCamera:
    """The camera of `station.toml`; pictures are taken one at a time."""

    def __init__(self, section: CameraSection, command: Sequence[str] = COMMAND) -> None:
        """Open nothing yet."""
        self._section, self._command = section, command
        self._one_at_a_time = asyncio.Lock()

    async def picture(self) -> Picture:
        """Take one; UnavailableError `camera.…` says why there is none."""
        async with self._one_at_a_time:
            _may_be_opened(self._section)
            return self._read(await self._answer())

    async def _answer(self) -> bytes:
        try:
            async with _running(self._command, self._section.timeout_s) as process:
                return await self._talk(process)
        except TimeoutError as error:
            text = "no picture of %(camera)s within %(within_s)s s"
            raise self._error("camera.slow", text, within_s=self._section.timeout_s) from error
        except OSError as error:
            text = "%(camera)s: its program does not start"
            raise self._error("camera.broken", text) from error

    async def _talk(self, process: asyncio.subprocess.Process) -> bytes:
        assert process.stdin is not None
        assert process.stdout is not None
        async with asyncio.timeout(self._section.timeout_s):
            keys = {"source", "width_px", "height_px", "timeout_s"}
            process.stdin.write(self._section.model_dump_json(include=keys).encode())
            process.stdin.close()
            answer = b""
            while piece := await process.stdout.read(_READ_BYTES):
                answer += piece
                if len(answer) > MOST_BYTES:
                    text = "%(camera)s: what came is larger than any picture"
                    raise self._error("camera.broken", text)
            await process.wait()
        return answer

    def _read(self, answer: bytes) -> Picture:
        line, _, jpeg = answer.partition(b"\n")
        text = "%(camera)s: what came is no picture"
        try:
            said = json.loads(line)
            if isinstance(said, dict) and "error" in said:
                raise self._refused(said["error"])
            about = _About.model_validate(said)
        except (ValueError, ValidationError) as error:
            raise self._error("camera.broken", text) from error
        if not (jpeg.startswith(b"\xff\xd8") and jpeg.endswith(b"\xff\xd9")):
            raise self._error("camera.broken", text)
        figures = about.model_dump(include={"brightness", "spread", "sharpness"})
        look, is_sure = look_of(**figures, repeats=about.repeats)
        size = {"width_px": about.width_px, "height_px": about.height_px}
        return Picture(jpeg=jpeg, look=look, is_sure=is_sure, **size, **figures)

    def _refused(self, why: object) -> UnavailableError:
        if why == "no_opencv":
            text = (
                "a picture needs OpenCV, which is not installed: pip install opencv-python-headless"
            )
            return self._error("camera.no_opencv", text)
        text = (
            "%(camera)s gives no picture: check its power, cable and `source`, a network camera's"
            " name and password too, and that no other program has it"
        )
        return self._error("camera.away", text)

    def _error(self, key: str, text: str, **params: float) -> UnavailableError:
        said = Said(text, camera=self._section.shown, **params)
        return UnavailableError(key, said)


@asynccontextmanager
async def _running(
    command: Sequence[str], timeout_s: float
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start it; however the block is left, it has ended and its pipes are closed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # decoders print addresses with their passwords
        env=_environment(timeout_s),
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        assert process.stdout is not None
        while await process.stdout.read(_READ_BYTES):
            pass  # a pipe that is not read to its end is not closed
        await process.wait()


def _environment(timeout_s: float) -> Mapping[str, str]:
    """Nothing of ours that it does not need: it decodes what strangers send."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return kept | {
        "OPENBLAS_NUM_THREADS": "1",
        "OPENCV_LOG_LEVEL": "OFF",
        "OPENCV_FFMPEG_LOGLEVEL": "-8",
        "OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT": str(math.ceil(timeout_s)),
    }


def _may_be_opened(section: CameraSection) -> None:
    """Say what OpenCV would not: why a device cannot be opened."""
    if not section.is_device:
        return
    device = Path(section.source)
    if not device.exists():
        text = "%(camera)s is not there: plug the camera in, or correct `source`"
        raise UnavailableError("camera.missing", Said(text, camera=section.shown))
    if not os.access(device, os.R_OK | os.W_OK):
        text = (
            "%(camera)s may not be opened: sudo usermod -aG video USER, then start the program anew"
        )
        raise UnavailableError("camera.forbidden", Said(text, camera=section.shown))
