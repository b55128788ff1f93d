"""What must not be believed after rows were lost: grants that may have been used, counters that may have been higher.

Every rule errs on the side of the shut door; a person or the hub's next word lifts it.
"""

import json
import math
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edge.access.budget import KEEPER_PER_10_MIN, remote_windows
from edge.access.limiter import KEEPER_BURST, KEEPER_FAILURES, KEEPER_REFILL_S
from edge.config import StationConfig
from edge.parcels.model import CONTENT_UNKNOWN
from edge.pickup.doubt import Cause, doubt_tx
from edge.salvage.outbox import insert_tx
from edge.salvage.stock import Record, Stock

OPENING = ("grant_use", "grant_item", "placement", "open_request")
"""Tables that decide whether a code opens a door."""
_FINAL = ("done", "revoked", "expired")


@dataclass(frozen=True, slots=True)
class Moment:
    """When the rebuilding happens, the powered-on seconds of then, and the age of the copy that filled in."""

    wall_ms: int
    powered_s: float
    copy_age_s: float | None


def hold_grants_tx(conn: sqlite3.Connection, stock: Stock, at: Moment) -> int:
    """Hold every grant whose use or whose rows are not proven; return how many."""
    proven_rows = {row["key"] for row in stock.records("sync_row") if row["tbl"] == "grant"}
    older = [row for row in stock.missing("sync_row") if row["tbl"] == "grant"]
    by_use = set(_unproven(stock)) if not stock.is_whole(*OPENING) else set()
    by_row = {row["key"] for row in older}
    if not stock.is_whole("withdrawn_grant"):  # what a capsule ended, the hub has to say again
        by_row |= {key for key, _ in _grants(stock)}
    if not stock.is_whole("sync_row"):
        # A child ends with its parent: that row has to be sure as well.
        parents = {key: body.get("parent_id") for key, body in _grants(stock)}
        by_row |= {key for key, parent in parents.items() if parent and parent not in proven_rows}
    # Only a cancelled parcel's row changes what a grant may open.
    parcels = {row["key"] for row in stock.missing("sync_row") if row["tbl"] == "parcel"}
    by_row |= {grant for grant in proven_rows if parcels & set(_parcels(stock).get(grant, ()))}
    for cause, grants in ((Cause.ROW, by_row), (Cause.USE, by_use)):
        for grant_id in sorted(grants):
            doubt_tx(conn, grant_id, cause, at.wall_ms)
    if not stock.is_whole("sync_row", *OPENING):
        doubt_tx(conn, None, Cause.ROW, at.wall_ms)
    if not stock.is_whole("sync_row", "withdrawn_grant", "revocation_epoch"):
        doubt_tx(conn, None, Cause.ROW, at.wall_ms)
        conn.execute("UPDATE sync_self SET gen = 0")  # the hub's next answer brings every row
    return len(by_use | by_row)


def _parcels(stock: Stock) -> dict[str, Sequence[str]]:
    return {key: body["parcel_ids"] for key, body in _grants(stock)}


def _grants(stock: Stock) -> list[tuple[str, Record]]:
    rows = (*stock.missing("sync_row"), *stock.records("sync_row"))
    return [(row["key"], json.loads(row["body"])) for row in rows if row["tbl"] == "grant"]


def _unproven(stock: Stock) -> Iterable[str]:
    """Return the grants of which not every row is proven, without those that are proven to be over.

    Proven rows suffice for codes given away too: whoever opens first changes the others' rows in the same commit.
    """
    uses = {row["grant_id"]: row["state"] for row in stock.records("grant_use")}
    items = {(row["grant_id"], row["parcel_id"]): row for row in stock.records("grant_item")}
    placed = {row["parcel_id"] for row in stock.records("placement")}
    requests = {row["open_request_id"] for row in stock.records("open_request")}
    grants = _parcels(stock)
    known = {*grants, *uses, *(row["grant_id"] for row in stock.missing("grant_use"))}
    for grant_id in known:
        if uses.get(grant_id) in _FINAL:
            continue
        parcels = grants.get(grant_id, [parcel for grant, parcel in items if grant == grant_id])
        own = [items[grant_id, parcel] for parcel in parcels if (grant_id, parcel) in items]
        asked = [row["open_request_id"] for row in own if row["open_request_id"]]
        if not (
            (stock.is_whole("grant_use") or grant_id in uses)
            and (stock.is_whole("grant_item") or len(own) == len(parcels))
            and (stock.is_whole("placement") or placed.issuperset(parcels))
            and (stock.is_whole("open_request") or requests.issuperset(asked))
        ):
            yield grant_id


def mark_doors_tx(
    conn: sqlite3.Connection, stock: Stock, labels: Iterable[str], at: Moment
) -> tuple[str, ...]:
    """Take the compartments out of service of which nobody knows what lies in them; return them."""
    if stock.is_whole("placement"):
        return ()
    sure = {row["compartment"] for row in stock.records("placement") if row["state"] == "placed"}
    unknown = tuple(label for label in labels if label not in sure)
    for label in unknown:
        conn.execute(
            "INSERT OR REPLACE INTO compartment_mark VALUES (?, 1, ?, NULL, ?)",
            (label, CONTENT_UNKNOWN, at.wall_ms),
        )
    return unknown


def keep_calibrations_tx(conn: sqlite3.Connection, stock: Stock) -> None:
    """Put the offsets that the log still tells of: a probe that is believed as it stands may hide warm food.

    What the log has lost too, the hub knows: it compares with `station.probes`, which every start tells.
    """
    if stock.is_whole("calibration"):
        return
    for row in (*stock.missing("outbox"), *stock.records("outbox")):
        if row["type"] == "probe.calibrated":
            record = json.loads(row["body"])
            kept = {name: record[name] for name in ("probe", "number", "calibration_id")}
            insert_tx(conn, "calibration", [kept | {"body": row["body"]}])


def count_worst_tx(
    conn: sqlite3.Connection, stock: Stock, config: StationConfig, at: Moment
) -> None:
    """Count what may have been counted since the copy: attempts at the keypad, openings without a code."""
    if not stock.is_whole("limiter", "limiter_attempt"):
        for name in ("keypad", "keeper"):
            _spend_attempts_tx(conn, name, config, at)
        conn.execute(
            "DELETE FROM keeper_tablet"
        )  # their attempts are lost too: strangers until the next right PIN
    if not stock.is_whole("opening_spent"):
        hour = max(window.count for window in remote_windows(len(config.compartment)))
        keepers = {row["key"] for row in stock.records("sync_row") if row["tbl"] == "keeper"}
        keepers |= {row["name"] for row in stock.missing("opening_spent")} - {"remote"}
        for name, count in (
            ("remote", hour),
            *((keeper, KEEPER_PER_10_MIN) for keeper in sorted(keepers)),
        ):
            insert_tx(conn, "opening_spent", [{"name": name, "at_s": at.powered_s}] * count)


def _spend_attempts_tx(
    conn: sqlite3.Connection, name: str, config: StationConfig, at: Moment
) -> None:
    limits = config.limiter
    burst, refill_s, most = limits.burst, limits.refill_s, limits.off_failures_24h
    if name == "keeper":  # five tries stay: she must be able to help
        burst, refill_s, most = KEEPER_BURST, KEEPER_REFILL_S, KEEPER_FAILURES - KEEPER_BURST
    # Since the copy no more than what the bucket held then and was refilled with; a clock set back proves nothing.
    if at.copy_age_s is not None and at.copy_age_s >= 0:
        most = min(most, burst + math.ceil(at.copy_age_s / refill_s))
    conn.execute("INSERT OR REPLACE INTO limiter VALUES (?, 0, ?)", (name, at.powered_s))
    rows: list[Record] = [{"name": name, "at_s": at.powered_s}] * most
    insert_tx(conn, "limiter_attempt", rows)
