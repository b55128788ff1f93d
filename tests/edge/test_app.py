"""The whole daemon: order of the start, one daemon a folder, tables made once, faces in place, nothing heavy loaded."""

import asyncio
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
import sqlite_utils

from common.kit.chance import seeded_chance
from common.kit.errors import UnavailableError
from common.kit.identity import StationSecrets
from common.kit.sqlite import SqliteDb
from common.kit.work import InlineWork
from edge.app import build_edge
from edge.config import StationConfig
from edge.data_folder import lock, migrate_tx
from edge.pickup.views import Step
from edge.ports import EdgePorts
from edge.tables import STATE_MIGRATIONS
from tests.edge.cable import STATION_ID, station_config
from tests.edge.pickup.house import CODE, House, in_house
from tests.parts import ROOT

AT = datetime(2026, 5, 1, tzinfo=UTC)


def test_relays_off_and_doors_read_before_anybody_is_served(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        started = house.events("station.started")
        assert [event["boot_reason"] for event in started] == ["cold"]
        assert len(started[0]["compartments"]) == 16
        assert [part["label"] for part in started[0]["layout"]] == started[0]["compartments"]
        assert started[0]["screen"].keys() == {"column", "row", "width", "height"}
        limits = [(zone["zone"], zone["min_c"], zone["max_c"]) for zone in started[0]["zones"]]
        assert limits == [(z.name, z.min_c, z.max_c) for z in house.edge.config.zone]
        relays = [sent.data for sent in house.cable.sent if sent.data[0] in (1, 2)]
        firsts = [next(data for data in relays if data[0] == unit) for unit in (1, 2)]
        assert {data[1] for data in firsts} <= {0x05, 0x0F}, "the first frames drop the relays"
        await house.cut()
        await house.boot()
        assert [e["boot_reason"] for e in house.events("station.started")] == ["cold", "restart"]
        await house.cut()
        await house.boot(new_machine_boot=True)
        assert house.events("station.started")[-1]["boot_reason"] == "cold"

    in_house(tmp_path, body)


def test_without_its_port_the_station_serves_and_says_so(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        await house.cut()
        house.cable.plugged = False
        await house.boot()
        (state,) = house.edge.hardware.bus_state.values()
        assert not state.up
        pulses = house.pulses
        await house.edge.pickup.submit(CODE)
        view = await house.until(Step.NOT_OPENED)
        assert view.pulses_left == 3, "a pulse that never left is not counted"
        assert [e["up"] for e in house.events("bus.state_changed")][-1] is False
        house.cable.plugged = True
        await asyncio.sleep(40)
        await house.edge.pickup.again()
        await house.until(Step.OPEN)
        assert house.pulses == pulses + 1

    in_house(tmp_path, body)


def test_numbers_that_cannot_be_said_back_take_the_hub_away_and_no_door(tmp_path: Path) -> None:
    """As an older release stored them: it ended at each start, and the doors with it."""

    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        house.sql("UPDATE sync_self SET boot_epoch = ?", 2**53)
        await house.cut()
        await house.boot()
        await asyncio.sleep(300)
        assert not house.edge.link.view().online
        await house.edge.pickup.submit(CODE)
        await house.until(Step.OPEN)

    in_house(tmp_path, body)


def test_both_faces_answer_and_the_kiosk_only_on_loopback(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        assert house.edge.faces[0].host == "127.0.0.1"
        async with aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(path="127.0.0.1:8810")
        ) as http:
            page = await http.get("http://127.0.0.1:8810/")
            assert page.status == 200

    in_house(tmp_path, body)


def test_an_orderly_stop_takes_less_than_five_seconds_and_frees_the_folder(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        await house.cut()
        assert loop.time() - start_s < 5
        lock(tmp_path).close()
        await house.boot()

    in_house(tmp_path, body)


def test_a_second_daemon_is_refused(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        with pytest.raises(UnavailableError) as refused:
            build_edge(house.edge.ports, house.config, tmp_path)
        assert refused.value.key == "edge.locked"

    in_house(tmp_path, body)


@pytest.fixture
def config() -> StationConfig:
    return station_config()


async def test_predictable_chance_is_refused_on_a_real_loop(
    tmp_path: Path, config: StationConfig
) -> None:
    class Clock:
        boot_id = "x"

        def monotonic_s(self) -> float:
            return 0.0

        def wall(self) -> datetime:
            return AT

    ports = EdgePorts(
        clock=Clock(),
        chance=seeded_chance("x"),
        work=InlineWork(),
        open_db=SqliteDb,
        open_line=lambda _section: pytest.fail("no line is opened"),
        connector=aiohttp.TCPConnector,
        secrets=StationSecrets(STATION_ID, b"1" * 32, b"2" * 32, b"3" * 16, b"4" * 32),
    )
    with pytest.raises(ValueError, match="seeded"):
        build_edge(ports, config, tmp_path)
    assert not (tmp_path / "state.db").exists()


def test_migrations_run_once_and_sqlite_utils_reads_their_record(tmp_path: Path) -> None:
    db = SqliteDb(tmp_path / "state.db", inline=True)
    first = db.write_now(lambda conn: migrate_tx(conn, STATE_MIGRATIONS, AT))
    again = db.write_now(lambda conn: migrate_tx(conn, STATE_MIGRATIONS, AT))
    db.close()
    assert len(first) == sum(len(statements) for _, statements in STATE_MIGRATIONS)
    assert again == []
    record = sqlite_utils.Database(tmp_path / "state.db")
    doors = sqlite_utils.Migrations("doors")

    @doors(name="0001")
    def _first(_db: sqlite_utils.Database) -> None:
        pytest.fail("sqlite-utils takes it for pending")

    doors.apply(record)
    assert {m.name for m in doors.applied(record)} >= {"0001"}
    record.close()


def test_a_failing_migration_leaves_nothing_half_done(tmp_path: Path) -> None:
    db = SqliteDb(tmp_path / "state.db", inline=True)
    wrong = (("room", ("CREATE TABLE a (b)", "CREATE TABLE a (b)")),)
    with pytest.raises(sqlite3.OperationalError):
        db.write_now(lambda conn: migrate_tx(conn, wrong, AT))
    db.close()
    with closing(sqlite3.connect(tmp_path / "state.db")) as conn:
        assert conn.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def test_the_daemon_loads_nothing_heavy() -> None:
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "import json, sys, edge.daemon; print(json.dumps(sorted(sys.modules)))",
        ],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    tops = {name.partition(".")[0] for name in json.loads(said.stdout)}
    heavy = {
        "cloud",
        "linli",
        "device_sim",
        "httpx",
        "sqlite_utils",
        "rich",
        "numpy",
        "sqlalchemy",
        "typer",
    }
    assert not tops & heavy
    assert "cryptography.x509" not in json.loads(said.stdout)  # 3 MiB, and only TLS needs it
