"""What should not happen to an open request and might: it costs no pulse and holds up nobody."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from common.contract.words import DoorState as S
from common.kit import failpoints
from edge.doors import store
from edge.doors.machine import Trigger
from tests.edge.doors.station import Station, in_station


def test_a_wish_that_waited_behind_a_slow_board_expires_unpulsed(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        pulse = station.hardware.door_bus.pulse

        async def slow(label: str) -> object:
            await asyncio.sleep(3)
            return await pulse(label)

        station.hardware.door_bus.pulse = slow  # type: ignore[method-assign, assignment]
        for label in ("A01", "A02", "A03"):
            await station.ask(label)
        await station.until("A03", S.EXPIRED)
        await station.until("A02", S.OPEN)
        assert [row["compartment"] for row in station.pulse_rows()] == ["A01", "A02"]
        await station.ask("A03")  # an expired wish leaves its door free
        await station.until("A03", S.OPEN)

    in_station(tmp_path, body, queue_ttl_s=5)


def test_a_request_whose_row_is_gone_is_not_pulsed_and_holds_up_nobody(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()

        def lose() -> None:
            station.db.write_now(lambda conn: conn.execute("DELETE FROM open_request"))

        failpoints.arm("doors.before_pulse_row", lose)
        await station.ask("A01")
        await station.until("A01", S.PRECHECK)
        await asyncio.sleep(1)
        failpoints.disarm_all()
        assert station.cable.pulses == []
        assert station.pulse_rows() == []
        await station.ask("A01")
        await station.until("A01", S.OPEN)
        assert len(station.cable.pulses) == 1

    in_station(tmp_path, body)


def test_only_what_may_be_forgotten_is_stepped_in_memory_alone(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        await station.ask("A01")
        await station.until("A01", S.OPEN)
        journal = station.doors._journal
        with pytest.raises(ValueError, match="must be stored"):
            journal.step(journal.requests["A01"], Trigger.SEEN_CLOSED)
        assert journal.requests["A01"].state is S.OPEN

    in_station(tmp_path, body)


def test_a_request_that_is_not_there_cannot_move(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        with pytest.raises(LookupError):
            station.db.write_now(lambda conn: store.move(conn, "01NOBODY", S.OPEN, 1))

    in_station(tmp_path, body)


def test_a_wish_waits_in_seconds_however_long_the_machine_is_up(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        await station.ask("A01")
        await station.until("A01", S.OPEN)
        runner = station.doors._runner
        asked = station.doors._journal.requests["A01"]
        now_s = station.clock.monotonic_s()
        for up_s in (0, 90 * 86_400):
            at_s = now_s + up_s
            later = replace(asked, created_mono_ms=round(at_s * 1000))
            assert runner._left_s(later) == pytest.approx(60 + up_s, abs=0.01)

    in_station(tmp_path, body, queue_ttl_s=60)
