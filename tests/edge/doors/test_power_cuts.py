"""The power goes at every arrow: after the restart nothing pulses by itself and the sensor decides."""

import asyncio
import re
from pathlib import Path

import pytest

from common.contract.words import DoorState
from edge.doors import DoorView
from tests.edge.doors.station import Station, cut_at, in_station

S = DoorState
ROOT = Path(__file__).parents[3]

# failpoint → (pulses on the wire before the cut, state after the restart when the door had opened)
ON_THE_WAY = {
    "doors.before_pulse_row": (0, S.INDETERMINATE),
    "doors.pulse_row_committed": (0, S.INDETERMINATE),
    "doors.pulse_sent": (1, S.OPEN),
    "doors.sensor_judged": (1, S.OPEN),
    "doors.outcome_committed": (1, S.OPEN),
    "doors.before_closed": (1, S.CLOSED),
    "doors.closed_committed": (1, S.CLOSED),
}


def _stored(station: Station, request_id: str) -> tuple[DoorState, int]:
    row = station.db.write_now(
        lambda conn: conn.execute(
            "SELECT state, pulses FROM open_request WHERE open_request_id = ?", (request_id,)
        ).fetchone()
    )
    return DoorState(row["state"]), row["pulses"]


async def _open_and_shut(station: Station) -> str:
    request_id = await station.ask("A01")

    async def shut() -> None:
        await station.until("A01", S.OPEN)
        await asyncio.sleep(2)
        await station.push("A01")

    hand = asyncio.create_task(shut())
    await station.died()
    hand.cancel()  # whoever stands before the door now waits until the power is back
    await asyncio.gather(hand, return_exceptions=True)
    return request_id


@pytest.mark.parametrize("new_machine_boot", [False, True], ids=["daemon", "machine"])
@pytest.mark.parametrize("place", ON_THE_WAY)
def test_a_cut_on_the_way(tmp_path: Path, place: str, new_machine_boot: bool) -> None:
    pulses, state = ON_THE_WAY[place]

    async def body(station: Station) -> None:
        await station.boot()
        cut_at(place)
        request_id = await _open_and_shut(station)
        assert len(station.cable.pulses) == pulses
        await station.boot(new_machine_boot=new_machine_boot)
        assert _stored(station, request_id)[0] is state
        if state is S.OPEN:
            await station.push("A01")
            await station.until("A01", S.CLOSED)
        await asyncio.sleep(200)
        assert len(station.cable.pulses) == pulses  # nothing by itself
        assert station.events("door.unexpected") == []
        told = station.states()
        assert told[0] == "queued"
        assert told.count("open") == (1 if pulses else 0)
        assert len(told) == len(set(told))

    in_station(tmp_path, body)


@pytest.mark.parametrize("place", ["doors.pulse_row_committed", "doors.pulse_sent"])
def test_a_door_left_indeterminate_may_be_asked_for_anew(tmp_path: Path, place: str) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        station.cabinet.jam("A01")
        cut_at(place)
        request_id = await station.ask("A01")
        await station.died()
        await station.boot()
        assert _stored(station, request_id) == (S.INDETERMINATE, 1)  # counted: it may have left
        before = len(station.cable.pulses)
        station.cabinet.free("A01")
        await station.ask("A01")
        await station.until("A01", S.OPEN)
        assert len(station.cable.pulses) == before + 1

    in_station(tmp_path, body)


@pytest.mark.parametrize("place", ["doors.before_start", "doors.reconciled"])
def test_a_cut_while_starting(tmp_path: Path, place: str) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        cut_at("doors.pulse_sent")
        request_id = await station.ask("A01")
        await station.died()
        cut_at(place)
        with pytest.raises(BaseExceptionGroup):
            await station.boot()
        await station.died()
        await station.boot()
        assert _stored(station, request_id)[0] is S.OPEN
        assert station.states() == ["queued", "pulsing", "open"]
        assert len(station.cable.pulses) == 1

    in_station(tmp_path, body)


@pytest.mark.parametrize(
    "place",
    ["doors.bus_down_committed", "doors.expired_committed", "doors.refused_committed"],
)
def test_a_cut_after_an_end_without_a_pulse(tmp_path: Path, place: str) -> None:
    ends = {
        "doors.bus_down_committed": S.BUS_DOWN,
        "doors.expired_committed": S.EXPIRED,
        "doors.refused_committed": S.FAILED_OPEN,
    }

    async def body(station: Station) -> None:
        await station.boot()
        if place == "doors.bus_down_committed":
            station.cable.pull()
        elif place == "doors.expired_committed":
            await station.cut()
            station.config = station.config.model_copy(
                update={"doors": station.config.doors.model_copy(update={"queue_ttl_s": 0.01})}
            )
            await station.boot()
            await station.ask("A02")  # its frame takes the wire for longer than a wish lives
        else:
            _refuse(station)
        cut_at(place)
        request_id = await station.ask("A01")
        await station.died()
        station.cable.plugged = True
        await station.boot()
        await asyncio.sleep(60)
        assert _stored(station, request_id)[0] is ends[place]
        assert [p for p in station.cabinet.witness.pulses if p.channel == 0] == []

    in_station(tmp_path, body)


def _refuse(station: Station) -> None:
    """Let unit 1 answer every pulse with exception 4."""
    feed = station.cable.bus.feed

    def refusing(data: bytes, now_s: float) -> object:
        if data[:3] == b"\x01\x05\x02":
            refusal = bytes.fromhex("01 85 04 43 53")
            asyncio.get_running_loop().call_later(0.02, station.cable.say, refusal)
            return []
        return feed(data, now_s)

    station.cable.bus.feed = refusing  # type: ignore[method-assign, assignment]


def test_timers_go_on_after_a_restart_and_remind_once(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        await station.ask("A01")
        await station.until("A01", S.OPEN)
        await asyncio.sleep(100)
        await station.cut()
        await station.boot(new_machine_boot=True)
        view: DoorView = station.doors.view()["A01"]
        assert view.state is S.OPEN
        await asyncio.sleep(30)
        assert len(station.events("door.left_open")) == 1
        await station.cut()
        await station.boot()
        await asyncio.sleep(300)
        assert len(station.events("door.left_open")) == 1
        await station.push("A01")
        await station.until("A01", S.CLOSED)

    in_station(tmp_path, body)


def test_a_door_shut_while_the_power_was_away_is_closed_at_the_start(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        request_id = await station.ask("A01")
        await station.until("A01", S.OPEN)
        await station.cut()
        await station.push("A01")
        await station.boot()
        assert _stored(station, request_id)[0] is S.CLOSED
        assert station.told[-1].state is S.CLOSED

    in_station(tmp_path, body)


def test_a_start_without_the_port_settles_by_the_first_reading_after_it_is_back(
    tmp_path: Path,
) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        cut_at("doors.pulse_sent")
        request_id = await station.ask("A01")
        await station.died()
        station.cable.plugged = False
        await station.boot()
        assert _stored(station, request_id)[0] is S.INDETERMINATE
        await asyncio.sleep(30)
        station.cable.plugged = True
        await station.until("A01", S.OPEN, within_s=5)
        assert len(station.cable.pulses) == 1

    in_station(tmp_path, body)


def test_a_late_opening_and_a_reminder_survive_a_cut_right_after(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        station.cabinet.jam("A01")
        request_id = await station.ask("A01")
        await station.until("A01", S.FAILED_OPEN)
        cut_at("doors.opened_late_committed")
        station.cabinet.free("A01")
        station.cabinet.pull("A01")
        await station.died()
        await station.boot()
        assert _stored(station, request_id)[0] is S.OPEN
        cut_at("doors.left_open_told")
        await asyncio.sleep(150)
        await station.died()
        await station.boot()
        await asyncio.sleep(300)
        assert len(station.events("door.left_open")) == 1

    in_station(tmp_path, body)


async def _boot_without_a01(station: Station) -> None:
    """Start with a station.toml that lacks the first compartment."""
    parts = tuple(part for part in station.config.compartment if part.label != "A01")
    station.config = station.config.model_copy(update={"compartment": parts})
    await station.boot()


@pytest.mark.parametrize("place", ["doors.before_pulse_row", "doors.pulse_row_committed"])
def test_a_door_taken_out_of_the_configuration_meanwhile_is_never_pulsed(
    tmp_path: Path, place: str
) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        cut_at(place)
        request_id = await station.ask("A01")
        await station.died()
        await _boot_without_a01(station)
        assert _stored(station, request_id)[0] is S.INDETERMINATE
        await station.ask("A02")
        await station.until("A02", S.OPEN)
        assert [pulse.channel for pulse in station.cabinet.witness.pulses] == [1]

    in_station(tmp_path, body)


def test_an_open_door_taken_out_of_the_configuration_is_settled_when_it_is_back(
    tmp_path: Path,
) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        whole = station.config
        request_id = await station.ask("A01")
        await station.until("A01", S.OPEN)
        await station.cut()
        await _boot_without_a01(station)
        await asyncio.sleep(300)
        assert _stored(station, request_id)[0] is S.OPEN
        await station.push("A01")
        await station.cut()
        station.config = whole
        await station.boot()
        assert _stored(station, request_id)[0] is S.CLOSED

    in_station(tmp_path, body)


def test_every_failpoint_of_this_room_is_cut_at_here() -> None:
    named = {
        name
        for path in (ROOT / "edge/doors").glob("*.py")
        for name in re.findall(r'fp\("(doors\.\w+)"\)', path.read_text(encoding="utf-8"))
    }
    assert named
    source = Path(__file__).read_text(encoding="utf-8")
    assert {name for name in named if f'"{name}"' not in source} == set()
