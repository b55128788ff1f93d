"""Time as a port: monotonic seconds, aware UTC wall time and the boot id.

The only module that may ask the operating system for the time; everything else is handed a Clock.
"""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

_KERNEL_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """What a program may know about time."""

    @property
    def boot_id(self) -> str:
        """Identify this boot of the machine; monotonic values of two boots never compare."""

    def monotonic_s(self) -> float:
        """Return seconds that never go backwards within one boot."""

    def wall(self) -> datetime:
        """Return the wall time, aware UTC; it may jump."""


class SystemClock:
    """The clock of a real machine."""

    def __init__(self) -> None:
        """Read the kernel's boot id once; without one (containers) the start time stands in."""
        try:
            self.boot_id = _KERNEL_BOOT_ID.read_text().strip()
        except OSError:
            self.boot_id = f"start-{time.time_ns()}"

    def monotonic_s(self) -> float:
        """Return `CLOCK_MONOTONIC` in seconds, the clock asyncio sleeps by."""
        return time.monotonic()

    def wall(self) -> datetime:
        """Return the system's wall time in UTC."""
        return datetime.now(UTC)


def to_ms(moment: datetime) -> int:
    """Return whole milliseconds since 1970-01-01T00:00Z; `moment` must be aware."""
    if moment.tzinfo is None:
        raise ValueError("a naive datetime has no place here: give it a time zone")
    return round(moment.timestamp() * 1000)


def from_ms(milliseconds: int) -> datetime:
    """Return the aware UTC moment of milliseconds since 1970-01-01T00:00Z."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
