"""What relay boards that time their own pulse have in common: the pulse, and what a board can be told of it."""

from dataclasses import dataclass

from firmware_protocols.errors import RangeError


@dataclass(frozen=True, slots=True)
class Pulse:
    """A relay that the board itself switches on and, `ms` later, off."""

    channel: int
    ms: int


def whole_ticks(ms: int, tick_ms: int, most: int) -> int:
    """Return how many ticks `ms` milliseconds are; RangeError unless they are 1..`most` whole ones."""
    ticks, remainder = divmod(ms, tick_ms)
    if remainder or not 1 <= ticks <= most:
        raise RangeError(
            f"a pulse of {ms} ms is not a whole number of 1..{most} ticks of {tick_ms} ms"
        )
    return ticks


def known_channel(channel: int, channels: int) -> int:
    """Return `channel`; RangeError unless a board of so many channels has it."""
    if not 0 <= channel < channels:
        raise RangeError(f"channel {channel} is not in 0..{channels - 1}")
    return channel
