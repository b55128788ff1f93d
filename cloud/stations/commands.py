"""Commands: one door opened from afar, signed, with a reason and a short life; the station has the last word.

More than one door within ten minutes takes two persons: the second one confirms what the first has asked for.
"""

from dataclasses import replace

from sqlalchemy.engine import Connection

from cloud.stations.kit import StationKit
from cloud.stations.machine import FINAL_COMMANDS, next_command_state
from cloud.stations.store import commands, sites
from cloud.stations.store.commands import CommandRecord
from cloud.stations.views import CommandView, command_view
from common.contract.replica import CommandRow, OpenDoorArgs
from common.contract.signing import command_message
from common.contract.words import CommandState
from common.kit.errors import ConflictError, NotFoundError, RefusedError
from common.kit.failpoints import fp
from common.kit.identity import sign

EXPIRES_S = 60
ANSWER_GRACE_S = 300
"""How long after its end a delivered command may stay without an answer before it is called unknown."""
TWO_PERSONS_WITHIN_S = 600
"""More than one door within this time needs a second person (reference C.9)."""
HELD_S = 600
"""How long a held command waits for the second person."""
_NONCE_BYTES = 16


class Commands:
    """Use cases about commands."""

    def __init__(self, kit: StationKit) -> None:
        """Work with the room's kit."""
        self._kit = kit

    async def open_door(
        self,
        station_id: str,
        *,
        label: str,
        reason: str,
        issued_by: str,
        expires_in_s: int = EXPIRES_S,
    ) -> CommandView:
        """Ask the station to open one door; it refuses what is expired, replayed or beyond its own budget.

        A person who has asked for another door within ten minutes is *held* until somebody else confirms.
        NotFoundError for a station or compartment the hub does not know.
        """
        row = self._drawn(label, reason, issued_by[:80], expires_in_s)
        return await self._kit.db.write(lambda c: self._issue_tx(c, station_id, row))

    async def confirm(self, command_id: str, by: str) -> CommandView:
        """Let a held command go to its station, in the name of both persons.

        Errors: NotFoundError, ConflictError `command.not_held`, RefusedError `command.same_person`.
        """
        return await self._kit.db.write(lambda c: self._confirm_tx(c, command_id, by))

    async def view(self, command_id: str) -> CommandView:
        """Return a command; NotFoundError."""

        def read(connection: Connection) -> CommandView:
            record = commands.one_command(connection, command_id)
            if record is None:
                raise NotFoundError("command.not_found", "there is no such command")
            return command_view(record)

        return await self._kit.db.read(read)

    def report_tx(
        self,
        connection: Connection,
        station_id: str,
        command_id: str,
        report: CommandState,
        *,
        detail: str,
        at_ms: int,
    ) -> bool:
        """Let the station's word (or the sweep) move a command; False for one the hub never gave it."""
        record = commands.one_command(connection, command_id)
        if record is None:
            return False
        about = f"command {command_id}"
        if not self._kit.is_own_tx(connection, station_id, record.station_id, about):
            return False
        state = next_command_state(CommandState(record.state), report)
        if state.value != record.state:
            commands.set_state(
                connection, command_id, state=state.value, detail=detail[:400], at_ms=at_ms
            )
        if state in FINAL_COMMANDS:
            gateway = self._kit.gateway
            gateway.delete_row_tx(connection, record.station_id, "command", command_id)
        fp("stations.command_reported")
        return True

    def sweep_tx(self, connection: Connection, now_ms: int) -> int:
        """Expire what was never delivered in time; call unknown what was delivered and never answered."""
        unsent = (CommandState.QUEUED.value, CommandState.HELD.value)
        never = commands.overdue(connection, unsent, now_ms)
        started = (CommandState.DELIVERED.value, CommandState.STARTED.value)
        silent = commands.overdue(connection, started, now_ms - ANSWER_GRACE_S * 1000)
        for records, end in ((never, CommandState.EXPIRED), (silent, CommandState.UNKNOWN)):
            for record in records:
                self.report_tx(
                    connection, record.station_id, record.command_id, end, detail="", at_ms=now_ms
                )
        return len(never) + len(silent)

    def _drawn(self, label: str, reason: str, issued_by: str, expires_in_s: int) -> CommandRow:
        now_ms = self._kit.now_ms()
        return CommandRow(
            command_id=self._kit.new_id(),
            kind="open_door",
            args=OpenDoorArgs(compartment=label, reason=reason),
            issued_by=issued_by,
            issued_at_ms=now_ms,
            expires_at_ms=now_ms + expires_in_s * 1000,
            nonce=self._kit.chance.secure.token_bytes(_NONCE_BYTES).hex(),
            signature="",
        )

    def _send_tx(self, connection: Connection, station_id: str, row: CommandRow) -> int:
        """Sign it and put it into the station's feed; return the op."""
        message = command_message(row, station_id=station_id)
        signature = sign(self._kit.secrets.command_key, message)
        signed = row.model_copy(update={"signature": signature.hex()})
        return self._kit.gateway.put_row_tx(connection, station_id, "command", signed)

    def _issue_tx(self, connection: Connection, station_id: str, row: CommandRow) -> CommandView:
        self._kit.station_tx(connection, station_id)
        label = row.args.compartment
        if sites.one_compartment(connection, station_id, label) is None:
            raise NotFoundError(
                "compartment.not_found", "the station has no such compartment", label=label
            )
        since_ms = row.issued_at_ms - TWO_PERSONS_WITHIN_S * 1000
        asked = commands.doors_asked_since(connection, row.issued_by, since_ms)
        held = bool(asked - {(station_id, label)})
        record = CommandRecord(
            command_id=row.command_id,
            station_id=station_id,
            kind=row.kind,
            compartment=label,
            reason=row.args.reason,
            issued_by=row.issued_by,
            issued_at_ms=row.issued_at_ms,
            expires_at_ms=row.issued_at_ms + HELD_S * 1000 if held else row.expires_at_ms,
            state=(CommandState.HELD if held else CommandState.QUEUED).value,
            detail="",
            state_at_ms=row.issued_at_ms,
            op=0 if held else self._send_tx(connection, station_id, row),
        )
        commands.insert_command(connection, record)
        about = f"{station_id}/{label}: {row.args.reason}"
        what = "door.command_held" if held else "door.command"
        self._kit.audit_tx(connection, who=row.issued_by, what=what, about=about)
        fp("stations.command_issued")
        return command_view(record)

    def _confirm_tx(self, connection: Connection, command_id: str, by: str) -> CommandView:
        held = commands.one_command(connection, command_id)
        if held is None:
            raise NotFoundError("command.not_found", "there is no such command")
        if held.state != CommandState.HELD or held.expires_at_ms <= self._kit.now_ms():
            raise ConflictError("command.not_held", "the command does not wait for anybody")
        if by[:80] == held.issued_by:
            raise RefusedError("command.same_person", "another person has to confirm it")
        both = f"{held.issued_by} + {by}"[:80]
        drawn = self._drawn(held.compartment, held.reason, both, EXPIRES_S)
        row = drawn.model_copy(update={"command_id": command_id})
        record = replace(
            held,
            issued_at_ms=row.issued_at_ms,
            expires_at_ms=row.expires_at_ms,
            state=CommandState.QUEUED.value,
            detail=f"confirmed by {by}"[:400],
            state_at_ms=row.issued_at_ms,
            op=self._send_tx(connection, held.station_id, row),
        )
        commands.release(connection, record)
        about = f"{held.station_id}/{held.compartment}: {held.reason}"
        self._kit.audit_tx(connection, who=by, what="door.command_confirmed", about=about)
        fp("stations.command_confirmed")
        return command_view(record)
