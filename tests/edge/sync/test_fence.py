"""One station, two daemons with its key: one speaks, the other knows that it may not, and a person decides."""

from pathlib import Path

import pytest

from cloud.sync import claims
from edge.sync.fence import Why
from tests.edge.sync.rig import HubRig, StationRig, until


def copy_of(subject: StationRig, hub: HubRig, folder: Path, name: str = "copy") -> StationRig:
    """A second machine with the same key; its disk is copied from the first when `subject.copy_file` says so."""
    twin = StationRig(folder, hub, name)
    twin.db.close()
    subject.copy_file(twin.path)
    twin.secrets = subject.secrets
    twin.clock = subject.clock
    twin.open()
    return twin


async def admit(hub: HubRig, station_id: str, install: int = 0) -> None:
    """The desk lets the daemon in that asked last."""
    waiting = await hub.db.read(lambda c: hub.gateway.claims_tx(c, station_id))
    one = waiting[install]
    await hub.db.write(lambda c: hub.gateway.admit_tx(c, station_id, one.hello_id))


async def test_the_copy_of_a_running_station_and_the_station_never_both_speak(
    hub: HubRig, subject: StationRig, tmp_path: Path
) -> None:
    """The copy knows the session too: whoever came last speaks; the desk turns it round, and no fact is lost."""
    async with hub.serving(), subject.running() as link:
        await subject.door("A1")
        await until(subject.is_empty)
        twin = copy_of(subject, hub, tmp_path)
        async with twin.running() as other:
            await twin.door("C1")
            await until(twin.is_empty)
            await until(lambda: link.view().fenced)  # its held poll ended at once
            await until(lambda: not other.view().fenced)  # once it has the rows as well
            await subject.door("A2")
            assert not subject.is_empty()
            await admit(hub, subject.station_id)
            await until(lambda: other.view().why is Why.FENCED)
            await until(lambda: link.view().why is Why.NONE and subject.is_empty())
            assert sorted(hub.labels()) == ["A1", "A2", "C1"]
    twin.db.close()
    assert hub.alarms() == {"fenced", "readmitted", "fork"}


async def test_copies_of_a_boot_that_was_not_answered_yet_do_not_share_its_session(
    hub: HubRig, subject: StationRig, tmp_path: Path
) -> None:
    await subject.boot()  # offline: the name of its next hello stands on the disk
    twin = copy_of(subject, hub, tmp_path)
    subject.restart()
    async with hub.serving(), subject.running() as link:
        await until(lambda: link.view().online)
        async with twin.running() as other:
            await until(lambda: other.view().fenced or link.view().fenced)
            assert other.view().fenced is not link.view().fenced
    twin.db.close()


async def test_one_that_was_turned_away_stays_so_without_a_network(
    hub: HubRig, subject: StationRig, tmp_path: Path
) -> None:
    twin = copy_of(subject, hub, tmp_path)
    async with hub.serving():
        async with subject.running() as link:
            await until(lambda: link.view().online)
            async with twin.running() as other:
                await until(lambda: other.view().fenced or link.view().fenced)
        first = hub.look(lambda c: claims.claims_tx(c, subject.station_id))
    loser = twin if other.view().fenced else subject
    loser.restart()
    await loser.boot()
    alone = loser.link()
    await alone.fence.settle()
    assert alone.view().why is Why.FENCED
    async with hub.serving(), loser.running():
        await until(
            lambda: (
                hub.look(lambda c: claims.claims_tx(c, subject.station_id))[0].last_ms
                >= first[0].last_ms
            )
        )
    assert len(hub.look(lambda c: claims.claims_tx(c, subject.station_id))) == 1
    twin.db.close()


async def test_of_two_that_live_the_silent_one_loses_nothing_by_itself(
    hub: HubRig, subject: StationRig, tmp_path: Path
) -> None:
    """Only a daemon that died is replaced without a person: one that was heard after the other asked did not."""
    old = copy_of(subject, hub, tmp_path, "old")
    async with hub.serving():
        async with subject.running() as link:
            await until(lambda: link.view().online)
        async with (
            subject.running() as link
        ):  # another boot: the old disk does not know its session
            await until(lambda: link.view().online)
            async with old.running() as other:
                await until(lambda: other.view().fenced)
                hub.clock.advance(seconds=40)
                await subject.door("A1")
                await until(subject.is_empty)
                hub.clock.advance(minutes=30)  # cut off, as the hub sees it
                asked = hub.look(lambda c: claims.claims_tx(c, subject.station_id))
                await until(
                    lambda: (
                        hub.look(lambda c: claims.claims_tx(c, subject.station_id))[0].last_ms
                        > asked[0].last_ms
                    )
                )
                assert other.view().fenced
    old.db.close()
    assert hub.alarms() == {"fenced"}


@pytest.mark.parametrize("wiped", [False, True])
async def test_an_older_or_empty_disk_opens_nothing_until_the_hub_has_told_what_it_forgot(
    hub: HubRig, subject: StationRig, tmp_path: Path, wiped: bool
) -> None:
    seen: list[Why] = []
    async with hub.serving():
        async with subject.running():
            await subject.door("A1")
            await until(subject.is_empty)
        subject.copy_file(tmp_path / "old.db")
        async with subject.running():
            await subject.door("A2")
            await until(subject.is_empty)
        if wiped:
            subject.db.close()
            for part in ("", "-wal", "-shm"):
                subject.path.with_name(subject.path.name + part).unlink(missing_ok=True)
            subject.open()
        else:
            subject.restore_file(tmp_path / "old.db")
        hub.clock.advance(minutes=10)
        told: list[tuple[str, int]] = []
        hub.gateway.on_fork(
            ["door.unexpected"],
            lambda _c, station_id, facts: told.append((station_id, len(list(facts)))),
        )
        await subject.boot()
        link = subject.link()
        link.fence.on_change.append(lambda: seen.append(link.fence.why))
        await subject.door("A3")
        async with subject.talking(link):
            await until(lambda: seen == [Why.STALE, Why.NONE] and subject.is_empty())
    assert told[0] == (subject.station_id, 2 if wiped else 1)
    assert sorted(hub.labels()) == ["A1", "A2", "A3"]
