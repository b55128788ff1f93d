"""What the hub sends: floods, every door, replays, times that cannot be, unknown kinds, rows that raise budgets."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from common.contract.replica import CommandRow, OpenDoorArgs
from common.contract.signing import command_message
from common.kit.clock import to_ms
from common.kit.identity import new_private_key, sign
from linli.drill.evilhub.hub import EvilHub
from linli.drill.lone import STATION_ID, LoneStation

FLOOD = 150
UNKNOWN_KINDS = ("open_all", "open_doors", "firmware", "update", "shell", "set_budget", "unlock")
TABLES = ("budget", "opening_spent", "limiter", "config", "firmware", "command_run")
GARBAGE = (
    "",
    "{",
    "null",
    "[]",
    '{"command_id":1}',
    '{"kind":"open_door"}',
    '"' + "x" * 5000 + '"',
)


@dataclass(slots=True)
class Malice:
    """One hub's bag of tricks; what it sent is remembered by what may come of it."""

    hub: EvilHub
    station: LoneStation
    draw: random.Random
    never: dict[str, str] = field(default_factory=dict)
    """Command id → why it must open nothing."""
    sent: list[CommandRow] = field(default_factory=list)
    nonces: dict[str, str] = field(default_factory=dict)
    """Command id → nonce."""

    def tricks(self) -> tuple[Callable[[], None], ...]:
        """Return every trick."""
        return (
            self.flood, self.every_door, self.replay, self.times, self.stale, self.foreign_key,
            self.unknown_kinds, self.raise_budgets, self.garbage, self.all_at_once,
        )  # fmt: skip

    def flood(self) -> None:
        """Ask for more than anybody could want."""
        for _ in range(FLOOD):
            self._command(self.draw.choice(self._doors()))

    def every_door(self) -> None:
        """Ask for each door once."""
        for label in self._doors():
            self._command(label)

    def replay(self) -> None:
        """Say old commands again: the same row, its nonce under a new id, and after taking it out."""
        for row in self.draw.sample(self.sent, min(20, len(self.sent))):
            self._say(row)
            self._command(row.args.compartment, nonce=row.nonce)
            self.hub.say("command", row.command_id, None)
            self._say(row)

    def times(self) -> None:
        """Let commands live for years, or come from the future."""
        now_ms = self._station_ms()
        for label in self._doors():
            self._command(label, expires_at_ms=now_ms + 10**12)
            self._command(label, issued_at_ms=now_ms + 590_000, expires_at_ms=now_ms + 10**12)

    def stale(self) -> None:
        """Send commands that are older than any may be, and say that they hold for years."""
        now_ms = self._station_ms()
        for label in self._doors():
            old = self._command(
                label, issued_at_ms=now_ms - 3_600_000 * 30, expires_at_ms=now_ms + 10**12
            )
            self.never[old.command_id] = "a command issued thirty hours ago"

    def foreign_key(self) -> None:
        """Sign with a key of its own making."""
        key = new_private_key(self.station.chance)
        for label in self._doors():
            row = self._command(label, key=key)
            self.never[row.command_id] = "a command signed by a foreign key"

    def unknown_kinds(self) -> None:
        """Ask for acts that no station knows."""
        for kind in UNKNOWN_KINDS:
            for door in ("*", "ALL", "A01"):
                row = self._signed(door if door != "*" else "ALL")
                body = row.model_dump(mode="json") | {"kind": kind}
                body["args"] |= {"compartment": door, "compartments": self._doors(), "all": True}
                self.never[row.command_id] = f"a {kind} command"
                self.hub.say("command", row.command_id, json.dumps(body))

    def raise_budgets(self) -> None:
        """Write rows into tables that are no business of a hub."""
        for table in TABLES:
            body = {
                "name": "remote",
                "at_s": 0,
                "count": 10**9,
                "per_minute": 10**9,
                "doors": 10**6,
            }
            self.hub.say(table, "remote", json.dumps(body))

    def garbage(self) -> None:
        """Send rows that are no rows."""
        for number, body in enumerate(GARBAGE):
            self.hub.say("command", f"garbage-{number}", body)
            self.hub.say("grant", f"garbage-{number}", body)

    def all_at_once(self) -> None:
        """Flood behind a flood of other rows."""
        for number in range(500):
            self.hub.say("parcel", f"p{number}", json.dumps({"parcel_id": f"p{number}"}))
        self.flood()

    def _station_ms(self) -> int:
        """Return the time as the station has it: hello tells the hub, so its commands are always fresh."""
        return to_ms(self.station.edge.clock.wall())

    def _doors(self) -> list[str]:
        return [part.label for part in self.station.config.compartment]

    def _command(self, label: str, *, key: bytes | None = None, **changes: object) -> CommandRow:
        row = self._signed(label, key=key, **changes)
        self._say(row)
        self.sent.append(row)
        return row

    def _signed(self, label: str, *, key: bytes | None = None, **changes: object) -> CommandRow:
        now_ms, station = self._station_ms(), self.station
        fields: dict[str, object] = {
            "command_id": station.id(), "kind": "open_door", "issued_by": "evil",
            "args": OpenDoorArgs(compartment=label, reason="because I can"),
            "issued_at_ms": now_ms, "expires_at_ms": now_ms + 60_000,
            "nonce": station.chance.secure.token_bytes(16).hex(), "signature": "",
        }  # fmt: skip
        row = CommandRow.model_validate(fields | changes)
        signature = sign(key or station.command_key, command_message(row, station_id=STATION_ID))
        self.nonces[row.command_id] = row.nonce
        return row.model_copy(update={"signature": signature.hex()})

    def _say(self, row: CommandRow) -> None:
        self.hub.say("command", row.command_id, row.model_dump_json())
