"""What a station reports after it rebuilt a damaged store."""

from typing import Literal

from pydantic import Field

from common.contract.base import Message

MOST_NAMES = 40


class LostEvents(Message):
    """A stretch of events that the hub will never get: how many, and behind which place of the lane."""

    lane: Literal["facts", "telemetry"]
    count: int | None = Field(default=None, ge=1, description="null: nobody knows how many")
    after_boot_epoch: int = Field(ge=0)
    after_seq: int = Field(ge=0)


class StorageDamaged(Message):
    """`storage.damaged`: the station's disk has changed by itself; the store was rebuilt from what proves itself."""

    outcome: Literal["exact", "tail", "rebuilt"] = Field(
        description="exact: nothing is lost; tail: the last moment before the power failed may be missing;"
        " rebuilt: something is lost"
    )
    pages: int = Field(ge=0, description="pages that changed by themselves")
    tables: tuple[str, ...] = Field(max_length=MOST_NAMES, description="tables that lack rows")
    lost: tuple[LostEvents, ...] = Field(max_length=MOST_NAMES)
    grants_held: int = Field(
        ge=0, description="grants whose code opens nothing until staff or hub decide"
    )
    doors_unknown: tuple[str, ...] = Field(
        max_length=200, description="compartments nobody knows the content of; out of service"
    )
    copy_age_s: int | None = Field(description="age of the copy that filled in; null for none")
    took_ms: int = Field(ge=0)
