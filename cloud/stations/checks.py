"""What must hold among stations, grants and commands at any moment (reference domain D18-5)."""

from collections import Counter

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.stations.grants import CHILDREN_MAX
from cloud.stations.machine import FINAL_COMMANDS, LIVE_GRANTS
from cloud.stations.models import RevokeState, command, compartment, grant, keeper, station
from common.contract.words import CommandState


def violations(connection: Connection) -> list[str]:
    """Return one sentence per broken rule; empty when all is well."""
    return [
        *_kept_codes(connection),
        *_revoke_without_op(connection),
        *_parcel_in_two_places(connection),
        *_orphans(connection),
        *_open_commands_with_an_end(connection),
        *_given_away(connection),
    ]


def _kept_codes(connection: Connection) -> list[str]:
    live = sorted(state.value for state in LIVE_GRANTS)
    rows = connection.execute(
        sa.select(grant.c.grant_id, grant.c.state)
        .where(grant.c.digits_sealed.is_not(None), grant.c.state.not_in(live))
        .order_by(grant.c.grant_id)
    )
    return [f"stations: grant {one} is {state} and its digits are kept" for one, state in rows]


def _revoke_without_op(connection: Connection) -> list[str]:
    wished = grant.c.revoke_state != RevokeState.NONE.value
    rows = connection.execute(
        sa.select(grant.c.grant_id)
        .where(wished != grant.c.revoke_op.is_not(None))
        .order_by(grant.c.grant_id)
    )
    return [f"stations: grant {one}: wish to revoke and its op disagree" for (one,) in rows]


def _parcel_in_two_places(connection: Connection) -> list[str]:
    count = sa.func.count()
    rows = connection.execute(
        sa.select(compartment.c.parcel_id, count)
        .where(compartment.c.parcel_id.is_not(None))
        .group_by(compartment.c.parcel_id)
        .having(count > 1)
    )
    return [f"stations: parcel {one} lies in {number} compartments" for one, number in rows]


def _orphans(connection: Connection) -> list[str]:
    found = []
    for table in (compartment, keeper, grant, command):
        rows = connection.execute(
            sa.select(table.c.station_id)
            .where(table.c.station_id.not_in(sa.select(station.c.station_id)))
            .distinct()
            .order_by(table.c.station_id)
        )
        found += [f"stations: {table.name} of a station nobody made: {one}" for (one,) in rows]
    return found


def _open_commands_with_an_end(connection: Connection) -> list[str]:
    known = sorted(state.value for state in CommandState)
    rows = connection.execute(
        sa.select(command.c.command_id, command.c.state)
        .where(command.c.state.not_in(known) | (command.c.expires_at_ms <= command.c.issued_at_ms))
        .order_by(command.c.command_id)
    )
    ends = ", ".join(sorted(FINAL_COMMANDS))
    return [f"stations: command {one} ({state}) never ends in {ends}" for one, state in rows]


def _given_away(connection: Connection) -> list[str]:
    """A child is over parcels of its parent, of the same order; it outlives it in no way, and few live at a time."""
    parent = grant.alias("parent")
    rows = connection.execute(
        sa.select(grant, parent.c.order_id.label("own_order"), parent.c.parcel_ids.label("own"),
                  parent.c.not_after_ms.label("end_ms"), parent.c.revoke_state.label("wish"))
        .join(parent, parent.c.grant_id == grant.c.parent_id)
        .order_by(grant.c.grant_id)
    ).all()  # fmt: skip
    live = Counter(row.parent_id for row in rows if row.state in LIVE_GRANTS)
    found = [
        f"stations: grant {one}: {number} live ones are given away from it"
        for one, number in sorted(live.items())
        if number > CHILDREN_MAX
    ]
    for row in rows:
        if row.own_order != row.order_id or not set(row.parcel_ids) <= set(row.own):
            found.append(f"stations: grant {row.grant_id} is for what its parent is not for")
        if row.not_after_ms > row.end_ms:
            found.append(f"stations: grant {row.grant_id} ends after its parent")
        none = RevokeState.NONE.value
        if row.wish != none and row.revoke_state == none and row.state in LIVE_GRANTS:
            found.append(f"stations: grant {row.grant_id} lives on though its parent is revoked")
    return found
