"""What became of a device with a port of its own in a test: part of the record, in no language."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

DeviceWhy = Literal[
    "not_in_settings", "no_driver", "daemon_runs", "left_out", "away", "unsound",
    "scale_zero", "scale_weighed", "scale_silent", "scale_unit", "scale_range", "scale_busy", "scale_setting",
    "scale_moving", "scale_not_zero", "scale_wrong", "scale_not_back",
    "printer_read", "printer_unread", "printer_no_paper", "printer_not_ready", "printer_away",
    "printer_unsure", "scanner_read", "scanner_unreadable", "scanner_nothing", "wedge_works",
    "wedge_fails", "card_read", "card_nothing",
    "camera_well", "camera_soft", "camera_black", "camera_white", "camera_flat", "camera_frozen",
    "camera_blurred", "camera_missing", "camera_forbidden", "camera_no_opencv", "camera_away",
    "camera_slow", "camera_broken",
]  # fmt: skip


class DeviceTried(BaseModel):
    """How a device with a port of its own did in the last test."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: Literal["scale", "printer", "scanner", "card_reader", "camera"]
    outcome: Literal["well", "bad", "left_out", "not_fitted"]
    why: DeviceWhy
    """Its words: `provisioning/device_words.py`."""
    figures: dict[str, str | int | float] = Field(default_factory=dict)

    @classmethod
    def of(cls, name: str, outcome: str, why: DeviceWhy, **figures: str | float) -> Self:
        """Return one; ValidationError for a name or an outcome that there is not."""
        record = {"name": name, "outcome": outcome, "why": why, "figures": figures}
        return cls.model_validate(record)
