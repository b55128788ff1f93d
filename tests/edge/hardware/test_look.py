"""What is wrong with a picture: the rule by its figures, and by pictures that are measured as the camera's are."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from device_sim.camera_config import CameraSection
from device_sim.camera_drawing import Artist, Scene
from edge.hardware.camera_process import measured
from edge.hardware.look import look_of
from edge.hardware.ports import Look
from tests.device_sim.cabinets import config
from tests.parts import require

AT = datetime(2026, 11, 27, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("brightness", "spread", "sharpness", "repeats", "look"),
    [
        (120, 45, 600, False, (Look.WELL, True)),
        (20, 7.9, 0, False, (Look.BLACK, True)),
        (0, 0, 0, True, (Look.BLACK, True)),
        (20, 8, 600, False, (Look.WELL, True)),  # a lit screen at night
        (21, 7.9, 600, False, (Look.FLAT, True)),
        (234, 7.9, 0, False, (Look.FLAT, True)),
        (235, 7.9, 0, False, (Look.WHITE, True)),
        (120, 45, 600, True, (Look.FROZEN, True)),
        (120, 45, 0, True, (Look.FROZEN, True)),
        (120, 45, 24.9, False, (Look.BLURRED, True)),
        (120, 45, 25, False, (Look.BLURRED, False)),
        (120, 45, 99.9, False, (Look.BLURRED, False)),
        (120, 45, 100, False, (Look.WELL, True)),
    ],
)
def test_the_rule(
    brightness: float, spread: float, sharpness: float, repeats: bool, look: tuple[Look, bool]
) -> None:
    found = look_of(brightness=brightness, spread=spread, sharpness=sharpness, repeats=repeats)
    assert found == look


def drawn(noise: float, *, dark: bool = False, blur_px: float = 0.0) -> Any:
    import cv2
    import numpy as np

    made = config().model_copy(update={"camera": CameraSection(noise=noise)})
    scene = Scene(AT, frozenset({"A01"}), is_dark=dark, blur_px=blur_px)
    coded = Artist(made, random.Random(3)).jpeg(scene)
    return cv2.imdecode(np.frombuffer(coded, np.uint8), cv2.IMREAD_COLOR)


def sheet(value: int) -> Any:
    import numpy as np

    return np.random.default_rng(1).normal(value, 6, (720, 1280, 3)).clip(0, 255).astype("uint8")


def night() -> Any:
    frame = sheet(8)
    frame[200:500, 500:800] = 180  # the kiosk's screen, the only light
    frame[240:440:20, 520:780] = 20  # with text on it
    return frame


@pytest.mark.parametrize(
    ("picture", "look"),
    [
        (lambda: drawn(4), (Look.WELL, True)),
        (lambda: drawn(20), (Look.WELL, True)),
        (lambda: drawn(4, dark=True), (Look.BLACK, True)),
        (lambda: drawn(30, dark=True), (Look.BLACK, True)),
        (lambda: drawn(4, blur_px=4), (Look.BLURRED, False)),
        (lambda: drawn(4, blur_px=16), (Look.BLURRED, True)),
        (lambda: drawn(20, blur_px=16), (Look.BLURRED, True)),
        (lambda: sheet(250), (Look.WHITE, True)),
        (lambda: sheet(90), (Look.FLAT, True)),
        (night, (Look.WELL, True)),
    ],
    ids=["well", "noisy", "black", "black-at-full-gain", "soft", "dirty", "dirty-noisy", "white", "flat", "night"],
)  # fmt: skip
def test_generated_pictures(picture: Callable[[], Any], look: tuple[Look, bool]) -> None:
    require("opencv")
    import cv2

    assert look_of(**measured(cv2, picture()), repeats=False) == look


def test_a_gray_picture_is_measured_as_its_coloured_twin() -> None:
    require("opencv")
    import cv2

    picture = drawn(4)
    gray = measured(cv2, cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))
    assert gray == measured(cv2, picture)
