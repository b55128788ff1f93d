"""What every scale says, whatever its frames: a gross weight, whether it stands still, or why it is no weight."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from firmware_protocols.errors import WireError

ScaleKind = Literal["toledo", "mt_sics", "cas"]
MG_PER: Mapping[str, int] = {"kg": 1_000_000, "g": 1000}
"""Units that are taken; pounds and the rest are a flaw, never converted."""
_NUMBER = re.compile(r"-?[0-9]{1,8}(\.[0-9]{1,6})?")


class Flaw(StrEnum):
    """Why a frame carries no weight."""

    RANGE = "over or under its range"
    UNIT = "in another unit than kg or g"
    BUSY = "not able to weigh now"
    SETTING = "set otherwise than its map demands"


@dataclass(frozen=True, slots=True)
class Weight:
    """One reading; with a flaw its number means nothing."""

    gross_mg: int
    is_stable: bool
    flaw: Flaw | None = None


@dataclass(frozen=True, slots=True)
class ScaleFacts:
    """What one kind is."""

    name: str
    bits: Literal[7, 8]
    parity: Literal["none", "even"]
    doubt: str = ""


SCALES: Mapping[str, ScaleFacts] = {
    "toledo": ScaleFacts("Mettler Toledo continuous", 7, "even"),
    "mt_sics": ScaleFacts(
        "Mettler Toledo MT-SICS",
        8,
        "none",
        doubt="the layout of its answers, taken from general knowledge",
    ),
    "cas": ScaleFacts(
        "CAS", 8, "none", doubt="what lies between the status and the end of its frame"
    ),
}


def milligrams(number: str, unit: str) -> int:
    """Return a decimal number of kg or g in mg; anything else raises WireError."""
    if not _NUMBER.fullmatch(number) or unit not in MG_PER:
        raise WireError("not a weight in kg or g")
    return int(Decimal(number) * MG_PER[unit])
