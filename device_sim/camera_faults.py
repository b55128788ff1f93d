"""Faults of the camera; `camera_server.py` carries them out."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from common.kit.errors import NotFoundError
from device_sim.config import CabinetConfig
from device_sim.fault_base import FaultBase

CameraName = Annotated[str, Field(max_length=20, description="name of the camera")]


class Gone(StrEnum):
    """What a camera that is gone does with who asks."""

    REFUSES = "refuses"
    HANGS = "hangs"


class CameraGone(FaultBase):
    """A camera that gives no picture: it hangs up on who asks, or says nothing for ever."""

    kind: Literal["camera_gone"]
    target: CameraName
    how: Gone = Gone.REFUSES


class CameraBlack(FaultBase):
    """A camera in the dark, or with its cap on: black, with the noise of its sensor."""

    kind: Literal["camera_black"]
    target: CameraName


class CameraFrozen(FaultBase):
    """A camera that repeats its last frame to the bit, with the old time in it."""

    kind: Literal["camera_frozen"]
    target: CameraName


class CameraDirty(FaultBase):
    """A smeared or misted lens: everything is blurred."""

    kind: Literal["camera_dirty"]
    target: CameraName
    blur_px: float = Field(
        default=16.0, gt=0, le=100, allow_inf_nan=False, description="radius of the blur"
    )


CameraFault = CameraGone | CameraBlack | CameraFrozen | CameraDirty


def check_camera(fault: CameraFault, config: CabinetConfig) -> None:
    """Refuse a camera that is not there (NotFoundError)."""
    if config.camera is None or fault.target != config.camera.name:
        there = "there is none" if config.camera is None else f"there is {config.camera.name}"
        raise NotFoundError("sim.unknown_device", f"no camera {fault.target!r}; {there}")
