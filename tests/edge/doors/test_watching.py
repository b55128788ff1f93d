"""What the sensors say by themselves: late, unexpected, left open, bouncing, away."""

import asyncio
from pathlib import Path
from typing import TypeVar

import pytest

from common.contract.words import DoorState
from common.kit.sqlite import Fn
from tests.edge.doors.station import Station, in_station, wish

S = DoorState
T = TypeVar("T")


def test_a_bounce_is_neither_open_nor_closed(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        read = station.hardware.door_bus.read_doors
        count = 0

        async def bouncing(*, urgent: str | None = None) -> dict[str, bool | None]:
            nonlocal count
            count += 1
            return {**await read(urgent=urgent), "B01": count % 2 == 0}

        station.hardware.door_bus.read_doors = bouncing  # type: ignore[method-assign]
        await asyncio.sleep(30)
        assert count > 20
        assert station.events("door.unexpected") == []

    in_station(tmp_path, body)


def test_an_adapter_lost_after_the_pulse_is_indeterminate_until_the_sensor_is_back(
    tmp_path: Path,
) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        request_id = await station.ask("A01")
        while not station.cable.pulses:
            station.cable.wrote.clear()
            await station.cable.wrote.wait()
        await asyncio.sleep(0.02)
        station.cable.pull()
        assert await station.until("A01", S.OPEN, S.INDETERMINATE, S.FAILED_OPEN) is S.INDETERMINATE
        await asyncio.sleep(60)
        station.cable.plugged = True
        await station.until("A01", S.OPEN, within_s=5)
        assert station.doors.view()["A01"].open_request_id == request_id
        assert station.events("door.unexpected") == []
        assert len(station.cable.pulses) == 1

    in_station(tmp_path, body)


def test_indeterminate_is_settled_by_the_first_reading_only(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        station.cabinet.jam("A01")
        await station.ask("A01")
        await station.until("A01", S.WAIT_OPEN)
        station.cable.pull()
        await station.until("A01", S.INDETERMINATE)
        station.cable.plugged = True
        await asyncio.sleep(5)  # the first reading says shut
        station.cabinet.free("A01")
        station.cabinet.pull("A01")  # somebody's crowbar, an hour later
        await asyncio.sleep(5)
        assert station.doors.view()["A01"].state is S.INDETERMINATE
        assert len(station.events("door.unexpected")) == 1

    in_station(tmp_path, body)


def test_a_door_that_springs_open_late_still_answers_its_pulse(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        station.cabinet.jam("A01")
        await station.ask("A01")
        await station.until("A01", S.FAILED_OPEN)
        station.cabinet.free("A01")
        station.cabinet.pull("A01")
        await station.until("A01", S.OPEN, within_s=5)
        assert station.events("door.unexpected") == []
        assert station.states() == ["queued", "pulsing", "failed_open", "open"]

    in_station(tmp_path, body)


def test_a_door_opened_long_after_a_failure_is_unexpected(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        station.cabinet.jam("A01")
        await station.ask("A01")
        await station.until("A01", S.FAILED_OPEN)
        await asyncio.sleep(40)
        station.cabinet.free("A01")
        station.cabinet.pull("A01")
        await asyncio.sleep(5)
        assert station.doors.view()["A01"].state is S.FAILED_OPEN
        assert station.events("door.unexpected") == ['{"compartment":"A01","open":true}']

    in_station(tmp_path, body)


def test_a_forced_door_is_told_when_it_opens_and_when_it_shuts(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        station.cabinet.pull("B03")
        await asyncio.sleep(5)
        await station.push("B03")
        await asyncio.sleep(5)
        assert station.events("door.unexpected") == [
            '{"compartment":"B03","open":true}',
            '{"compartment":"B03","open":false}',
        ]
        assert station.doors.view()["B03"].open is False

    in_station(tmp_path, body)


def test_another_door_never_closes_or_opens_a_request(tmp_path: Path) -> None:
    """Crossed wires: the pulse for A01 opens A02."""

    async def body(station: Station) -> None:
        await station.boot()
        station.cabinet.jam("A01")
        await station.ask("A01")
        await station.until("A01", S.PULSING)
        station.cabinet.pull("A02")
        assert await station.until("A01", S.OPEN, S.FAILED_OPEN) is S.FAILED_OPEN
        await asyncio.sleep(5)
        assert station.events("door.unexpected") == ['{"compartment":"A02","open":true}']

    in_station(tmp_path, body)


def test_a_door_left_open_is_told_once(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        await station.ask("A01")
        await station.until("A01", S.OPEN)
        await asyncio.sleep(119)
        assert station.events("door.left_open") == []
        await asyncio.sleep(600)
        (told,) = station.events("door.left_open")
        assert '"open_for_s":12' in told
        await station.push("A01")
        await station.until("A01", S.CLOSED)

    in_station(tmp_path, body)


def test_each_door_left_open_is_told(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        for label in ("A01", "A02", "A03"):
            await station.ask(label)
            await station.until(label, S.OPEN)
        await station.push("A01")
        await station.until("A01", S.CLOSED)
        await asyncio.sleep(200)
        told = station.events("door.left_open")
        assert [label for label in ("A01", "A02", "A03") if label in str(told)] == ["A02", "A03"]
        await asyncio.sleep(200)
        assert len(station.events("door.left_open")) == 2

    in_station(tmp_path, body)


def test_idle_doors_are_read_once_a_second_doors_in_use_more_often(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        station.cable.sent.clear()
        await asyncio.sleep(60)
        assert len(station.cable.sent) == pytest.approx(2 * 60, abs=4)
        await station.ask("A01")
        await station.until("A01", S.OPEN)
        station.cable.sent.clear()
        await asyncio.sleep(10)
        assert len(station.cable.sent) > 2 * 10 + 40
        await asyncio.sleep(300)  # left open: back to the idle pace
        station.cable.sent.clear()
        await asyncio.sleep(60)
        assert len(station.cable.sent) == pytest.approx(2 * 60, abs=4)

    in_station(tmp_path, body)


def test_a_door_in_use_is_watched_at_once_however_long_idle_doors_wait(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        await station.ask("A01")
        await station.until("A01", S.OPEN)
        await station.push("A01")
        await station.until("A01", S.CLOSED, within_s=2)

    in_station(tmp_path, body, poll_idle_s=600)


def test_view_is_known_before_anybody_is_served(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        station.cabinet.pull("B02")
        await station.boot()
        view = station.doors.view()
        assert list(view) == [part.label for part in station.config.compartment]
        assert [label for label, door in view.items() if door.open] == ["B02"]
        await asyncio.sleep(5)
        assert station.events("door.unexpected") == []  # `station.started` carries it

    in_station(tmp_path, body)


def test_a_door_forced_open_is_told_once_though_the_port_goes_and_comes(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        station.cabinet.pull("B03")
        await asyncio.sleep(5)
        station.cable.pull()
        await asyncio.sleep(10)
        assert station.doors.view()["B03"].open is None
        station.cable.plugged = True
        await asyncio.sleep(10)
        assert station.doors.view()["B03"].open is True
        assert len(station.events("door.unexpected")) == 1

    in_station(tmp_path, body)


def test_a_port_that_goes_and_comes_does_not_restart_the_reminder(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        await station.ask("A01")
        await station.until("A01", S.OPEN)
        await asyncio.sleep(60)
        station.cable.pull()
        await asyncio.sleep(10)
        station.cable.plugged = True
        await asyncio.sleep(52)
        (told,) = station.events("door.left_open")
        assert '"open_for_s":12' in told

    in_station(tmp_path, body)


def test_a_door_forced_long_after_a_restart_is_not_the_old_requests(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        station.cabinet.jam("A01")
        await station.ask("A01")
        await station.until("A01", S.WAIT_OPEN)
        await station.cut()
        await station.boot()
        station.cabinet.free("A01")
        assert station.doors.view()["A01"].state is S.INDETERMINATE
        station.cabinet.pull("A01")
        await asyncio.sleep(5)
        assert station.doors.view()["A01"].state is S.INDETERMINATE
        assert len(station.events("door.unexpected")) == 1

    in_station(tmp_path, body)


def test_a_door_shut_while_its_opening_is_being_stored_is_closed(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        write = station.db.write

        async def slow_disk(fn: Fn[T]) -> T:
            await asyncio.sleep(3)
            return await write(fn)

        await station.ask("A01")
        await station.until("A01", S.WAIT_OPEN)
        station.db.write = slow_disk  # type: ignore[method-assign]
        await station.push("A01")
        await station.until("A01", S.OPEN)
        await station.until("A01", S.CLOSED)
        assert station.states() == ["queued", "pulsing", "open", "closed"]

    in_station(tmp_path, body)


def test_a_sensor_that_comes_too_late_for_the_disk_is_no_crash(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        station.cabinet.jam("A01")
        await station.ask("A01")
        await station.until("A01", S.FAILED_OPEN)
        await station.db.write(
            lambda conn: conn.execute("UPDATE open_request SET state = 'closed'")
        )
        station.cabinet.free("A01")
        station.cabinet.pull("A01")
        await asyncio.sleep(5)
        assert station.doors.view()["A01"].open is True
        assert station.states() == ["queued", "pulsing", "failed_open"]

    in_station(tmp_path, body)


def test_a_door_that_opens_late_under_a_newer_request_is_the_newer_ones(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        station.cabinet.jam("A01")
        await station.ask("A01")
        await station.until("A01", S.FAILED_OPEN)
        newer = wish("A01")  # "again" is committed, the runner has not been told yet
        request_id = await station.db.write(lambda conn: station.doors.request_tx(conn, newer))
        station.cabinet.free("A01")
        station.cabinet.pull("A01")
        await asyncio.sleep(2)
        station.doors.kick()
        await station.until("A01", S.OPEN, within_s=5)
        assert station.doors.view()["A01"].open_request_id == request_id
        await station.push("A01")
        await station.until("A01", S.CLOSED, within_s=5)
        await station.ask("A01")  # the door is free again

    in_station(tmp_path, body)
