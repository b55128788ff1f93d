"""Doors on real SQLite and the simulated cabinet: only the sensor says open, only people cause a second pulse."""

import asyncio
import logging
import sqlite3
from itertools import pairwise
from pathlib import Path

import pytest

from common.contract.words import DoorState
from common.kit.errors import ConflictError, NotFoundError
from device_sim.faults import NoAnswer
from edge.doors.machine import Trigger
from tests.edge.doors.station import Station, in_station, wish

S = DoorState


def test_one_wish_one_pulse_one_open_door(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        request_id = await station.ask("A04")
        assert await station.until("A04", S.OPEN, S.FAILED_OPEN) is S.OPEN
        assert station.is_open("A04")
        assert [(p.board, p.channel, p.ms) for p in station.cabinet.witness.pulses] == [(1, 3, 400)]
        view = station.doors.view()["A04"]
        assert (view.open, view.pulses, view.open_request_id) == (True, 1, request_id)
        await asyncio.sleep(20)
        assert station.doors.view()["A04"].since_s == pytest.approx(20, abs=1)
        await station.push("A04")
        await station.until("A04", S.CLOSED, within_s=2)
        assert station.states() == ["queued", "pulsing", "open", "closed"]
        assert [change.state for change in station.told] == [S.PULSING, S.OPEN, S.CLOSED]
        assert {change.open_request_id for change in station.told} == {request_id}
        assert station.events("door.unexpected") == []
        assert [row["result"] for row in station.pulse_rows()] == ["acked"]

    in_station(tmp_path, body)


def test_the_pulse_row_is_durable_before_the_frame_leaves(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        seen: list[int] = []
        feed = station.cable.bus.feed

        def watching(data: bytes, now_s: float) -> object:
            if data[1:3] == b"\x05\x02":
                other = sqlite3.connect(
                    station.db.path
                )  # what a process after a power cut would see
                seen.append(other.execute("SELECT count(*) FROM pulse").fetchone()[0])
                other.close()
            return feed(data, now_s)

        station.cable.bus.feed = watching  # type: ignore[method-assign, assignment]
        await station.ask("A01")
        await station.until("A01", S.OPEN)
        assert seen == [1]

    in_station(tmp_path, body)


def test_no_sensor_no_open(tmp_path: Path) -> None:
    """The board acknowledges, the door is jammed: not open, whatever the reply said."""

    async def body(station: Station) -> None:
        await station.boot()
        station.cabinet.jam("A01")
        await station.ask("A01")
        assert await station.until("A01", S.OPEN, S.FAILED_OPEN) is S.FAILED_OPEN
        assert [row["result"] for row in station.pulse_rows()] == ["acked"]
        await asyncio.sleep(300)
        assert len(station.cable.pulses) == 1

    in_station(tmp_path, body)


def test_a_lost_reply_is_no_second_pulse_when_the_door_opened(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        lost = NoAnswer(kind="no_answer", target=1, deaf=False, for_s=0.6)
        await station.ask("A01")
        await station.until("A01", S.PULSING)
        station.cabinet.lay(lost)
        assert await station.until("A01", S.OPEN, S.FAILED_OPEN) is S.OPEN
        assert [row["result"] for row in station.pulse_rows()] == ["unconfirmed"]
        assert len(station.cable.pulses) == 1

    in_station(tmp_path, body)


def test_one_request_a_door(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        await station.ask("A01")
        with pytest.raises(ConflictError):
            await station.ask("A01")
        await station.until("A01", S.OPEN)
        with pytest.raises(ConflictError):
            await station.ask("A01")
        with pytest.raises(NotFoundError) as unknown:
            await station.ask("Z99")
        assert (unknown.value.key, unknown.value.params) == (
            "doors.unknown",
            {"compartment": "Z99"},
        )
        await station.push("A01")
        await station.until("A01", S.CLOSED)
        await station.ask("A01")
        await station.until("A01", S.OPEN)
        assert len(station.cabinet.witness.pulses) == 2

    in_station(tmp_path, body)


def test_a_wish_dies_with_its_transaction(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()

        def tx(conn: sqlite3.Connection) -> None:
            station.doors.request_tx(conn, wish("A01"))
            raise RuntimeError("the grant was used in the same moment")

        with pytest.raises(RuntimeError):
            await station.db.write(tx)
        station.doors.kick()
        await asyncio.sleep(5)
        assert station.cable.pulses == []
        assert station.events() == []

    in_station(tmp_path, body)


def test_a_listener_that_refuses_takes_the_transition_with_it(tmp_path: Path) -> None:
    """The door's outcome and its grant's fate are one commit."""

    async def body(station: Station) -> None:
        await station.boot()

        def refuse(_conn: sqlite3.Connection, change: object) -> None:
            raise ConflictError("test.no", "no")

        station.doors.on_change_tx.append(refuse)
        await station.ask("A01")
        await asyncio.sleep(5)
        assert station.cable.pulses == []
        assert station.states() == ["queued"]

    in_station(tmp_path, body)


def test_an_open_door_is_pulsed_all_the_same_and_the_row_says_so(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        station.cabinet.pull("A01")
        await asyncio.sleep(3)
        await station.ask("A01")
        await station.until("A01", S.OPEN)
        assert len(station.cable.pulses) == 1
        assert [row["flag"] for row in station.pulse_rows()] == ["already_open"]
        await station.push("A01")
        await station.until("A01", S.CLOSED)

    in_station(tmp_path, body)


def test_a_port_that_is_away_is_said_and_costs_no_pulse(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        station.cable.pull()
        await station.ask("A01")
        assert await station.until("A01", S.BUS_DOWN, S.FAILED_OPEN) is S.BUS_DOWN
        assert station.doors.view()["A01"].pulses == 0
        assert [row["result"] for row in station.pulse_rows()] == ["not_sent"]
        station.cable.plugged = True
        await asyncio.sleep(5)
        assert station.cable.pulses == []  # coming back pulses nothing by itself
        await station.ask("A01")
        await station.until("A01", S.OPEN)

    in_station(tmp_path, body)


def test_a_wish_that_waits_too_long_expires_unpulsed(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        for _ in range(2):
            await station.ask("A01")
            await station.until("A01", S.OPEN)
            await station.push("A01")
            await station.until("A01", S.CLOSED)
        await station.ask("A01")  # the coil must rest longer than the wish lives
        await station.until("A01", S.EXPIRED, within_s=0.5)
        assert len(station.cable.pulses) == 2

    in_station(tmp_path, body, max_pulses_per_min=2, queue_ttl_s=20)


def test_a_hot_coil_rests_and_a_restart_does_not_cool_it(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        station.cabinet.jam("A01")
        for _ in range(2):
            await station.ask("A01")
            await station.until("A01", S.PULSING)
            await station.until("A01", S.FAILED_OPEN)
        for new_machine_boot in (False, True):
            await station.cut()
            await station.boot(new_machine_boot=new_machine_boot)
            await station.ask("A01")
            await asyncio.sleep(5)
            assert station.doors.view()["A01"].state is S.QUEUED
        await station.until("A01", S.WAIT_OPEN, within_s=70)
        assert len(station.cable.pulses) == 3
        stored_ms = [row["wall_ms"] for row in station.pulse_rows()]
        assert stored_ms[2] - stored_ms[0] >= 60_000

    in_station(tmp_path, body, max_pulses_per_min=2, queue_ttl_s=120)


def test_two_doors_share_a_supply_and_are_opened_in_order(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        for label in ("B05", "A01", "A07"):
            await station.ask(label)
        for label in ("B05", "A01", "A07"):
            await station.until(label, S.OPEN)
        pulses = station.cabinet.witness.pulses
        assert [(p.board, p.channel) for p in pulses] == [(2, 4), (1, 0), (1, 6)]
        assert all(b.at_s - a.at_s >= 0.55 for a, b in pairwise(pulses))

    in_station(tmp_path, body)


def test_a_dead_board_does_not_keep_the_others_from_opening(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        station.cabinet.lay(NoAnswer(kind="no_answer", target=2))
        await asyncio.sleep(30)
        assert station.doors.view()["B01"].open is None
        await station.ask("B01")
        assert await station.until("B01", S.BUS_DOWN, S.FAILED_OPEN, S.INDETERMINATE) is S.BUS_DOWN
        await station.ask("A01")
        await station.until("A01", S.OPEN, within_s=2)

    in_station(tmp_path, body)


def test_pulses_that_never_left_do_not_heat_the_coil(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        station.cable.pull()
        for _ in range(3):
            await station.ask("A01")
            await station.until("A01", S.PULSING)
            await station.until("A01", S.BUS_DOWN)
        station.cable.plugged = True
        await asyncio.sleep(3)
        await station.ask("A01")
        await station.until("A01", S.OPEN, within_s=3)

    in_station(tmp_path, body, max_pulses_per_min=2)


def test_a_start_drops_every_relay(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        lock = station.cabinet.physics.locks[1, 3]
        lock.switch(on=True, at_s=station.clock.monotonic_s())
        await station.doors.start()
        assert not lock.relay_on

    in_station(tmp_path, body)


def test_a_stale_step_is_refused_whole(tmp_path: Path) -> None:
    """Memory may lag behind the disk by one commit; the disk decides."""

    async def body(station: Station) -> None:
        await station.boot()
        station.cabinet.jam("A01")
        request_id = await station.ask("A01")
        await station.until("A01", S.FAILED_OPEN)
        journal = station.doors._journal
        stale = journal.requests["A01"]
        await journal.store(stale, Trigger.SEEN_OPEN)
        told = len(station.events())
        with pytest.raises(ConflictError):
            await journal.store(stale.to(S.PRECHECK), Trigger.PULSE_STORED)
        assert len(station.events()) == told
        assert journal.requests["A01"].state is S.OPEN
        assert journal.requests["A01"].open_request_id == request_id

    in_station(tmp_path, body)


def test_kicking_often_opens_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        await station.ask("A01")
        await station.until("A01", S.OPEN)
        await station.push("A01")
        await station.until("A01", S.CLOSED)
        await station.ask("A01")  # its coil rests first
        for _ in range(10):
            station.doors.kick()
            await asyncio.sleep(1)
        await station.until("A01", S.OPEN, within_s=90)
        await asyncio.sleep(30)
        assert len(station.cable.pulses) == 2
        assert station.doors.view()["A01"].state is S.OPEN
        assert "pulse not sent" not in caplog.text  # the disk would have refused a second turn

    caplog.set_level(logging.INFO)
    in_station(tmp_path, body, max_pulses_per_min=1, queue_ttl_s=120)
