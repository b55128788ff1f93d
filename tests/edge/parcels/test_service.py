"""Allocation on a real SQLite file: zone, then size, then reach, then wear; one owner a compartment."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from common.contract.replica import CompartmentRow, ParcelRow
from common.contract.words import Size, TemperatureClass
from common.kit.chance import seeded_chance
from common.kit.sqlite import SqliteDb
from edge.config import StationConfig
from edge.parcels import DDL, REPLICA_TABLES, Parcel, Parcels, PlacementState
from edge.sync import Outbox
from tests.edge.cable import STATION_ID, station_config

AT = datetime(2026, 5, 1, 6, 30, tzinfo=UTC)
KEEPER = "01JABCDEFGHJKMNPQRSTVWXYZK"


class StillClock:
    boot_id = "still"

    def monotonic_s(self) -> float:
        return 5.0

    def wall(self) -> datetime:
        return AT


@pytest.fixture
def db(tmp_path: Path) -> Iterator[SqliteDb]:
    made = SqliteDb(tmp_path / "state.db", inline=True)

    def schema(conn: sqlite3.Connection) -> None:
        for statement in (*DDL, *(s for table in REPLICA_TABLES for s in table.ddl)):
            conn.execute(statement)

    made.write_now(schema)
    yield made
    made.close()


def config() -> StationConfig:
    base = station_config()
    parts = [
        part.model_copy(update={"easy_reach": part.label in ("A03", "A07")})
        for part in base.compartment
    ]
    return base.model_copy(update={"compartment": tuple(parts)})


@pytest.fixture
def subject(db: SqliteDb) -> Parcels:
    clock = StillClock()
    return Parcels(config(), clock, Outbox(db, clock, seeded_chance("p"), STATION_ID))


def announced(conn: sqlite3.Connection, subject: Parcels, number: int, **changes: object) -> Parcel:
    fields: dict[str, object] = {
        "parcel_id": f"01JABCDEFGHJKMNPQRSTVWX{number:03d}", "label": f"LP-{number:04d}",
        "order_tail": "7K2M", "person_masked": "张*明", "phone_tail": "",
        "temperature_class": TemperatureClass.CHILLED, "size": Size.S, "items": 1,
        "expected_on": "2026-05-01", "state": "announced",
    }  # fmt: skip
    row = ParcelRow.model_validate(fields | changes)
    table = next(table for table in REPLICA_TABLES if table.name == "parcel")
    table.put(conn, row)
    found = subject.find_tx(conn, row.parcel_id)
    assert found is not None
    return found


def test_zone_and_size_decide_first(db: SqliteDb, subject: Parcels) -> None:
    def fn(conn: sqlite3.Connection) -> list[str | None]:
        wishes: list[dict[str, object]] = [
            {"size": Size.S}, {"size": Size.M}, {"size": Size.L},
            {"temperature_class": TemperatureClass.AMBIENT},
            {"temperature_class": TemperatureClass.FROZEN},
        ]  # fmt: skip
        return [
            subject.allocate_tx(conn, announced(conn, subject, n, **wish))
            for n, wish in enumerate(wishes)
        ]

    # A03 and A07 are within easy reach among the chilled M, A04 comes before A08 among the L.
    assert db.write_now(fn) == ["A01", "A03", "A04", "B01", None]


def test_what_is_full_goes_one_size_up_and_then_nowhere(db: SqliteDb, subject: Parcels) -> None:
    def fn(conn: sqlite3.Connection) -> list[str | None]:
        chosen = []
        for number in range(9):
            parcel = announced(conn, subject, number)
            chosen.append(label := subject.allocate_tx(conn, parcel))
            if label:
                subject.place_tx(conn, parcel.parcel_id, label, KEEPER, AT)
        return chosen

    assert db.write_now(fn) == ["A01", "A05", "A03", "A07", "A02", "A06", "A04", "A08", None]


def test_the_less_worn_of_equals(db: SqliteDb, subject: Parcels) -> None:
    def fn(conn: sqlite3.Connection) -> str | None:
        parcel = announced(conn, subject, 1)
        subject.place_tx(conn, parcel.parcel_id, "A01", KEEPER, AT)
        subject.forget_tx(conn, parcel.parcel_id)
        return subject.allocate_tx(conn, parcel)

    assert db.write_now(fn) == "A05"


def test_out_of_service_and_excluded_are_passed_over(db: SqliteDb, subject: Parcels) -> None:
    def fn(conn: sqlite3.Connection) -> str | None:
        table = next(table for table in REPLICA_TABLES if table.name == "compartment")
        table.put(conn, CompartmentRow(label="A01", out_of_service=True, reason="recall"))
        return subject.allocate_tx(conn, announced(conn, subject, 1), {"A05", "A03"})

    assert db.write_now(fn) == "A07"


def test_two_owners_of_one_compartment_cannot_be_stored(db: SqliteDb, subject: Parcels) -> None:
    def fn(conn: sqlite3.Connection) -> None:
        for number in (1, 2):
            parcel = announced(conn, subject, number)
            subject.place_tx(conn, parcel.parcel_id, "A01", KEEPER, AT)

    with pytest.raises(sqlite3.IntegrityError):
        db.write_now(fn)


def test_a_placement_ends_once(db: SqliteDb, subject: Parcels) -> None:
    def fn(conn: sqlite3.Connection) -> list[bool]:
        parcel = announced(conn, subject, 1)
        subject.place_tx(conn, parcel.parcel_id, "A01", KEEPER, AT)
        end = [
            subject.end_tx(conn, parcel.parcel_id, PlacementState.COLLECTED, AT) for _ in range(2)
        ]
        assert subject.occupied_tx(conn) == {}
        return end

    assert db.write_now(fn) == [True, False]
