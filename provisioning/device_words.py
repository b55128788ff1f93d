"""What became of a device in a test, in words: one table for the terminal and the report, in any language."""

import re
from collections.abc import Mapping

from common.ui.i18n import Param, Texts
from provisioning.tried import DeviceTried, DeviceWhy

NAMES = {
    "scale": "scale",
    "printer": "receipt printer",
    "scanner": "code scanner",
    "card_reader": "card reader",
    "camera": "camera",
}
"""Name in the record → what people call it."""

OUTCOMES = {
    "well": "well",
    "bad": "not well",
    "left_out": "not tried",
    "not_fitted": "not fitted",
}
"""Outcome → word."""

WORDS: Mapping[DeviceWhy, str] = {
    "not_in_settings": "no section for it in station.toml",
    "no_driver": "the release that tested it drove none: test again",
    "daemon_runs": "the running station does not lend it: stop it (systemctl stop linli-edge), test again, start it",
    "left_out": "left out by the technician",
    "away": "does not answer: %(detail)s",
    "unsound": "answers, but: %(detail)s",
    "scale_zero": "empty it stands still at %(zero_g)s g; no known weight was laid on it",
    "scale_weighed": "empty %(zero_g)s g; %(known_g)s g were weighed as %(read_g)s g, ±%(allowed_g)s g are allowed",
    "scale_silent": "has fallen silent: check its power and its cable",
    "scale_unit": "does not weigh in kg or g: set it to kg",
    "scale_range": "over or under its range: take everything off it; if that is no help, its cell or zero is broken",
    "scale_busy": "cannot weigh now: switch it off and on",
    "scale_setting": "says no weight to be believed: set unit and decimal point as docs/hardware/scales.md says",
    "scale_moving": "not still within %(within_s)s s: something touches it, or its zero creeps; let it warm up first",
    "scale_not_zero": "empty it shows %(zero_g)s g, ±%(allowed_g)s g are allowed: clean it and set it to zero",
    "scale_wrong": "%(known_g)s g were weighed as %(read_g)s g, ±%(allowed_g)s g are allowed: have it adjusted",
    "scale_not_back": "after the weight was taken off it shows %(zero_g)s g: something lies on it or holds it",
    "printer_read": "printed, and its paper can be read",
    "printer_unread": "says it printed, but nothing can be read: paper the wrong way round, or another `encoding`",
    "printer_no_paper": "out of paper: put a new roll in",
    "printer_not_ready": "cannot print: %(detail)s",
    "printer_away": "does not answer: check its power, its cable and `baud`",
    "printer_unsure": "was told to print and has not been heard of since: look at the paper and the cable",
    "scanner_read": "read a code of %(signs)s signs",
    "scanner_unreadable": "read something that is no code for this station: take a printed or shown QR code",
    "scanner_nothing": "no code came within %(within_s)s s: hold it 5 to 20 cm away, a phone bright; clean the glass",
    "wedge_works": "types what it reads; the screen took it",
    "wedge_fails": "the screen did not take what it read: it must end a code with Enter, and the page must be open",
    "card_read": "read a card",
    "card_nothing": "no card came within %(within_s)s s: hold a 125 kHz card flat on it; check the wire from its TX",
    "camera_well": "%(width_px)s x %(height_px)s, %(kb)s kB, brightness %(brightness)s of 255",
    "camera_soft": "%(width_px)s x %(height_px)s, %(kb)s kB, perhaps blurred (sharpness %(sharpness)s): look at it",
    "camera_black": "sees black (brightness %(brightness)s of 255): take its cap off, or give it light",
    "camera_white": "sees white (brightness %(brightness)s of 255): turn it away from the sun or the lamp",
    "camera_flat": "sees one colour: take away what is before its lens",
    "camera_frozen": "repeats one picture: take its power away for ten seconds",
    "camera_blurred": "blurred (sharpness %(sharpness)s): clean its lens, turn it until doors are sharp",
    "camera_missing": "%(camera)s is not there: plug it in, or correct `source`",
    "camera_forbidden": "%(camera)s may not be opened: sudo usermod -aG video $USER, then log in again",
    "camera_no_opencv": "a picture needs OpenCV, which is not installed: pip install opencv-python-headless",
    "camera_away": "%(camera)s gives no picture: check its power, cable, `source`, its name and password",
    "camera_slow": "%(camera)s gave no picture in time: check its power and network, then `timeout_s`",
    "camera_broken": "what came from %(camera)s is no picture: check `source`",
}  # fmt: skip
"""`why` of a device that was tried → a sentence; its `%(…)s` are in `figures`."""


_PLACE = re.compile(r"%\((\w+)\)s")


def said_of(texts: Texts, tried: DeviceTried) -> str:
    """Return what became of a device, as a sentence; a driver's own words are translated where they are known."""
    wanted: dict[str, Param] = dict.fromkeys(_PLACE.findall(WORDS[tried.why]), "–")
    figures = wanted | {
        name: texts.gettext(value) if isinstance(value, str) else value
        for name, value in tried.figures.items()
    }
    return texts.gettext(WORDS[tried.why], **figures)
