"""What `linli edge check` says about the camera: one picture is taken, looked at and thrown away."""

from collections.abc import Mapping
from pathlib import Path

from common.kit.errors import UnavailableError
from common.kit.said import Said
from edge.config import StationConfig
from edge.findings import Finding, Level, found
from edge.hardware.camera import ProcessCamera
from edge.hardware.ports import Camera, Look, Picture
from edge.hardware.serial_hints import lasting_name

V4L = Path("/dev/v4l")
REMEDIES: Mapping[Look, Said] = {
    Look.BLACK: Said("it sees black: take its cap off, or give it light"),
    Look.WHITE: Said("it sees white: turn it away from the sun or the lamp"),
    Look.FLAT: Said("it sees one colour: take away what is before its lens"),
    Look.FROZEN: Said("it repeats one picture: take its power away for ten seconds"),
    Look.BLURRED: Said("its picture is blurred: clean its lens, turn it until doors are sharp"),
}
"""What to do about a picture that is not well."""


async def camera_findings(config: StationConfig, camera: Camera | None = None) -> list[Finding]:
    """Return what is known of it; nothing without one. It needs no bus, so a daemon may run beside."""
    section = config.camera
    if section is None:
        return []
    findings: list[Finding] = []
    if section.is_device and (name := lasting_name(section.source, V4L)) is not None:
        text = "camera: %(camera)s may come back under another number; set `source` to %(name)s"
        findings.append(found(Level.OK, "camera.hint", text, camera=section.shown, name=name))
    try:
        picture = await (camera or ProcessCamera(section)).picture()
    except UnavailableError as error:
        text = "camera: %(detail)s; everything else works without it"
        return [*findings, found(Level.AWAY, "camera.away", text, detail=error.detail)]
    return [*findings, _finding(picture, section.shown)]


def _finding(picture: Picture, camera: str) -> Finding:
    text = "camera %(camera)s: %(remedy)s"
    if picture.look is Look.WELL:
        size = {"width_px": picture.width_px, "height_px": picture.height_px}
        text = "camera %(camera)s: %(width_px)s x %(height_px)s, brightness %(brightness)s of 255"
        bright = round(picture.brightness)
        return found(Level.OK, "camera.well", text, camera=camera, brightness=bright, **size)
    remedy = REMEDIES[picture.look]
    if picture.is_sure:
        return found(Level.WRONG, "camera.poor", text, camera=camera, remedy=remedy)
    return found(Level.UNKNOWN, "camera.poor", text, camera=camera, remedy=remedy)
