"""Commands of the hub: signature, expiry, nonce and budget are checked before a door moves; each step is reported."""

import asyncio
import sqlite3

from common.contract.base import Message
from common.contract.events import CommandResult
from common.contract.replica import CommandRow
from common.contract.signing import command_message
from common.contract.words import ActorKind, CommandState, DoorState, Purpose
from common.kit.clock import Clock, to_ms
from common.kit.errors import LinliError
from common.kit.failpoints import fp
from common.kit.identity import StationSecrets, verify
from common.kit.sqlite import Db
from edge.access.budget import RemoteBudget
from edge.doors import DoorChange, Doors, DoorWish, OpenRequest
from edge.sync import fence
from edge.sync.outbox import Outbox
from edge.sync.replica import ReplicaTable

LIFE_MAX_MS = 10 * 60 * 1000
"""A signature older than this opens nothing, whatever expiry the hub wrote (compile-time ceiling)."""
AHEAD_MAX_MS = LIFE_MAX_MS
"""A command issued further in the station's future shows that this clock is behind: its expiry cannot be judged."""
DDL = (
    # Outlives the replica: a command or nonce that came back with a resnapshot is not new.
    """CREATE TABLE command_run (
        command_id TEXT PRIMARY KEY, nonce TEXT NOT NULL UNIQUE, state TEXT NOT NULL,
        open_request_id TEXT UNIQUE, at_ms INTEGER NOT NULL)""",
)
_REPLICA_DDL = ("CREATE TABLE replica_command (command_id TEXT PRIMARY KEY, body TEXT NOT NULL)",)
_BUDGET = "remote"
_ENDS = {
    DoorState.OPEN: CommandState.SUCCEEDED,
    DoorState.FAILED_OPEN: CommandState.FAILED,
    DoorState.BUS_DOWN: CommandState.FAILED,
    DoorState.EXPIRED: CommandState.EXPIRED,
    DoorState.INDETERMINATE: CommandState.UNKNOWN,
}


def _put_command(conn: sqlite3.Connection, row: Message) -> None:
    assert isinstance(row, CommandRow)
    conn.execute(
        "INSERT OR REPLACE INTO replica_command VALUES (?, ?)",
        (row.command_id, row.model_dump_json()),
    )


def _delete_command(conn: sqlite3.Connection, key: str) -> None:
    conn.execute("DELETE FROM replica_command WHERE command_id = ?", (key,))


COMMAND_TABLE = ReplicaTable("command", _REPLICA_DDL, _put_command, _delete_command)


class _Refusal(Exception):
    def __init__(self, state: CommandState, detail: str) -> None:
        super().__init__(detail)
        self.state, self.detail = state, detail


class Commands:
    """Carries out what the hub asks for, once."""

    def __init__(
        self,
        secrets: StationSecrets,
        clock: Clock,
        db: Db,
        doors: Doors,
        budget: RemoteBudget,
        outbox: Outbox,
    ) -> None:
        """Tell doors to let this room know of every transition."""
        self._secrets, self._clock, self._db = secrets, clock, db
        self._doors, self._budget, self._outbox = doors, budget, outbox
        self._news = asyncio.Event()
        doors.on_change_tx.append(self.on_door_tx)
        doors.judges.append(self.holds_tx)

    def wake(self) -> None:
        """Look for new commands soon: for `Replica.on_applied`."""
        self._news.set()

    async def start(self) -> None:
        """Settle commands of the last run that no door will settle; `doors.start()` comes first."""
        await self._db.write(self.recover_tx)

    async def run(self) -> None:
        """Take up commands as they come, until cancelled."""
        while True:
            self._news.clear()
            await self._db.write(self.take_up_tx)
            fp("access.commands_committed")
            self._doors.kick()
            await self._news.wait()

    def take_up_tx(self, conn: sqlite3.Connection) -> None:
        """Check every command not seen before, in the order they came, and start those that hold; none while fenced."""
        if fence.why_tx(conn):
            return
        rows = conn.execute(
            "SELECT r.body FROM replica_command r LEFT JOIN command_run USING (command_id)"
            " WHERE command_run.command_id IS NULL ORDER BY r.rowid"
        ).fetchall()
        for row in rows:
            self._take_up_tx(conn, CommandRow.model_validate_json(row["body"]))

    def recover_tx(self, conn: sqlite3.Connection) -> None:
        """Call UNKNOWN what was started and has no live request any more."""
        live = {view.open_request_id for view in self._doors.view().values()}
        rows = conn.execute(
            "SELECT command_id, open_request_id FROM command_run WHERE state = 'started'"
        ).fetchall()
        for row in rows:
            if row["open_request_id"] not in live:
                self._move_tx(conn, row["command_id"], CommandState.UNKNOWN, "restarted meanwhile")

    def holds_tx(self, conn: sqlite3.Connection, request: OpenRequest) -> bool:
        """Return whether a remote opening that waited for its turn still holds: in time, not fenced, not taken back."""
        if request.wish.purpose is not Purpose.REMOTE:
            return True
        row = conn.execute(
            "SELECT r.body FROM command_run JOIN replica_command r USING (command_id) WHERE open_request_id = ?",
            (request.open_request_id,),
        ).fetchone()
        if row is None or fence.why_tx(conn):
            return False
        return to_ms(self._clock.wall()) < _ends_ms(CommandRow.model_validate_json(row["body"]))

    def on_door_tx(self, conn: sqlite3.Connection, change: DoorChange) -> None:
        """Report the outcome in the commit that stores what the door did."""
        if change.state not in _ENDS:
            return
        row = conn.execute(
            "SELECT command_id, state FROM command_run WHERE open_request_id = ?",
            (change.open_request_id,),
        ).fetchone()
        # FAILED and UNKNOWN may still turn out well: the bolt gave way late. SUCCEEDED is final.
        if row is not None and row["state"] != CommandState.SUCCEEDED:
            self._move_tx(conn, row["command_id"], _ENDS[change.state], change.state.value)

    def _take_up_tx(self, conn: sqlite3.Connection, command: CommandRow) -> None:
        now_ms = to_ms(self._clock.wall())
        fresh = conn.execute(
            "INSERT INTO command_run VALUES (?, ?, 'delivered', NULL, ?) ON CONFLICT (nonce) DO NOTHING",
            (command.command_id, command.nonce, now_ms),
        )
        if fresh.rowcount != 1:  # the nonce of another command: a replay, kept under its own id
            conn.execute(
                "INSERT INTO command_run VALUES (?, ?, 'failed', NULL, ?)",
                (command.command_id, f"replay|{command.command_id}", now_ms),
            )
            self._move_tx(conn, command.command_id, CommandState.FAILED, "nonce used before")
            return
        self._move_tx(conn, command.command_id, CommandState.DELIVERED, "")
        try:
            self._start_tx(conn, command, now_ms)
        except _Refusal as refusal:
            self._move_tx(conn, command.command_id, refusal.state, refusal.detail)
        except LinliError as error:
            self._move_tx(conn, command.command_id, CommandState.FAILED, error.key)

    def _start_tx(self, conn: sqlite3.Connection, command: CommandRow, now_ms: int) -> None:
        message = command_message(command, station_id=self._secrets.station_id)
        if not verify(self._secrets.hub_command_key, message, bytes.fromhex(command.signature)):
            raise _Refusal(CommandState.FAILED, "signature does not hold")
        if command.issued_at_ms > now_ms + AHEAD_MAX_MS:
            ahead_s = (command.issued_at_ms - now_ms) // 1000
            raise _Refusal(
                CommandState.FAILED, f"issued {ahead_s} s ahead, the station's clock is not trusted"
            )
        if now_ms >= _ends_ms(command):
            raise _Refusal(CommandState.EXPIRED, "came too late")
        if wait_s := self._budget.spend_tx(conn, _BUDGET):
            raise _Refusal(CommandState.FAILED, f"remote budget spent, wait {wait_s} s")
        wish = DoorWish(
            compartment=command.args.compartment,
            actor_kind=ActorKind.OPERATOR,
            actor_id=command.issued_by,
            purpose=Purpose.REMOTE,
            reason=command.args.reason,
            grant_id=None,
        )
        open_request_id = self._doors.request_tx(conn, wish)
        conn.execute(
            "UPDATE command_run SET open_request_id = ? WHERE command_id = ?",
            (open_request_id, command.command_id),
        )
        self._move_tx(conn, command.command_id, CommandState.STARTED, "")

    def _move_tx(
        self, conn: sqlite3.Connection, command_id: str, state: CommandState, detail: str
    ) -> None:
        conn.execute("UPDATE command_run SET state = ? WHERE command_id = ?", (state, command_id))
        body = CommandResult.model_validate(
            {"command_id": command_id, "state": state, "detail": detail}
        )
        self._outbox.append_tx(conn, body, occurred_at=self._clock.wall())


def _ends_ms(command: CommandRow) -> int:
    return min(command.expires_at_ms, command.issued_at_ms + LIFE_MAX_MS)
