"""How long a coil must still rest: a latch solenoid that is pulsed too often burns (reference hardware C.2).

Pure; the pulses come from their rows, so a restart cannot hand out fresh ones.
"""

from collections.abc import Sequence

WINDOW_S = 60.0


def wait_s(
    ages_s: Sequence[float], *, max_per_min: int, cool_down_s: float, between_s: float = 0.0
) -> float:
    """Return the seconds until the next pulse is allowed, 0: now. `ages_s`: the last pulses, newest first.

    When `max_per_min` pulses fell into one minute, the coil rests `cool_down_s` from the last of them, and never
    gets more than `max_per_min` in any minute. From one pulse to the next it is always `between_s`.
    """
    last = ages_s[:max_per_min]
    soonest_s = max(0.0, between_s - last[0]) if last else 0.0
    if len(last) < max_per_min or last[-1] - last[0] >= WINDOW_S:
        return soonest_s
    return max(soonest_s, cool_down_s - last[0], WINDOW_S - last[-1])


def age_s(
    pulse: tuple[str, int, int], *, boot_id: str, mono_ms: int, wall_ms: int, up_ms: int
) -> float:
    """Return how long ago a pulse row (boot, monotonic, wall) was, in seconds.

    Within one boot the monotonic clock says it. Across boots only the wall can; should it have jumped back, the
    pulse is at least as old as this process, which runs `up_ms`.
    """
    pulse_boot, pulse_mono_ms, pulse_wall_ms = pulse
    if pulse_boot == boot_id:
        return max(0, mono_ms - pulse_mono_ms) / 1000
    return max(up_ms, wall_ms - pulse_wall_ms) / 1000
