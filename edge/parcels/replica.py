"""How this room keeps the hub's rows: replica tables `station`, `parcel` and `compartment`."""

import sqlite3

from common.contract.base import Message
from common.contract.replica import CompartmentRow, ParcelRow, StationRow
from edge.sync.replica import ReplicaTable

_STATION = (
    """CREATE TABLE replica_station (
        station_id TEXT PRIMARY KEY, name_zh TEXT NOT NULL, name_en TEXT NOT NULL,
        help_phone TEXT NOT NULL, timezone TEXT NOT NULL, revocation_epoch INTEGER NOT NULL)""",
)
_PARCEL = (
    """CREATE TABLE replica_parcel (
        parcel_id TEXT PRIMARY KEY, label TEXT NOT NULL, order_tail TEXT NOT NULL,
        person_masked TEXT NOT NULL, phone_tail TEXT NOT NULL, temperature_class TEXT NOT NULL,
        size TEXT NOT NULL, items INTEGER NOT NULL, expected_on TEXT NOT NULL, state TEXT NOT NULL)""",
    "CREATE INDEX replica_parcel_label ON replica_parcel (label)",
    "CREATE INDEX replica_parcel_day ON replica_parcel (expected_on)",
    "CREATE INDEX replica_parcel_phone ON replica_parcel (phone_tail)",
)
_COMPARTMENT = (
    """CREATE TABLE replica_compartment (
        label TEXT PRIMARY KEY, out_of_service INTEGER NOT NULL, reason TEXT NOT NULL)""",
)


def _put_station(conn: sqlite3.Connection, row: Message) -> None:
    assert isinstance(row, StationRow)
    conn.execute(
        "INSERT OR REPLACE INTO replica_station VALUES (?, ?, ?, ?, ?, ?)",
        (
            row.station_id, row.name_zh, row.name_en, row.help_phone, row.timezone,
            row.revocation_epoch,
        ),
    )  # fmt: skip


def _put_parcel(conn: sqlite3.Connection, row: Message) -> None:
    assert isinstance(row, ParcelRow)
    conn.execute(
        "INSERT OR REPLACE INTO replica_parcel VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            row.parcel_id, row.label, row.order_tail, row.person_masked, row.phone_tail,
            row.temperature_class, row.size, row.items, row.expected_on, row.state,
        ),
    )  # fmt: skip


def _put_compartment(conn: sqlite3.Connection, row: Message) -> None:
    assert isinstance(row, CompartmentRow)
    conn.execute(
        "INSERT OR REPLACE INTO replica_compartment VALUES (?, ?, ?)",
        (row.label, row.out_of_service, row.reason),
    )


def _delete_station(conn: sqlite3.Connection, key: str) -> None:
    conn.execute("DELETE FROM replica_station WHERE station_id = ?", (key,))


def _delete_parcel(conn: sqlite3.Connection, key: str) -> None:
    conn.execute("DELETE FROM replica_parcel WHERE parcel_id = ?", (key,))


def _delete_compartment(conn: sqlite3.Connection, key: str) -> None:
    conn.execute("DELETE FROM replica_compartment WHERE label = ?", (key,))


REPLICA_TABLES = (
    ReplicaTable("station", _STATION, _put_station, _delete_station),
    ReplicaTable("parcel", _PARCEL, _put_parcel, _delete_parcel),
    ReplicaTable("compartment", _COMPARTMENT, _put_compartment, _delete_compartment),
)
