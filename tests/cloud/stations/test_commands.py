"""Commands: signed, short-lived, moved by what the station says."""

import pytest

from cloud.stations.machine import COMMAND_TRANSITIONS
from cloud.stations.views import CommandView
from common.contract.events import CommandResult
from common.contract.replica import CommandRow
from common.contract.signing import command_message
from common.contract.words import CommandState
from common.kit.errors import ConflictError, NotFoundError, RefusedError
from common.kit.identity import public_key, verify
from tests.cloud.stations.world import OTHER_ID, STATION_ID, World, open_station


async def opened(world: World) -> CommandView:
    await open_station(world)
    return await world.stations.command_open_door(
        STATION_ID, label="A01", reason="resident called", issued_by="operator:wang"
    )


async def answer(world: World, view: CommandView, state: CommandState) -> CommandState:
    result = CommandResult.model_validate(
        {"command_id": view.command_id, "state": state, "detail": "door A01"}
    )
    await world.report(result)
    return (await world.stations.commands.view(view.command_id)).state


async def test_the_row_is_signed_for_this_station_and_expires(world: World) -> None:
    view = await opened(world)
    [row] = await world.rows("command")
    assert isinstance(row, CommandRow)
    signature = bytes.fromhex(row.signature)
    key = public_key(world.secrets.command_key)
    assert verify(key, command_message(row, station_id=STATION_ID), signature)
    other = command_message(row, station_id="01K0TESTSTATN0000000000002")
    assert not verify(key, other, signature)
    assert row.expires_at_ms == row.issued_at_ms + 60_000
    assert len(row.nonce) == 32
    assert (view.state, view.issued_by) == ("queued", "operator:wang")


async def test_reports_move_it_forward_only_and_its_row_leaves_at_the_end(world: World) -> None:
    view = await opened(world)
    assert await answer(world, view, CommandState.STARTED) is CommandState.STARTED
    assert await answer(world, view, CommandState.DELIVERED) is CommandState.STARTED
    assert len(await world.rows("command")) == 1
    assert await answer(world, view, CommandState.SUCCEEDED) is CommandState.SUCCEEDED
    assert await answer(world, view, CommandState.FAILED) is CommandState.SUCCEEDED
    assert await world.rows("command") == []
    detail = await world.stations.detail(STATION_ID)
    assert [one.detail for one in detail.commands] == ["door A01"]
    assert await world.violations() == []


async def test_another_stations_word_moves_no_command_and_calls_a_person(world: World) -> None:
    view = await opened(world)
    await open_station(world, OTHER_ID)
    result = CommandResult(command_id=view.command_id, state=CommandState.SUCCEEDED, detail="mine")
    await world.report(result, station_id=OTHER_ID)
    assert (await world.stations.commands.view(view.command_id)).state is CommandState.QUEUED
    assert len(await world.rows("command")) == 1
    [alarm] = (await world.stations.detail(OTHER_ID)).alarms
    assert (alarm.kind, alarm.times) == ("foreign", 1)
    assert await world.violations() == []


async def test_what_was_never_delivered_expires_and_a_late_fact_wins(world: World) -> None:
    view = await opened(world)
    world.clock.pass_s(59)
    await world.stations.sweep()
    assert (await world.stations.commands.view(view.command_id)).state == "queued"
    world.clock.pass_s(2)
    await world.stations.sweep()
    assert (await world.stations.commands.view(view.command_id)).state == "expired"
    assert await world.rows("command") == []
    assert await answer(world, view, CommandState.SUCCEEDED) is CommandState.SUCCEEDED


async def test_what_was_delivered_and_never_answered_is_unknown(world: World) -> None:
    view = await opened(world)
    await answer(world, view, CommandState.DELIVERED)
    world.clock.pass_s(60 + 300 - 1)
    await world.stations.sweep()
    assert (await world.stations.commands.view(view.command_id)).state == "delivered"
    world.clock.pass_s(2)
    await world.stations.sweep()
    assert (await world.stations.commands.view(view.command_id)).state == "unknown"


async def test_a_door_or_command_nobody_knows(world: World) -> None:
    await open_station(world)
    with pytest.raises(NotFoundError):
        await world.stations.command_open_door(
            STATION_ID, label="Z99", reason="no such door", issued_by="x"
        )
    with pytest.raises(NotFoundError):
        await world.stations.commands.view("01K0REQVEST000000000000001")
    await world.report(
        CommandResult(command_id="01K0REQVEST000000000000001", state=CommandState.FAILED, detail="")
    )
    assert await world.violations() == []


def test_the_table_knows_every_pair() -> None:
    assert COMMAND_TRANSITIONS.keys() == {(a, b) for a in CommandState for b in CommandState}


async def ask(world: World, label: str, by: str) -> CommandView:
    return await world.stations.command_open_door(
        STATION_ID, label=label, reason="resident called", issued_by=by
    )


async def test_another_door_within_ten_minutes_takes_two_persons(world: World) -> None:
    await open_station(world)
    assert (await ask(world, "A01", "wang")).state is CommandState.QUEUED
    assert (await ask(world, "A01", "wang")).state is CommandState.QUEUED  # the same door again
    held = await ask(world, "A02", "wang")
    assert held.state is CommandState.HELD
    assert len(await world.rows("command")) == 2
    with pytest.raises(RefusedError, match="another person"):
        await world.stations.commands.confirm(held.command_id, "wang")
    world.clock.pass_s(300)
    sent = await world.stations.commands.confirm(held.command_id, "li")
    assert (sent.state, sent.detail) == (CommandState.QUEUED, "confirmed by li")
    (row,) = [
        row for row in await world.rows("command")
        if isinstance(row, CommandRow) and row.command_id == held.command_id
    ]  # fmt: skip
    assert row.issued_by == "wang + li"
    assert row.expires_at_ms == world.now_ms() + 60_000
    key, message = (
        public_key(world.secrets.command_key),
        command_message(row, station_id=STATION_ID),
    )
    assert verify(key, message, bytes.fromhex(row.signature))
    with pytest.raises(ConflictError, match="does not wait"):
        await world.stations.commands.confirm(held.command_id, "li")
    assert (await ask(world, "A02", "zhao")).state is CommandState.QUEUED  # her first
    assert await world.violations() == []


async def test_nobody_confirms_in_time_and_the_window_passes(world: World) -> None:
    await open_station(world)
    await ask(world, "A01", "wang")
    held = await ask(world, "A02", "wang")
    world.clock.pass_s(601)
    with pytest.raises(ConflictError):
        await world.stations.commands.confirm(held.command_id, "li")
    await world.stations.sweep()
    assert (await world.stations.commands.view(held.command_id)).state is CommandState.EXPIRED
    assert (await ask(world, "A02", "wang")).state is CommandState.QUEUED
    with pytest.raises(NotFoundError):
        await world.stations.commands.confirm("01K0N0SVCHC0MMAND000000000", "li")
