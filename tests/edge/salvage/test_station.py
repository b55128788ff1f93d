"""A whole station whose disk rots between two runs: it serves what it can prove, and says what it lost."""

import asyncio
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from common.contract.calibration import ProbeCalibrated
from common.contract.chain import Link, next_link
from common.contract.protocol import START
from common.contract.words import Lane
from common.kit.disk import MIB
from common.kit.errors import UnavailableError
from common.kit.ids import ID_PATTERN
from edge.climate import CalibrationDesk
from edge.hardware.calibration import ProbeAsked
from edge.pickup.views import Accepted, Refused, Step
from edge.salvage import Keep
from edge.sync import lanes
from edge.sync.tears import close_tears_tx
from tests.common.kit.test_pagesums import flip
from tests.edge.cable import STATION_ID
from tests.edge.pickup.house import CODE, House, in_house
from tests.edge.pickup.test_qr import Signer

OTHER = "30517248"
OFTEN = {"copy_every_s": 60}


def pages_of(path: Path, *tables: str) -> list[int]:
    """Return the pages that hold rows of these tables or indexes, as SQLite itself tells."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as conn:
        marks = ",".join("?" * len(tables))
        rows = conn.execute(f"SELECT pageno FROM dbstat WHERE name IN ({marks})", tables)
        return [row[0] for row in rows]


def _leaves(path: Path, table: str) -> list[int]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as conn:
        sql = "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY path"
        return [row[0] for row in conn.execute(sql, (table,))]


def rot(path: Path, *tables: str) -> None:
    """Turn a bit in every page of these tables of a stopped station."""
    found = pages_of(path, *tables)
    assert found
    for page in found:
        flip(path, (page - 1) * 4096 + 4000)


async def stopped(house: House) -> Path:
    await house.cut()
    path = house.folder / "state.db"
    assert not path.with_name("state.db-wal").exists(), "an orderly stop takes the log over"
    return path


def test_a_rotten_page_of_measure_loses_no_pickup(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        path = await stopped(house)
        rot(path, "compartment_wear")
        await house.boot()
        told = house.events("storage.damaged")
        assert [(one["outcome"], one["tables"], one["grants_held"]) for one in told] == [
            ("rebuilt", ["compartment_wear"], 0)
        ]
        assert (tmp_path / "state.db.damaged").exists()
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)

    in_house(tmp_path, body)


@pytest.mark.parametrize("table", ["grant_use", "grant_item", "placement", "open_request"])
def test_what_decides_an_opening_and_is_lost_holds_the_grant(tmp_path: Path, table: str) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        await house.edge.pickup.submit(CODE)
        await house.push((await house.until(Step.OPEN)).compartment)
        await house.until(Step.CLOSED)
        await house.edge.pickup.finish()
        await house.delivered("LP-0002", code=OTHER)
        path = await stopped(house)
        pulses = house.pulses
        rot(path, table)
        await house.boot()
        assert isinstance(await _answer(house, CODE), Refused | UnavailableError)
        held = await _answer(house, OTHER)
        if table != "open_request":  # never asked for: nothing of it can be lost there
            assert isinstance(held, UnavailableError)
            assert held.key == "pickup.held"
            assert house.pulses == pulses
            assert house.events("storage.damaged")[0]["grants_held"] >= 1
        assert house.edge.pickup.locked_for_s() == 0

    in_house(tmp_path, body)


def test_a_signed_code_whose_use_may_be_lost_opens_nothing(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        signer = Signer(house)
        await house.put(signer.row())
        known = await house.delivered("LP-0001")
        untold = known.model_copy(update={"grant_id": house.id()})
        path = await stopped(house)
        pulses = house.pulses
        rot(path, "grant_use")
        await house.boot()
        for grant in (known, untold):
            with pytest.raises(UnavailableError) as held:
                await house.edge.pickup.submit_qr(signer.text(signer.grant(grant)))
            assert held.value.key == "pickup.held"
        assert house.pulses == pulses

    in_house(tmp_path, body)


async def _answer(house: House, code: str) -> Accepted | Refused | UnavailableError:
    try:
        return await house.edge.pickup.submit(code)
    except UnavailableError as error:
        return error


def test_lost_rows_of_the_hub_are_no_wrong_code(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        path = await stopped(house)
        rot(path, "sync_row")
        await house.boot()
        said = await _answer(house, CODE)
        assert isinstance(said, UnavailableError)
        assert said.key == "pickup.rows_lost"
        await house.edge.state_db.write(
            lambda conn: conn.execute("UPDATE sync_self SET gen = 3").rowcount
        )
        assert isinstance(await _answer(house, "10020030"), Refused), "the hub has spoken"

    in_house(tmp_path, body)


def test_lost_events_are_told_and_the_chain_goes_on(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        for number in range(1, 6):
            await house.delivered(f"LP-000{number}", code=f"3051724{number}")
        path = await stopped(house)
        oldest = _leaves(path, "outbox")[0]
        flip(path, (oldest - 1) * 4096 + 4000)
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as conn:
            before = conn.execute("SELECT count(*) FROM outbox").fetchone()[0]
        await house.boot()
        told = house.events("storage.damaged")[0]
        lost = sum(stretch["count"] for stretch in told["lost"])
        assert 0 < lost < before
        db = house.edge.state_db
        db.write_now(lambda conn: close_tears_tx(conn, STATION_ID, Lane.FACTS, START, 0))
        batch = db.write_now(lambda conn: lanes.next_batch_tx(conn, Lane.FACTS))
        assert batch is not None
        assert batch.after == START, "a hub that has nothing would call it a hole"
        chain = bytes.fromhex(batch.after.chain)
        for event in batch.events:
            link = Link(
                STATION_ID, "facts", event.boot_epoch, event.seq, event.occurred_at_ms,
                event.type, event.v, event.body,
            )  # fmt: skip
            chain = next_link(chain, link)
        assert chain.hex() == batch.chain, "the hub would refuse them"
        types = [event.type for event in batch.events]
        assert {"storage.damaged", "station.started", "parcel.put_in"} <= set(types)

    in_house(tmp_path, body)


@pytest.mark.parametrize("also", [(), ("outbox",)])
def test_who_loses_its_own_epoch_begins_behind_every_one_it_used(
    tmp_path: Path, also: tuple[str, ...]
) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        ((before,),) = house.sql("SELECT max(boot_epoch) FROM sync_lane")
        path = await stopped(house)
        rot(path, "sync_self", *also)
        await house.boot()
        ((install_id, epoch),) = house.sql("SELECT install_id, boot_epoch FROM sync_self")
        assert epoch > before + 1000
        assert re.fullmatch(ID_PATTERN, install_id), "the hub takes no hello without it"
        assert house.events("storage.damaged")[0]["outcome"] == "rebuilt"

    in_house(tmp_path, body)


def test_counters_never_fall_by_damage(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        for _ in range(3):
            await house.edge.pickup.submit("10020030")
        before = house.edge.state_db.write_now(house.edge.limiter.standing_tx).failures_24h
        path = await stopped(house)
        rot(path, "limiter", "limiter_attempt")
        await house.boot()
        standing = house.edge.state_db.write_now(house.edge.limiter.standing_tx)
        assert standing.failures_24h >= before
        assert standing.wait_s > 0

    in_house(tmp_path, body)


def test_a_copy_fills_in_what_the_file_lost(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        made = house.edge.guard.copies.make(house.clock, house.edge.disk, Keep(2, 64 * MIB))
        assert made is not None
        path = await stopped(house)
        with path.open("r+b") as file:  # not even its table of contents reads
            file.write(b"\xff" * 4096)
        await house.boot()
        told = house.events("storage.damaged")[0]
        assert told["copy_age_s"] is not None
        assert told["grants_held"] == 1, "it may have been used since the copy"
        assert isinstance(await _answer(house, CODE), Refused), "attempts may be used up as well"
        await asyncio.sleep(700)
        said = await _answer(house, CODE)
        assert isinstance(said, UnavailableError)
        assert said.key == "pickup.held"

    in_house(tmp_path, body)


async def calibrated(house: House, offset_k: float) -> ProbeCalibrated:
    """Let a record rule for the chilled zone's probe."""
    edge = house.edge
    desk = CalibrationDesk(
        edge.climate.probes(), edge.climate.calibrations, house.config, edge.state_db, edge.outbox,
        house.clock, house.chance,
    )  # fmt: skip
    record = desk.draft(
        ProbeAsked(do="write", probe="bus0/3", by="张敏", instrument="ice water"),
        kind="offset", offset_k=offset_k, reference_c=0.0, readings_c=(-offset_k,), after_c=0.0,
        due_at_ms=None, reason="",
    )  # fmt: skip
    await desk.keep(record)
    return record


@pytest.mark.parametrize("with_copy", [False, True])
def test_a_lost_offset_comes_back_out_of_the_log(tmp_path: Path, with_copy: bool) -> None:
    async def body(house: House) -> None:
        await calibrated(house, -0.5)
        if with_copy:
            assert house.edge.guard.copies.make(house.clock, house.edge.disk, Keep(2, 64 * MIB))
        record = await calibrated(house, -0.8)
        path = await stopped(house)
        rot(path, "calibration")
        await house.boot()
        assert "calibration" in house.events("storage.damaged")[0]["tables"]
        assert house.edge.climate.calibrations.of("bus0/3") == record
        ((count,),) = house.sql("SELECT count(*) FROM calibration")
        assert count == 2, "the history too"
        later = await calibrated(house, -0.6)
        assert (later.number, later.supersedes) == (3, record.calibration_id)

    in_house(tmp_path, body)


def test_an_offset_that_the_log_has_lost_too_is_told_as_gone(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        record = await calibrated(house, -0.8)
        path = await stopped(house)
        rot(path, "calibration", "outbox")
        await house.boot()
        assert "calibration" in house.events("storage.damaged")[0]["tables"]
        assert house.edge.climate.calibrations.of("bus0/3") is None
        held = {one["probe"]: one for one in house.events("station.probes")[-1]["probes"]}
        assert held["bus0/3"]["calibration_id"] != record.calibration_id

    in_house(tmp_path, body)


def test_damage_found_while_serving_ends_the_run_and_the_next_recovers(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        await stopped(house)
        await house.boot()
        path = tmp_path / "state.db"
        flip(path, (pages_of(path, "compartment_wear")[0] - 1) * 4096 + 4000)
        assert house._task is not None
        done, _ = await asyncio.wait({house._task}, timeout=90)
        assert done, "looked through every interval"
        with pytest.raises(BaseExceptionGroup) as ended:
            house._task.result()
        told = ended.value.subgroup(UnavailableError)
        assert told is not None
        assert "changed by itself" in str(told.exceptions)
        await house.boot()
        assert house.events("storage.damaged")
        assert isinstance(await house.edge.pickup.submit(CODE), Accepted)

    in_house(tmp_path, body, disk=OFTEN)


def test_copies_are_made_at_each_interval_and_the_oldest_go(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        await asyncio.sleep(5 * 60 + 30)
        sound = house.edge.guard.copies.sound()
        assert len(sound) == 3
        flip(sound[0], 5000)
        assert house.edge.guard.copies.sound() == sound[1:], "a copy that rots is no copy"
        assert len(list((tmp_path / "copies").iterdir())) == 6

    in_house(tmp_path, body, disk=OFTEN)
