"""The cabinet's camera over HTTP, as network cameras are: `/snapshot.jpg`, and `/stream.mjpg` that goes on for ever."""

import asyncio
import base64
import hmac
import logging

from aiohttp import web

from common.kit.clock import Clock
from common.kit.errors import UnavailableError
from common.kit.web import Limits, WebServer, make_app
from common.kit.work import Work
from device_sim.cabinet import Cabinet
from device_sim.camera_config import CameraSection
from device_sim.camera_drawing import MISSING, Artist, Scene, can_draw
from device_sim.camera_faults import CameraBlack, CameraDirty, CameraFrozen, CameraGone, Gone

SNAPSHOT, STREAM = "/snapshot.jpg", "/stream.mjpg"
LIMITS = Limits(body_bytes=1024, connections=16)
_BOUNDARY = "linli-frame"
_HANGS_S = 0.2
_ASKS = {"WWW-Authenticate": 'Basic realm="camera"'}

_log = logging.getLogger(__name__)


class CameraServer:
    """One camera; `server` is its listener."""

    def __init__(
        self, cabinet: Cabinet, section: CameraSection, artist: Artist, work: Work, clock: Clock,
        *, host: str, port: int,
    ) -> None:  # fmt: skip
        """Listen nowhere before `server.start()`."""
        self._cabinet, self._section, self._artist = cabinet, section, artist
        self._work, self._clock = work, clock
        self._last = b""
        self._is_ending = False
        app = make_app(limits=LIMITS)
        app.add_routes([web.get(SNAPSHOT, self.snapshot), web.get(STREAM, self.stream)])
        self.server = WebServer(app, host, port)

    @property
    def url(self) -> str:
        """Return the address of its stream."""
        return f"{self.server.url}{STREAM}"

    async def start(self) -> None:
        """Listen; UnavailableError: the port is taken."""
        await self.server.start()

    async def stop(self) -> None:
        """Let streams end, then close."""
        self._is_ending = True
        await self.server.stop()

    async def snapshot(self, request: web.Request) -> web.StreamResponse:
        """GET /snapshot.jpg: one picture."""
        if not self._admits(request):
            return web.Response(status=401, headers=_ASKS)
        picture = await self._frame(request)
        return web.Response(body=picture, content_type="image/jpeg")

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """GET /stream.mjpg: pictures until the client goes away."""
        if not self._admits(request):
            return web.Response(status=401, headers=_ASKS)
        picture = await self._frame(request)
        kind = f"multipart/x-mixed-replace; boundary={_BOUNDARY}"
        response = web.StreamResponse(headers={"Content-Type": kind})
        await response.prepare(request)
        try:
            while not self._is_ending:
                head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                await response.write(head.encode() + picture + b"\r\n")
                await asyncio.sleep(1 / self._section.frames_per_s)
                picture = await self._frame(request)
        except ConnectionError:
            _log.debug("a client of the camera went away")
        return response

    def _admits(self, request: web.Request) -> bool:
        if not self._section.user:
            return True
        name = f"{self._section.user}:{self._section.password}".encode()
        wanted = f"Basic {base64.b64encode(name).decode()}"
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), wanted.encode())

    async def _frame(self, request: web.Request) -> bytes:
        """Return the picture of this moment; a camera that is gone gives none."""
        self._cabinet.settle_now()
        faults, name = self._cabinet.faults, self._section.name
        while not self._is_ending and any(
            one.how is Gone.HANGS for one in faults.on(CameraGone, name)
        ):
            await asyncio.sleep(_HANGS_S)
            if request.transport is None:
                raise ConnectionResetError
        if self._is_ending or faults.is_dark() or faults.on(CameraGone, name):
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError
        if not can_draw():
            raise UnavailableError("sim.no_opencv", MISSING)
        if not (faults.on(CameraFrozen, name) and self._last):
            self._last = await self._work.run(self._artist.jpeg, self._scene())
        return self._last

    def _scene(self) -> Scene:
        faults, name = self._cabinet.faults, self._section.name
        dirty = faults.on(CameraDirty, name)
        labels = [door.label for door in self._cabinet.config.door]
        return Scene(
            at=self._clock.wall(),
            open_doors=frozenset(label for label in labels if self._cabinet.is_open(label)),
            is_dark=bool(faults.on(CameraBlack, name)),
            blur_px=dirty[-1].blur_px if dirty else 0.0,
        )
