"""What `linli edge check` finds: a line, and how bad it is."""

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How bad a finding is."""

    OK = "ok"
    WRONG = "wrong"
    USAGE = "setup"
    AWAY = "away"

    @property
    def exit_code(self) -> int:
        """Return the exit code of `linli edge check` for this level."""
        return {Level.OK: 0, Level.WRONG: 1, Level.USAGE: 2, Level.AWAY: 3}[self]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line."""

    level: Level
    text: str
