"""SQL of commands."""

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.stations.models import command


@dataclass(frozen=True, slots=True)
class CommandRecord:
    """One row of `station_command`."""

    command_id: str
    station_id: str
    kind: str
    compartment: str
    reason: str
    issued_by: str
    issued_at_ms: int
    expires_at_ms: int
    state: str
    detail: str
    state_at_ms: int
    op: int


def insert_command(connection: Connection, record: CommandRecord) -> None:
    """Write a new command."""
    columns = {column.name: getattr(record, column.name) for column in command.columns}
    connection.execute(command.insert().values(**columns))


def set_state(
    connection: Connection, command_id: str, *, state: str, detail: str, at_ms: int
) -> None:
    """Write what became of a command."""
    connection.execute(
        command.update()
        .where(command.c.command_id == command_id)
        .values(state=state, detail=detail, state_at_ms=at_ms)
    )


def doors_asked_since(
    connection: Connection, issued_by: str, since_ms: int
) -> set[tuple[str, str]]:
    """Return (station, door) of every command of this person that went to a station since the moment."""
    rows = connection.execute(
        sa.select(command.c.station_id, command.c.compartment).where(
            command.c.issued_by == issued_by, command.c.issued_at_ms > since_ms, command.c.op > 0
        )
    )
    return {(station_id, label) for station_id, label in rows}


def release(connection: Connection, record: CommandRecord) -> None:
    """Write that a held command goes to its station now."""
    connection.execute(
        command.update()
        .where(command.c.command_id == record.command_id)
        .values(
            issued_at_ms=record.issued_at_ms, expires_at_ms=record.expires_at_ms,
            state=record.state, detail=record.detail, state_at_ms=record.state_at_ms, op=record.op,
        )
    )  # fmt: skip


def one_command(connection: Connection, command_id: str) -> CommandRecord | None:
    """Return a command."""
    row = connection.execute(sa.select(command).where(command.c.command_id == command_id)).first()
    return None if row is None else CommandRecord(*row)


def commands_of(connection: Connection, station_id: str, limit: int) -> list[CommandRecord]:
    """Return the station's newest commands, newest first."""
    rows = connection.execute(
        sa.select(command)
        .where(command.c.station_id == station_id)
        .order_by(command.c.issued_at_ms.desc(), command.c.command_id.desc())
        .limit(limit)
    )
    return [CommandRecord(*row) for row in rows]


def overdue(
    connection: Connection, states: Collection[str], expired_before_ms: int
) -> list[CommandRecord]:
    """Return commands in one of `states` that expired before the moment."""
    rows = connection.execute(
        sa.select(command)
        .where(command.c.state.in_(states), command.c.expires_at_ms <= expired_before_ms)
        .order_by(command.c.command_id)
    )
    return [CommandRecord(*row) for row in rows]
