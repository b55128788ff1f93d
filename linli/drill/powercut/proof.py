"""An image is opened as the daemon opens it after the cut, and must hold one of the states it may hold."""

import hashlib
import sqlite3
from enum import StrEnum
from pathlib import Path

from common.kit.sqlite import connect
from linli.drill.powercut.replay import Recording
from linli.drill.powercut.tape import Rows, dump

_FILE_FORMAT = slice(18, 20)  # 2 2 in a WAL database, which memory cannot hold


class Broken(StrEnum):
    """Which promise an image breaks."""

    CORRUPT = "corrupt"
    LOST = "lost acknowledged"
    HALF = "half-commit"


class Examiner:
    """Opens images of one recording with the real driver and judges."""

    def __init__(self, recording: Recording) -> None:
        """Judge by the states of `recording`."""
        self._recording = recording
        self._digests: dict[int, bytes] = {}
        self._sound: set[int] = set()

    def judge(self, image: Path, at: int) -> tuple[Broken, str] | None:
        """Return what is broken, with a sentence, or None; `at`: the cut's place in the log."""
        try:
            return self._look(image / self._recording.name, self._recording.allowed(at))
        except sqlite3.DatabaseError as error:
            return Broken.CORRUPT, f"the image does not open: {error}"

    def _look(self, path: Path, allowed: range) -> tuple[Broken, str] | None:
        connection = connect(path, readonly=False)
        try:
            content = connection.serialize()
            state = next((s for s in allowed if content == self._recording.content(s)), None)
            if state in self._sound:
                return None  # the same bytes were checked before
            said = [row[0] for row in connection.execute("PRAGMA integrity_check")]
            if said != ["ok"]:
                return Broken.CORRUPT, f"integrity_check: {'; '.join(said[:3])}"
            if state is None:
                return self._by_rows(_digest(dump(connection)), allowed)
            self._sound.add(state)
            return None
        finally:
            connection.close()

    def _by_rows(self, found: bytes, allowed: range) -> tuple[Broken, str] | None:
        """Other pages may be the same rows: the header of a file names the library that wrote it."""
        acknowledged = allowed.start
        for state in reversed(range(allowed.stop)):
            if found == self._state(state):
                if state in allowed or self._state(state) == self._state(acknowledged):
                    return None
                return Broken.LOST, f"state {state} is left, {acknowledged} was acknowledged"
        return (
            Broken.HALF,
            f"none of the states up to {allowed[-1]}; {acknowledged} was acknowledged",
        )

    def _state(self, state: int) -> bytes:
        if state not in self._digests:
            self._digests[state] = _digest(rows_of(self._recording.content(state)))
        return self._digests[state]


def _digest(rows: Rows) -> bytes:
    return hashlib.blake2b(repr(rows).encode()).digest()


def rows_of(content: bytes) -> Rows:
    """Return every row of a database given as its pages."""
    connection = sqlite3.connect(":memory:")
    try:
        if content:
            plain = bytearray(content)
            plain[_FILE_FORMAT] = b"\x01\x01"
            connection.deserialize(bytes(plain))
        return dump(connection)
    finally:
        connection.close()
