"""Memory that was freed goes back to the system: a daemon that runs for months keeps only what it uses.

glibc raises its mmap threshold at the first large free; from then on Argon2's 19 MiB stay resident for ever.
"""

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # <malloc.h>
_BLOCK_BYTES = 128 * 1024  # glibc's own first values, now fixed


def keep_small() -> bool:
    """Fix the thresholds and share one arena among threads; False where the C library is not glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = (
        (_TRIM_THRESHOLD, _BLOCK_BYTES),
        (_MMAP_THRESHOLD, _BLOCK_BYTES),
        (_ARENA_MAX, 1),
    )
    return all(mallopt(name, value) for name, value in settings)
