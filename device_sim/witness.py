"""What really happened to the doors, written by the cabinet: an independent witness.

One JSON object a line, only ever appended; nothing the daemon or the hub believes gets in here.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from device_sim.lock import Burn, Movement

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class PulseSeen:
    """A pulse that a board executed, `at_s` on the wire's clock."""

    at_s: float
    board: int
    channel: int
    ms: int


class Witness:
    """Keeps pulses and movements of this run in memory and every record in the file behind `sink`."""

    def __init__(
        self, start_s: float, start: datetime, sink: Callable[[str], None] | None = None
    ) -> None:
        """Count time from `start_s` (monotonic) = `start` (wall).

        `sink` takes one line without its end.
        """
        self.pulses: list[PulseSeen] = []
        self.movements: list[Movement] = []
        self.burns: list[Burn] = []
        self._start_s, self._start, self._sink = start_s, start, sink
        self._write("start", start_s, {})

    def clock_s(self, at_s: float) -> float:
        """Return seconds since the start, to the tenth of a millisecond."""
        return round(at_s - self._start_s, 4)

    def pulse(self, pulse: PulseSeen, frame: bytes) -> None:
        """Note a hardware-timed pulse and the frame that asked for it."""
        self.pulses.append(pulse)
        where: dict[str, Value] = {"board": pulse.board, "channel": pulse.channel}
        self._write("pulse", pulse.at_s, {**where, "ms": pulse.ms, "frame": frame.hex(" ")})

    def relay(self, at_s: float, board: int, channel: int, on: bool, frame: bytes) -> None:
        """Note a relay switched without a timer of its own."""
        self._write(
            "relay", at_s, {"board": board, "channel": channel, "on": on, "frame": frame.hex(" ")}
        )

    def physical(self, event: Movement | Burn) -> None:
        """Note a door movement or a burnt solenoid."""
        fields: dict[str, Value] = {
            "board": event.board,
            "channel": event.channel,
            "label": event.label,
        }
        if isinstance(event, Burn):
            self.burns.append(event)
            self._write("burnt", event.at_s, fields)
            return
        self.movements.append(event)
        self._write("movement", event.at_s, {**fields, "open": event.open, "cause": event.cause})

    def fault(self, at_s: float, kind: str, target: str, active: bool) -> None:
        """Note a fault laid on or taken off by a tester."""
        self._write("fault", at_s, {"kind": kind, "target": target, "active": active})

    def script(self, at_s: float, act: str, target: str) -> None:
        """Note what somebody of a scripted day does."""
        self._write("script", at_s, {"act": act, "target": target})

    def _write(self, what: str, at_s: float, fields: dict[str, Value]) -> None:
        if self._sink is None:
            return
        wall = self._start + timedelta(seconds=at_s - self._start_s)
        record = {
            "what": what,
            "at_s": self.clock_s(at_s),
            "wall": wall.isoformat(timespec="milliseconds"),
            **fields,
        }
        self._sink(json.dumps(record, ensure_ascii=False))


class WitnessFile:
    """The append-only file; a line is handed to the kernel before the board's answer leaves."""

    def __init__(self, path: Path) -> None:
        """Open (and create) the file; its folder must exist."""
        self.path = path
        # O_APPEND: two writers cannot overwrite each other. One short line goes to the page cache
        # and waits for no disk, so it is written on the loop.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK
        self._file = os.open(path, flags, 0o644)

    def __call__(self, line: str) -> None:
        """Append one line."""
        os.write(self._file, line.encode() + b"\n")

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)
