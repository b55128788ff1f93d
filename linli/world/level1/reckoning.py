"""The reckoning when all has healed: nothing waits, nothing is lost, nothing counts twice, the cabinet is empty."""

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping

from cloud.orders.machine import ParcelState as HubState
from common.contract.words import DoorState, Lane
from common.kit.clock import to_ms
from edge.sync.lanes import RETENTION_ROWS
from linli.world.clock import DAWN
from linli.world.custody import Parcel, Place, Used
from linli.world.level1.desk import HubBooks
from linli.world.level1.town import Town

_Event = tuple[str, int, int]
"""Lane, boot epoch, seq."""
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
    parcels = [parcel for order in town.oracle.orders for parcel in order.parcels]
    books = await town.hub.books(tuple(one.parcel_id for one in parcels))
    await _rows(town, books)
    await _events(town, books)
    for parcel in parcels:
        _parcel(town, books, parcel)
    for label, parcel in sorted(town.oracle.inside.items()):
        say(f"{parcel.label} still lies in {label}")
    occupied = await town.station.edge.state_db.read(town.station.edge.parcels.occupied_tx)
    for label in sorted(occupied):
        say(f"the station believes that something lies in {label}")
    for sentence in books.odd:
        say(sentence)


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
    for label, view in edge.doors.view().items():
        if view.state in _LIVE:
            say(f"the request of door {label} hangs in {view.state}")
    if edge.pickup.session() is not None:
        say("a session stands on the screen for ever")


async def _rows(town: Town, books: HubBooks) -> None:
    cursor = await town.station.edge.replica.cursor()
    if cursor.op != books.head_op or books.lag_ops:
        town.oracle.violate(f"the replica stands at op {cursor.op}, the hub at {books.head_op}")


async def _events(town: Town, books: HubBooks) -> None:
    """Every fact of the outbox is at the hub, byte for byte, and none besides."""
    say, theirs = town.oracle.violate, books.events
    ours = await town.station.edge.state_db.read(
        lambda conn: {
            (row["lane"], row["boot_epoch"], row["seq"]): (bytes(row["chain"]), row["body"])
            for row in conn.execute("SELECT lane, boot_epoch, seq, chain, body FROM outbox")
        }
    )
    for place in sorted(ours.keys() - theirs.keys()):
        say(f"the fact {place} is lost")
    for place in sorted(theirs.keys() - ours.keys() - given_up(ours, theirs)):
        say(f"the hub holds {place}, which the station never told")
    for place in sorted(ours.keys() & theirs.keys()):
        if ours[place] != theirs[place]:
            say(f"the fact {place} differs")
    for label, at_s in await town.station.edge.state_db.read(_unexpected):
        openings = town.oracle.openings.get(label, ())
        if not any(at_s - _LATEST_S < opened_s < at_s + _LATEST_S for opened_s in openings):
            say(f"door {label} was reported open at {at_s:.0f} s and never moved")


def given_up(ours: Iterable[_Event], theirs: Iterable[_Event]) -> set[_Event]:
    """Return what the station may have given up after its retention: older than all that it must keep."""
    found: set[_Event] = set()
    for lane in Lane:
        kept = [place for place in ours if place[0] == lane]
        if len(kept) >= RETENTION_ROWS:
            oldest = min(kept)
            found |= {place for place in theirs if place[0] == lane and place < oldest}
    return found


def _unexpected(conn: sqlite3.Connection) -> list[tuple[str, float]]:
    rows = conn.execute(
        "SELECT occurred_at_ms, body FROM outbox WHERE type = 'door.unexpected'"
    ).fetchall()
    found = [(json.loads(row["body"]), row["occurred_at_ms"]) for row in rows]
    start_ms = to_ms(DAWN)
    return [(body["compartment"], (ms - start_ms) / 1000) for body, ms in found if body["open"]]


def _parcel(town: Town, books: HubBooks, parcel: Parcel) -> None:
    say, state = town.oracle.violate, books.parcels[parcel.parcel_id]
    unseen = parcel.unsure or (parcel.place is Place.PERSON and parcel.used is not Used.YES)
    if state not in (_UNSEEN if unseen else _MAY_BE[parcel.place]):
        say(f"{parcel.label} is {parcel.place} and the hub says {state}")
    story = books.custody[parcel.parcel_id]
    count = Counter(cause for cause, _ in story)
    if count["put_in"] != parcel.puts:
        say(f"{parcel.label} was put in {parcel.puts} times, the hub counts {count['put_in']}")
    if count["collected"] + count["handed_over"] > 1:
        say(f"{parcel.label} was collected more than once at the hub")
    for source, times in Counter(source for _, source in story).items():
        if times > 1:
            say(f"{source} moved {parcel.label} {times} times")
