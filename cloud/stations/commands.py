"""Commands: one door opened from afar, signed, with a reason and a short life; the station has the last word."""

from sqlalchemy.engine import Connection

from cloud.stations.kit import StationKit
from cloud.stations.machine import FINAL_COMMANDS, next_command_state
from cloud.stations.store import commands, sites
from cloud.stations.store.commands import CommandRecord
from cloud.stations.views import CommandView, command_view
from common.contract.replica import CommandRow, OpenDoorArgs
from common.contract.signing import command_message
from common.contract.words import CommandState
from common.kit.errors import NotFoundError
from common.kit.failpoints import fp
from common.kit.identity import sign

EXPIRES_S = 60
ANSWER_GRACE_S = 300
"""How long after its end a delivered command may stay without an answer before it is called unknown."""
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

        NotFoundError for a station or compartment the hub does not know.
        """
        now_ms = self._kit.now_ms()
        row = self._signed(
            station_id,
            CommandRow(
                command_id=self._kit.new_id(),
                kind="open_door",
                args=OpenDoorArgs(compartment=label, reason=reason),
                issued_by=issued_by[:80],
                issued_at_ms=now_ms,
                expires_at_ms=now_ms + expires_in_s * 1000,
                nonce=self._kit.chance.secure.token_bytes(_NONCE_BYTES).hex(),
                signature="",
            ),
        )
        return await self._kit.db.write(lambda c: self._issue_tx(c, station_id, row))

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
        command_id: str,
        report: CommandState,
        *,
        detail: str,
        at_ms: int,
    ) -> bool:
        """Let the station's word (or the sweep) move a command; False for one the hub never gave."""
        record = commands.one_command(connection, command_id)
        if record is None:
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
        never = commands.overdue(connection, (CommandState.QUEUED.value,), now_ms)
        started = (CommandState.DELIVERED.value, CommandState.STARTED.value)
        silent = commands.overdue(connection, started, now_ms - ANSWER_GRACE_S * 1000)
        for records, end in ((never, CommandState.EXPIRED), (silent, CommandState.UNKNOWN)):
            for record in records:
                self.report_tx(connection, record.command_id, end, detail="", at_ms=now_ms)
        return len(never) + len(silent)

    def _signed(self, station_id: str, row: CommandRow) -> CommandRow:
        message = command_message(row, station_id=station_id)
        signature = sign(self._kit.secrets.command_key, message)
        return row.model_copy(update={"signature": signature.hex()})

    def _issue_tx(self, connection: Connection, station_id: str, row: CommandRow) -> CommandView:
        self._kit.station_tx(connection, station_id)
        label = row.args.compartment
        if sites.one_compartment(connection, station_id, label) is None:
            raise NotFoundError(
                "compartment.not_found", "the station has no such compartment", label=label
            )
        op = self._kit.gateway.put_row_tx(connection, station_id, "command", row)
        record = CommandRecord(
            command_id=row.command_id,
            station_id=station_id,
            kind=row.kind,
            compartment=label,
            reason=row.args.reason,
            issued_by=row.issued_by,
            issued_at_ms=row.issued_at_ms,
            expires_at_ms=row.expires_at_ms,
            state=CommandState.QUEUED.value,
            detail="",
            state_at_ms=row.issued_at_ms,
            op=op,
        )
        commands.insert_command(connection, record)
        about = f"{station_id}/{label}: {row.args.reason}"
        self._kit.audit_tx(connection, who=row.issued_by, what="door.command", about=about)
        fp("stations.command_issued")
        return command_view(record)
