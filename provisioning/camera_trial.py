"""The camera in a test: one picture, judged, kept beside the record until the next one, and named in it by its hash.

It needs no bus and no port that a running station holds.
"""

import hashlib
from pathlib import Path

from common.kit.durable import write_whole
from common.kit.errors import UnavailableError
from edge.hardware.camera import ProcessCamera
from edge.hardware.ports import Camera, Look, Picture
from edge.peripherals import CameraSection
from provisioning.job import Job
from provisioning.tried import DeviceTried, DeviceWhy

PICTURE_FILE = "camera.jpg"
_WHY: dict[Look, DeviceWhy] = {
    Look.WELL: "camera_well",
    Look.BLACK: "camera_black",
    Look.WHITE: "camera_white",
    Look.FLAT: "camera_flat",
    Look.FROZEN: "camera_frozen",
    Look.BLURRED: "camera_blurred",
}
_NO_PICTURE: dict[str, DeviceWhy] = {
    "camera.missing": "camera_missing",
    "camera.forbidden": "camera_forbidden",
    "camera.no_opencv": "camera_no_opencv",
    "camera.away": "camera_away",
    "camera.slow": "camera_slow",
    "camera.broken": "camera_broken",
}


async def try_camera(job: Job, section: CameraSection, camera: Camera | None = None) -> DeviceTried:
    """Take a picture and keep it; one that was kept before goes, whatever comes."""
    path = job.data / PICTURE_FILE
    path.unlink(missing_ok=True)
    try:
        picture = await (camera or ProcessCamera(section)).picture()
    except UnavailableError as error:
        return DeviceTried.of("camera", "bad", _NO_PICTURE[error.key], camera=section.shown)
    _keep(path, picture.jpeg)
    figures = _figures(picture) | {"camera": section.shown}
    if picture.look is Look.BLURRED and not picture.is_sure:
        return DeviceTried.of("camera", "well", "camera_soft", **figures)
    outcome = "well" if picture.look is Look.WELL else "bad"
    return DeviceTried.of("camera", outcome, _WHY[picture.look], **figures)


def picture_of(data: Path, tried: DeviceTried) -> bytes | None:
    """Return the picture that a record names; None when it is gone, or another one."""
    try:
        jpeg = (data / PICTURE_FILE).read_bytes()
    except OSError:
        return None
    return jpeg if hashlib.sha256(jpeg).hexdigest() == tried.figures.get("sha256") else None


def _keep(path: Path, jpeg: bytes) -> None:
    """Write it so that nobody else may read it, from its first byte on: there may be people in it."""
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    write_whole(path, jpeg)


def _figures(picture: Picture) -> dict[str, str | float]:
    return {
        "width_px": picture.width_px,
        "height_px": picture.height_px,
        "kb": round(len(picture.jpeg) / 1000),
        "brightness": round(picture.brightness),
        "spread": round(picture.spread, 1),
        "sharpness": round(picture.sharpness, 1),
        "sha256": hashlib.sha256(picture.jpeg).hexdigest(),
    }
