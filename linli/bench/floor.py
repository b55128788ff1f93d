"""The floor of a pickup: one bare indexed look-up, one FULL commit, one raw write to a pty; nothing of ours."""

import os
import secrets
import sqlite3
import time
import tty
from pathlib import Path

from linli.bench.wire import PULSE_BYTES


class Floor:
    """A database file beside the daemon's and a pty that nobody paces."""

    def __init__(self, path: Path, rows: int) -> None:
        """Make the file with `rows` random tags, as many as the replica has."""
        self._conn = sqlite3.connect(path, isolation_level=None)
        self._conn.execute("PRAGMA journal_mode=WAL")
        self._conn.execute("PRAGMA synchronous=FULL")
        self._conn.execute("CREATE TABLE floor (id INTEGER PRIMARY KEY, tag BLOB, used INTEGER)")
        self._conn.execute("BEGIN")
        self._tags = [secrets.token_bytes(16) for _ in range(rows)]
        self._conn.executemany(
            "INSERT INTO floor (tag, used) VALUES (?, 0)", ((t,) for t in self._tags)
        )
        self._conn.execute("COMMIT")
        self._conn.execute("CREATE INDEX floor_tag ON floor (tag)")
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        self._next = 0

    def once(self) -> tuple[float, float]:
        """Do it once; return (wall seconds, CPU seconds)."""
        tag = self._tags[self._next % len(self._tags)]
        self._next += 1
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        self._conn.execute("BEGIN IMMEDIATE")
        (found,) = self._conn.execute("SELECT id FROM floor WHERE tag = ?", (tag,)).fetchone()
        self._conn.execute("UPDATE floor SET used = 1 WHERE id = ?", (found,))
        self._conn.execute("COMMIT")
        os.write(self._theirs, bytes(PULSE_BYTES[0]))
        took = time.perf_counter() - wall_s, time.process_time() - cpu_s
        os.read(self._ours, PULSE_BYTES[0])
        return took

    def close(self) -> None:
        """Let go of file and pty."""
        self._conn.close()
        os.close(self._ours)
        os.close(self._theirs)
