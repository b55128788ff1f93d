"""The camera's own process: takes one picture, measures it, writes both to standard output, and ends.

Started by `edge/hardware/camera.py` as a file, so nothing of the station is loaded here, and OpenCV (60 MB of memory,
decoders fed by the network) nowhere else. Standard input: one JSON object (`source`, `width_px`, `height_px`,
`timeout_s`; a password is in no argument that `ps` would show). Standard output: a line of JSON, then the JPEG.
"""

import json
import math
import os
import resource
import select
import signal
import sys
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import cv2

MEMORY_BYTES = 2 << 30
"""A picture of absurd size ends this process, not the station."""
DEVICE_WARM_UP = 10
"""Frames until the exposure of a USB camera has settled: a third of a second in good light."""
NETWORK_WARM_UP = 2
"""A network camera exposes all the time; the first frames of a stream may be damaged."""
PAUSE_S = 0.3
LOOKS = 4
"""A coded stream of a still scene repeats frames to the bit for a while; a camera that hangs does so for ever."""
QUALITY = 85
_SMALL = (320, 180)


class Source:
    """One camera, opened again where it gives single pictures."""

    def __init__(self, library: Any, wanted: dict[str, Any]) -> None:
        self._cv2, self._wanted = library, wanted
        self._is_device = wanted["source"].startswith("/")
        self._capture: cv2.VideoCapture = library.VideoCapture()

    def open(self) -> bool:
        """Tell whether it could be opened."""
        cv2, source = self._cv2, self._wanted["source"]
        if not self._is_device:
            limit_ms = int(self._wanted["timeout_s"] * 1000)
            limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit_ms]
            limits += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit_ms]
            return bool(self._capture.open(source, cv2.CAP_FFMPEG, limits))
        if not self._capture.open(source, cv2.CAP_V4L2):
            return False
        wishes = {
            cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*"MJPG"),  # raw frames fill a USB 2 hub
            cv2.CAP_PROP_FRAME_WIDTH: self._wanted["width_px"],
            cv2.CAP_PROP_FRAME_HEIGHT: self._wanted["height_px"],
        }
        for what, value in wishes.items():
            self._capture.set(what, value)
        return True

    def settled(self) -> Any:
        """Return a frame after the first ones, as far as there are more; None: there is none."""
        frame = None
        for _ in range((DEVICE_WARM_UP if self._is_device else NETWORK_WARM_UP) + 1):
            is_there, read = self._capture.read()
            if not is_there:
                break
            frame = read
        return frame

    def another(self) -> Any:
        """Return a later frame; None: there is none."""
        select.select((), (), (), PAUSE_S)
        is_there, frame = self._capture.read()
        if not is_there and self.open():  # an address of single pictures
            is_there, frame = self._capture.read()
        return frame if is_there else None


def taken(cv2: Any, wanted: dict[str, Any]) -> tuple[dict[str, object], bytes]:
    """Return what the picture is like, and the picture; without one `error` says why."""
    source = Source(cv2, wanted)
    first = frame = source.settled() if source.open() else None
    repeats, looks = True, 1
    while frame is not None and repeats and looks < LOOKS:
        frame, looks = source.another(), looks + 1
        repeats = frame is not None and _same(cv2, frame, first)
    if frame is None:
        return {"error": "away"}, b""
    _, jpeg = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    height_px, width_px = frame.shape[:2]
    about = {"width_px": width_px, "height_px": height_px, "repeats": repeats}
    return about | measured(cv2, frame), jpeg.tobytes()


def _same(cv2: Any, one: Any, other: Any) -> bool:
    """Tell whether two frames are equal to the bit: a sensor that works has noise."""
    return one.shape == other.shape and not cv2.norm(one, other, cv2.NORM_INF)


def measured(cv2: Any, frame: Any) -> dict[str, float]:
    """Return brightness, spread and sharpness of one small gray copy."""
    gray = frame if frame.ndim == 2 else cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(gray, _SMALL, interpolation=cv2.INTER_AREA)
    mean, deviation = cv2.meanStdDev(small)
    _, edges = cv2.meanStdDev(cv2.Laplacian(small, cv2.CV_16S))
    return {
        "brightness": float(mean[0][0]),
        "spread": float(deviation[0][0]),
        "sharpness": float(edges[0][0]) ** 2,
    }


def main() -> None:
    """Take one picture."""
    out: BinaryIO = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no part of the answer
    wanted = json.load(sys.stdin)
    signal.alarm(
        math.ceil(wanted["timeout_s"]) + 1
    )  # also when nobody is there any more to kill us
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    about: dict[str, object]
    try:
        import cv2
    except ImportError:
        about, jpeg = {"error": "no_opencv"}, b""
    else:
        cv2.setNumThreads(1)
        try:
            about, jpeg = taken(cv2, wanted)
        except (cv2.error, MemoryError):
            about, jpeg = {"error": "away"}, b""
    out.write(json.dumps(about).encode() + b"\n" + jpeg)
    out.flush()


if __name__ == "__main__":
    main()
