"""Doors of a bus that a technician works at: refused clearly, nothing lost, all as before afterwards."""

import asyncio
from pathlib import Path

import pytest

from common.contract.words import DoorState
from common.kit.errors import ConflictError
from tests.edge.doors.station import Station, in_station

LABELS = ("A01", "A02")


def test_a_lent_door_refuses_and_another_opens(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        assert await station.doors.lend(LABELS) == {"A01": (), "A02": ()}
        with pytest.raises(ConflictError) as refused:
            await station.ask("A01")
        assert refused.value.key == "doors.in_maintenance"
        await station.ask("A03")
        await station.until("A03", DoorState.OPEN)
        assert await station.doors.lend(()) == {}  # A03 is open, and not asked for
        station.doors.take_back(LABELS)
        await station.ask("A01")
        await station.until("A01", DoorState.OPEN)
        assert [row["compartment"] for row in station.pulse_rows()] == ["A03", "A01"]

    in_station(tmp_path, body)


def test_a_door_in_use_keeps_its_bus(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        await station.ask("A02")
        with pytest.raises(ConflictError) as refused:
            await station.doors.lend(LABELS)
        assert (refused.value.key, refused.value.params["compartment"]) == ("doors.busy", "A02")
        assert "A02 is in use" in refused.value.detail
        await station.until("A02", DoorState.OPEN)
        with pytest.raises(ConflictError):
            await station.doors.lend(LABELS)
        await station.ask("A01")  # nothing stayed lent
        await station.until("A01", DoorState.OPEN)
        for label in LABELS:
            await station.push(label)
            await station.until(label, DoorState.CLOSED)
        ages = await station.doors.lend(LABELS)
        assert [len(ages[label]) for label in LABELS] == [1, 1]

    in_station(tmp_path, body)


def test_the_port_is_closed_while_it_is_lent_and_opened_as_at_a_start(tmp_path: Path) -> None:
    async def body(station: Station) -> None:
        await station.boot()
        told: list[tuple[bool, str]] = []
        station.hardware.on_bus_change(lambda _bus, _unit, up, detail: told.append((up, detail)))
        await station.hardware.lend("bus0")
        state = station.hardware.bus_state["bus0"]
        assert (state.up, "lent" in state.detail) == (False, True)
        station.cable.sent.clear()
        await asyncio.sleep(5)
        assert station.cable.sent == []
        assert station.doors.view()["A01"].open is None
        station.hardware.take_back("bus0")
        await asyncio.sleep(5)
        assert station.doors.view()["A01"].open is False
        assert [up for up, _ in told] == [False, True]
        first = next(sent.data for sent in station.cable.sent if sent.data[0] == 1)
        assert first[1] == 0x05, "the relays are dropped first"
        await station.hardware.lend("bus0")  # and again
        assert not station.hardware.bus_state["bus0"].up

    in_station(tmp_path, body)
