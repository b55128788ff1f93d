"""Draws what a camera before the cabinet sees: its doors, open or shut, the time, the noise of a sensor.

The one place of the simulator that needs OpenCV (extra `camera`); it is loaded with the first picture.
"""

import random
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from device_sim.config import CabinetConfig

if TYPE_CHECKING:
    import cv2

MISSING = "no pictures: pip install opencv-python-headless"
QUALITY = 85
_HOUSING, _SHUT, _OPEN, _LABEL = (96, 102, 98), (196, 204, 200), (34, 30, 28), (60, 70, 64)
_DARK = 6


def can_draw() -> bool:
    """Tell whether OpenCV is there."""
    return find_spec("cv2") is not None


@dataclass(frozen=True, slots=True)
class Scene:
    """What there is to see at a moment."""

    at: datetime
    open_doors: frozenset[str]
    is_dark: bool = False
    blur_px: float = 0.0


class Artist:
    """Draws one cabinet."""

    def __init__(self, config: CabinetConfig, jitter: random.Random) -> None:
        """Draw with the noise of `jitter`; the cabinet has a camera."""
        assert config.camera is not None
        self._config, self._camera = config, config.camera
        self._seed = jitter.getrandbits(31)
        self._cv2: Any = None

    def jpeg(self, scene: Scene) -> bytes:
        """Return the picture; blocking."""
        if self._cv2 is None:
            self._load()
        cv2 = self._cv2
        frame = self._blank(_DARK if scene.is_dark else 150)
        if not scene.is_dark:
            self._draw_cabinet(frame, scene)
        if scene.blur_px:
            frame = cv2.GaussianBlur(frame, (0, 0), scene.blur_px)
        noise = frame.astype("int16")
        cv2.randn(noise, 0, self._camera.noise)
        frame = cv2.add(frame, noise, dtype=cv2.CV_8U)
        _, coded = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        return bytes(coded.tobytes())

    def _load(self) -> None:
        import cv2

        cv2.setNumThreads(1)
        cv2.setRNGSeed(self._seed)
        self._cv2 = cv2

    def _blank(self, gray: int) -> "cv2.typing.MatLike":
        import numpy as np

        return np.full((self._camera.height_px, self._camera.width_px, 3), gray, dtype=np.uint8)

    def _draw_cabinet(self, frame: "cv2.typing.MatLike", scene: Scene) -> None:
        places = [*self._config.door, self._config.screen]
        columns = max(one.column + one.width for one in places)
        rows = max(one.row + one.height for one in places)
        wide, high = self._camera.width_px * 0.9 / columns, self._camera.height_px * 0.85 / rows
        left, top = self._camera.width_px * 0.05, self._camera.height_px * 0.1

        def box(column: float, row: float) -> tuple[int, int]:
            return round(left + column * wide), round(top + row * high)

        self._fill(frame, box(-0.1, -0.1), box(columns + 0.1, rows + 0.1), _HOUSING)
        for one in self._config.door:
            colour = _OPEN if one.label in scene.open_doors else _SHUT
            corner = box(one.column + 0.06, one.row + 0.06)
            end = box(one.column + one.width - 0.06, one.row + one.height - 0.06)
            self._fill(frame, corner, end, colour)
            self._write(frame, one.label, (corner[0] + 8, end[1] - 8))
        screen = self._config.screen
        end = box(screen.column + screen.width - 0.1, screen.row + screen.height - 0.1)
        self._fill(frame, box(screen.column + 0.1, screen.row + 0.1), end, (120, 80, 20))
        self._write(frame, f"{self._config.cabinet.id} {scene.at:%Y-%m-%d %H:%M:%S}", (8, 30))

    def _fill(
        self,
        frame: "cv2.typing.MatLike",
        corner: tuple[int, int],
        end: tuple[int, int],
        colour: tuple[int, int, int],
    ) -> None:
        self._cv2.rectangle(frame, corner, end, colour, thickness=-1)

    def _write(self, frame: "cv2.typing.MatLike", text: str, at: tuple[int, int]) -> None:
        font = self._cv2.FONT_HERSHEY_SIMPLEX
        self._cv2.putText(frame, text, at, font, 0.8, _LABEL, thickness=2)
