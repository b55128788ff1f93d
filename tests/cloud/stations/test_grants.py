"""Codes: drawn apart from each other, sealed, revoked only when the station says so, forgotten at the end."""

import pytest
import sqlalchemy as sa
from cryptography.exceptions import InvalidTag

from cloud.stations.keys import seal, unseal
from cloud.stations.machine import (
    GRANT_TRANSITIONS,
    GrantTrigger,
    HubGrantState,
    next_grant_state,
)
from cloud.stations.models import grant as grant_table
from cloud.stations.service import GrantOrder, PreparedGrant
from cloud.stations.store import grants
from cloud.stations.store.grants import known_grant
from common.contract.events import GrantActivated, GrantStateChanged
from common.contract.papers import RevocationApplied
from common.contract.qr import decode, key_message
from common.contract.replica import GrantKeyRow, GrantRow, ParcelRow
from common.contract.words import Size, TemperatureClass
from common.kit.chance import seeded_chance
from common.kit.codes import confusable
from common.kit.errors import ConflictError, NotFoundError
from common.kit.identity import public_key, verify
from tests.cloud.stations.world import OTHER_ID, STATION_ID, World, open_station

ORDER = "01K0RDER000000000000000001"
PERSON = "01K0PERS0N0000000000000001"
PARCEL = "01K0PARCE10000000000000001"


async def issue(
    world: World, prepared: PreparedGrant | None = None, *, parcel_id: str = PARCEL
) -> str:
    ready = prepared or await world.stations.grants.prepare(STATION_ID)
    order = GrantOrder(ORDER, PERSON, 72 * 3600, world.now_ms() + 14 * 24 * 3_600_000)
    parcel = ParcelRow(
        parcel_id=parcel_id,
        label="LL0000000001",
        order_tail="0001",
        person_masked="张*明",
        phone_tail="1234",
        temperature_class=TemperatureClass.CHILLED,
        size=Size.S,
        items=1,
        expected_on="2026-03-01",
        state="announced",
    )
    return await world.db.write(
        lambda c: world.stations.grants.issue_tx(c, ready, order=order, parcels=[parcel])
    )


async def moved(world: World, grant_id: str, state: str, pulses: int = 1) -> HubGrantState:
    await world.report(
        GrantStateChanged.model_validate({"grant_id": grant_id, "state": state, "pulses": pulses})
    )
    view = await world.db.read(lambda c: world.stations.grants.view_tx(c, grant_id))
    return view.state


async def test_a_code_is_stored_sealed_and_shown_whole(world: World) -> None:
    await open_station(world)
    prepared = await world.stations.grants.prepare(STATION_ID)
    assert prepared.digits not in repr(prepared)
    grant_id = await issue(world, prepared)
    sealed = await world.db.read(
        lambda c: c.execute(sa.select(grant_table.c.digits_sealed)).scalar_one()
    )
    assert prepared.digits.encode() not in sealed
    shown = await world.stations.codes.show(grant_id, shown_to="resident:zhang")
    assert shown == prepared.digits
    [row] = await world.rows("grant")
    assert isinstance(row, GrantRow)
    assert prepared.digits not in row.model_dump_json()


async def test_codes_of_a_station_are_never_mistaken_for_each_other(world: World) -> None:
    await open_station(world)
    digits = []
    for _ in range(12):
        prepared = await world.stations.grants.prepare(STATION_ID)
        await issue(world, prepared)
        digits.append(prepared.digits)
    assert not any(
        confusable(one, other) for n, one in enumerate(digits) for other in digits[n + 1 :]
    )


async def test_a_code_like_one_issued_meanwhile_is_refused(world: World) -> None:
    await open_station(world)
    first = await world.stations.grants.prepare(STATION_ID)
    await issue(world, first)
    twin = first.digits[:-1] + str((int(first.digits[-1]) + 1) % 10)
    again = PreparedGrant("01K0GRANT00000000000000001", STATION_ID, bytes(16), twin, b"")
    with pytest.raises(ConflictError) as refused:
        await issue(world, again)
    assert refused.value.key == "grant.prepare_again"


async def test_the_code_goes_through_its_life(world: World) -> None:
    await open_station(world)
    grant_id = await issue(world)
    until = world.now_ms() + 1000
    await world.report(GrantActivated(grant_id=grant_id, expires_at_ms=until))
    assert await moved(world, grant_id, "opening") is HubGrantState.ACTIVE
    assert await moved(world, grant_id, "issued") is HubGrantState.ACTIVE
    assert await moved(world, grant_id, "opened") is HubGrantState.OPENED
    assert await world.stations.codes.show(grant_id, shown_to="x") is not None
    assert await moved(world, grant_id, "done", 2) is HubGrantState.DONE
    assert await world.stations.codes.show(grant_id, shown_to="x") is None
    view = await world.db.read(lambda c: world.stations.grants.view_tx(c, grant_id))
    assert (view.pulses, view.expires_at_ms) == (2, until)
    with pytest.raises(ConflictError):
        await world.stations.grants.revoke(grant_id, "operator:wang")
    assert await world.violations() == []


async def test_revoked_only_when_the_station_has_applied_it(world: World) -> None:
    await open_station(world)
    grant_id = await issue(world)
    view = await world.stations.grants.revoke(grant_id, "operator:wang")
    again = await world.stations.grants.revoke(grant_id, "operator:wang")
    assert (view.state, view.revoke_state) == ("waiting", "pending")
    assert again == view
    assert await world.stations.codes.show(grant_id, shown_to="x") is None
    await world.apply_all()
    view = await world.db.read(lambda c: world.stations.grants.view_tx(c, grant_id))
    assert (view.state, view.revoke_state) == ("revoked", "done")
    assert await moved(world, grant_id, "opened") is HubGrantState.OPENED
    view = await world.db.read(lambda c: world.stations.grants.view_tx(c, grant_id))
    assert view.revoke_state == "too_late"
    assert await world.violations() == []


async def test_an_open_door_makes_the_revocation_too_late(world: World) -> None:
    await open_station(world)
    grant_id = await issue(world)
    await world.stations.grants.revoke(grant_id, "operator:wang")
    await moved(world, grant_id, "opened")
    await moved(world, grant_id, "done")
    await world.apply_all()
    view = await world.db.read(lambda c: world.stations.grants.view_tx(c, grant_id))
    assert (view.state, view.revoke_state) == ("done", "too_late")


async def test_an_expired_code_is_forgotten(world: World) -> None:
    await open_station(world)
    grant_id = await issue(world)
    await world.report(GrantActivated(grant_id=grant_id, expires_at_ms=world.now_ms() + 5000))
    world.clock.pass_s(4)
    assert await world.stations.codes.show(grant_id, shown_to="x") is not None
    world.clock.pass_s(1)
    assert await world.stations.codes.show(grant_id, shown_to="x") is None, "on the second"
    world.clock.pass_s(1)
    await world.stations.sweep()
    kept = await world.db.read(
        lambda c: c.execute(sa.select(grant_table.c.digits_sealed)).scalar_one()
    )
    assert kept is None


async def test_what_becomes_of_a_code_wakes_those_who_look_at_its_order(world: World) -> None:
    await open_station(world)
    grant_id = await issue(world)
    heard: list[str] = []
    world.db.on_hint(heard.append)
    await moved(world, grant_id, "opened")
    assert f"order:{ORDER}" in heard


async def test_grants_lie_at_their_own_station(world: World) -> None:
    await open_station(world)
    grant_id = await issue(world)
    for station_id, held in ((STATION_ID, [grant_id]), ("01K0TESTSTATN0000000000002", [])):
        found = await world.db.read(lambda c, at=station_id: grants.held_at(c, at))  # type: ignore[misc]
        assert [one.grant_id for one in found] == held


async def test_grants_nobody_knows(world: World) -> None:
    await open_station(world)
    with pytest.raises(NotFoundError):
        await world.stations.grants.revoke("01K0GRANT00000000000000001", "x")
    await world.report(GrantActivated(grant_id="01K0GRANT00000000000000001", expires_at_ms=1))
    assert await world.violations() == []


def test_a_sealed_code_opens_for_its_own_grant_only() -> None:
    sealed = seal(bytes(32), seeded_chance("x"), digits="48291375", grant_id="a")
    assert unseal(bytes(32), sealed, grant_id="a") == "48291375"
    with pytest.raises(InvalidTag):
        unseal(bytes(32), sealed, grant_id="b")


def test_the_table_takes_every_fact() -> None:
    assert GRANT_TRANSITIONS.keys() == {(a, b) for a in HubGrantState for b in GrantTrigger}
    for state in HubGrantState:
        if state is not HubGrantState.DONE:
            assert next_grant_state(state, GrantTrigger.OPENED) is HubGrantState.OPENED


async def test_the_qr_code_is_signed_by_a_key_that_is_pinned_before(world: World) -> None:
    await open_station(world)
    prepared = await world.stations.grants.prepare(STATION_ID)
    await issue(world, prepared)
    text = await world.stations.codes.qr(prepared.grant_id)
    assert text == await world.stations.codes.qr(prepared.grant_id)
    grant, signature = decode(text)
    assert (grant.station_id, grant.grant_id) == (STATION_ID, prepared.grant_id)
    assert grant.parcel_ids == (PARCEL,)
    rows = {row.kid: row for row in await world.rows("grant_key") if isinstance(row, GrantKeyRow)}
    assert set(rows) == {str(grant.kid), str(grant.kid + 1)}
    public = bytes.fromhex(rows[str(grant.kid)].public_key)
    assert verify(public, grant.message(), signature)
    command_key = public_key(world.secrets.command_key)
    for kid, row in rows.items():
        message = key_message(STATION_ID, int(kid), bytes.fromhex(row.public_key))
        assert verify(command_key, message, bytes.fromhex(row.signature))


async def test_a_revoked_grant_stays_in_the_feed_until_its_end(world: World) -> None:
    await open_station(world)
    grant_id = await issue(world)
    await world.db.write(
        lambda c: world.stations.grants.report_tx(
            c, STATION_ID, grant_id, GrantTrigger.REVOKED, world.now_ms()
        )
    )
    soon, end = world.now_ms() + 3 * 86_400_000, world.now_ms() + 15 * 86_400_000
    grants = world.stations.grants
    assert await world.db.write(lambda c: grants.retire_tx(c, soon)) == 0
    assert await world.db.write(lambda c: grants.retire_tx(c, end)) == 1


async def test_another_stations_word_moves_no_code_and_calls_a_person(world: World) -> None:
    await open_station(world)
    await open_station(world, OTHER_ID)
    grant_id = await issue(world)
    await world.report(
        GrantActivated(grant_id=grant_id, expires_at_ms=1),
        GrantStateChanged(grant_id=grant_id, state="done", pulses=7),
        RevocationApplied(epoch=1, grant_ids=(grant_id,)),
        station_id=OTHER_ID,
    )
    record = await world.db.read(lambda c: known_grant(c, grant_id))
    assert (record.state, record.pulses, record.expires_at_ms) == ("waiting", 0, None)
    assert await world.stations.codes.show(grant_id, shown_to="x") is not None
    [alarm] = (await world.stations.detail(OTHER_ID)).alarms
    assert (alarm.kind, alarm.times) == ("foreign", 2)
    assert (await world.stations.detail(STATION_ID)).alarms == ()
    assert await world.violations() == []


async def test_a_code_that_nobody_issued_calls_nobody(world: World) -> None:
    """A hub put back from a backup hears of codes that it does not know."""
    await open_station(world)
    await world.report(GrantStateChanged(grant_id=ORDER, state="done", pulses=1))
    assert (await world.stations.detail(STATION_ID)).alarms == ()
    assert await world.violations() == []
