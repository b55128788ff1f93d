"""The reckoning when all has healed: nothing waits, nothing is lost, nothing counts twice, the cabinet is empty."""

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.orders.machine import ParcelState as HubState
from cloud.sync.models import alarm, event, quarantine
from cloud.verify import violations_tx
from common.contract.words import DoorState
from common.kit.clock import to_ms
from linli.world.clock import DAWN
from linli.world.level1.town import ADMIN_CALLER, Town
from linli.world.oracle import Order, Parcel, Place, Used

_MAY_BE: Mapping[Place, frozenset[HubState]] = {
    Place.VAN: frozenset(
        {HubState.LOCKED, HubState.PACKED, HubState.DEPARTED, HubState.ARRIVED, HubState.CANCELLED}
    ),
    Place.PERSON: frozenset({HubState.COLLECTED}),
    Place.COUNTER: frozenset({HubState.COLLECTED}),
    Place.KEEPER: frozenset({HubState.REMOVED, HubState.CANCELLED}),
    Place.DOOR: frozenset(),
}
_UNSEEN = frozenset({HubState.COLLECTED, HubState.REMOVED, HubState.CANCELLED})
_LATEST_S = 2400.0
"""An idle door is looked at each quarter of an hour, by a clock five minutes wrong, and may stand open for ten."""
_LIVE = frozenset({DoorState.QUEUED, DoorState.PULSING, DoorState.OPEN})


async def reckon(town: Town) -> None:
    """Hold the books of station and hub against each other and against the oracle's."""
    say = town.oracle.violate
    for surprise in town.station.surprises:
        say(f"the daemon ended by itself: {surprise}")
    if not town.station.up.is_set():
        say("the station does not serve")
        return
    await _queues(town)
    await _events(town)
    for order in town.oracle.orders:
        await _order(town, order)
    for label, parcel in sorted(town.oracle.inside.items()):
        say(f"{parcel.label} still lies in {label}")
    occupied = await town.station.edge.state_db.read(town.station.edge.parcels.occupied_tx)
    for label in sorted(occupied):
        say(f"the station believes that something lies in {label}")
    for sentence in town.ground.db.read_now(violations_tx):
        say(f"linli hub verify: {sentence}")


async def _queues(town: Town) -> None:
    say, edge = town.oracle.violate, town.station.edge
    backlog = await edge.outbox.count()
    for _ in range(20):  # a measurement of just now travels in the next second
        if not (backlog.facts or backlog.telemetry):
            break
        await asyncio.sleep(30.0)
        backlog = await edge.outbox.count()
    if backlog.facts or backlog.telemetry:
        say(f"{backlog.facts} facts and {backlog.telemetry} measurements were never sent")
    station_id = town.ground.paired.station.station_id
    status = town.ground.db.read_now(
        lambda conn: town.hub.rooms.gateway.station_status_tx(conn, station_id)
    )
    cursor = await edge.replica.cursor()
    if cursor.op != status.head_op or status.lag_ops:
        say(f"the replica stands at op {cursor.op}, the hub at {status.head_op}")
    for label, view in edge.doors.view().items():
        if view.state in _LIVE:
            say(f"the request of door {label} hangs in {view.state}")
    if edge.pickup.session() is not None:
        say("a session stands on the screen for ever")


async def _events(town: Town) -> None:
    """Every fact of the outbox is at the hub, byte for byte, and none besides."""
    say = town.oracle.violate
    ours = await town.station.edge.state_db.read(
        lambda conn: {
            (row["lane"], row["boot_epoch"], row["seq"]): (bytes(row["chain"]), row["body"])
            for row in conn.execute("SELECT lane, boot_epoch, seq, chain, body FROM outbox")
        }
    )
    theirs, odd = town.ground.db.read_now(_hub_events)
    for place in sorted(ours.keys() - theirs.keys()):
        say(f"the fact {place} is lost")
    for place in sorted(theirs.keys() - ours.keys()):
        say(f"the hub holds {place}, which the station never told")
    for place in sorted(ours.keys() & theirs.keys()):
        if ours[place] != theirs[place]:
            say(f"the fact {place} differs")
    for sentence in odd:
        say(sentence)
    for case in await town.hub.rooms.orders.cases():
        if case.kind == "fact_does_not_fit":
            say(f"a fact that fits nothing: {case.detail}")
    for label, at_s in await town.station.edge.state_db.read(_unexpected):
        openings = town.oracle.openings.get(label, ())
        if not any(at_s - _LATEST_S < opened_s < at_s + _LATEST_S for opened_s in openings):
            say(f"door {label} was reported open at {at_s:.0f} s and never moved")


def _unexpected(conn: sqlite3.Connection) -> list[tuple[str, float]]:
    rows = conn.execute(
        "SELECT occurred_at_ms, body FROM outbox WHERE type = 'door.unexpected'"
    ).fetchall()
    found = [(json.loads(row["body"]), row["occurred_at_ms"]) for row in rows]
    start_ms = to_ms(DAWN)
    return [(body["compartment"], (ms - start_ms) / 1000) for body, ms in found if body["open"]]


def _hub_events(conn: Connection) -> tuple[dict[Any, Any], list[str]]:
    columns = (event.c.lane, event.c.boot_epoch, event.c.seq, event.c.chain, event.c.body)
    found = {
        (row.lane, row.boot_epoch, row.seq): (bytes(row.chain), row.body)
        for row in conn.execute(sa.select(*columns))
    }
    odd = [f"quarantined: {row.type}: {row.reason}" for row in conn.execute(sa.select(quarantine))]
    rows = conn.execute(sa.select(alarm).where(alarm.c.kind.not_in(("fenced", "taken_over"))))
    return found, odd + [f"alarm {row.kind}: {row.detail}" for row in rows]


async def _order(town: Town, order: Order) -> None:
    view = await town.hub.rooms.orders.view(order.order_id, ADMIN_CALLER)
    states = {one.parcel_id: one.state for one in view.parcels}
    for parcel in order.parcels:
        state = states[parcel.parcel_id]
        unseen = parcel.unsure or (parcel.place is Place.PERSON and parcel.used is not Used.YES)
        if state not in (_UNSEEN if unseen else _MAY_BE[parcel.place]):
            town.oracle.violate(f"{parcel.label} is {parcel.place} and the hub says {state}")
        await _custody(town, parcel)


async def _custody(town: Town, parcel: Parcel) -> None:
    steps = await town.hub.rooms.orders.custody(parcel.parcel_id)
    count = Counter(step.cause for step in steps)
    if count["put_in"] != parcel.puts:
        town.oracle.violate(
            f"{parcel.label} was put in {parcel.puts} times, the hub counts {count['put_in']}"
        )
    if count["collected"] + count["handed_over"] > 1:
        town.oracle.violate(f"{parcel.label} was collected more than once at the hub")
    sources = Counter(step.source for step in steps)
    for source, times in sources.items():
        if times > 1:
            town.oracle.violate(f"{source} moved {parcel.label} {times} times")
