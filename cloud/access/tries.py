"""Wrong passwords cost a growing wait: a few tries are free, then each one blocks the login for longer."""

from sqlalchemy.engine import Connection

from cloud.access import store

_FIRST_BLOCK_MS = 30_000
_LONGEST_BLOCK_MS = 3_600_000


def take_tx(conn: Connection, key: bytes, now_ms: int, free_tries: int) -> int:
    """Count the try as failed before it is checked; return the wait (ms) if none is left, else 0."""
    failures, blocked_until_ms = store.failures_of(conn, key)
    wait_ms = blocked_until_ms - now_ms
    if wait_ms > _LONGEST_BLOCK_MS:  # the wall clock was put back
        wait_ms = _LONGEST_BLOCK_MS
        store.put_failures(conn, key, failures, now_ms + wait_ms, now_ms)
    if wait_ms > 0:
        return wait_ms
    over = failures + 1 - free_tries
    block_ms = min(_FIRST_BLOCK_MS << min(over, 10), _LONGEST_BLOCK_MS) if over >= 0 else 0
    store.put_failures(conn, key, failures + 1, now_ms + block_ms, now_ms)
    return 0
