"""Whether what a device measured may be believed."""

from enum import StrEnum


class Quality(StrEnum):
    """Whether the numbers may be believed."""

    GOOD = "good"
    BAD = "bad"
