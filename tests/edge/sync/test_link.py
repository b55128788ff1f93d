"""Station and hub over real sockets: rows come down, events go up, each takes effect once."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from common.contract.versions import OURS, Versions
from common.kit.failpoints import arm, disarm_all
from tests.edge.sync.rig import HubRig, StationRig, until


async def test_rows_come_down_and_events_go_up(hub: HubRig, subject: StationRig) -> None:
    await hub.put(subject.station_id, "A1")
    async with hub.serving(), subject.running() as link:
        await until(lambda: subject.rows() == {"A1": False})
        op = await hub.put(subject.station_id, "A1", broken=True)
        await until(lambda: subject.rows() == {"A1": True})
        await subject.door("A1", "A2")
        await until(lambda: subject.is_empty() and hub.labels() == ["A1", "A2"])
        status = await hub.db.read(lambda c: hub.gateway.station_status_tx(c, subject.station_id))
        assert (status.applied_op, status.lag_ops, status.boot_epoch) == (op, 0, 1)
        assert link.view().online
        await until(lambda: subject.outbox.backlog().facts == 0)
    assert hub.alarms() == set()


async def test_both_work_alone_and_agree_later(hub: HubRig, subject: StationRig) -> None:
    async with subject.running() as link:
        await subject.door("A1")
        await until(lambda: subject.outbox.backlog().facts == 1)
        assert not link.view().online
        await hub.put(subject.station_id, "A1")
        async with hub.serving():
            await until(lambda: hub.labels() == ["A1"] and subject.rows() == {"A1": False})
            await until(lambda: link.view().online)


async def test_a_delete_reaches_the_station(hub: HubRig, subject: StationRig) -> None:
    await hub.put(subject.station_id, "A1")
    await hub.put(subject.station_id, "A2")
    async with hub.serving(), subject.running():
        await until(lambda: len(subject.rows()) == 2)
        await hub.db.write(
            lambda c: hub.gateway.delete_row_tx(c, subject.station_id, "compartment", "A1")
        )
        await until(lambda: subject.rows() == {"A2": False})


async def test_a_lost_answer_is_asked_for_again(hub: HubRig, subject: StationRig) -> None:
    lost = 0

    def lose() -> None:
        nonlocal lost
        lost += 1
        if lost <= 3:
            raise ConnectionResetError("the line went away behind the commit")

    arm("sync.hub.events_committed", lose)
    async with hub.serving(), subject.running():
        await subject.door("A1", "A2")
        await until(lambda: subject.is_empty() and hub.labels() == ["A1", "A2"])
    assert lost > 3
    assert hub.alarms() == set()


async def test_poison_is_kept_apart_and_stops_nothing(hub: HubRig, subject: StationRig) -> None:
    async with hub.serving(), subject.running():
        await subject.door("A1", "POISON", "A2")
        await until(lambda: subject.is_empty() and hub.labels() == ["A1", "A2"])
    assert hub.quarantined() == 1
    events = hub.look(lambda c: hub.gateway.events_tx(c, subject.station_id))
    assert any("POISON" in event.body for event in events)


async def test_a_restored_hub_is_filled_again(
    hub: HubRig, subject: StationRig, tmp_path: Path
) -> None:
    await hub.put(subject.station_id, "A1")
    async with subject.running():
        async with hub.serving():
            await subject.door("A1")
            await until(lambda: subject.is_empty() and hub.labels() == ["A1"])
        hub.copy_file(tmp_path / "copy.db")
        async with hub.serving():
            await hub.put(subject.station_id, "A2")
            await subject.door("A2", "A3")
            await until(lambda: subject.is_empty() and len(subject.rows()) == 2)
        await hub.restore_file(tmp_path / "copy.db")
        assert hub.labels() == ["A1"]
        await hub.put(subject.station_id, "B9")  # the same op number, another row
        async with hub.serving():
            await subject.door("A4")
            await until(lambda: set(subject.rows()) == {"A1", "B9"})
            await until(lambda: hub.labels() == ["A1", "A2", "A3", "A4"] and subject.is_empty())
            status = await hub.db.read(
                lambda c: hub.gateway.station_status_tx(c, subject.station_id)
            )
            assert status.lag_ops == 0
    assert hub.alarms() == set()


async def test_an_idle_station_notices_a_restored_hub(
    hub: HubRig, subject: StationRig, tmp_path: Path
) -> None:
    subject.config = subject.config.model_copy(update={"heartbeat_s": 0.05})
    async with subject.running():
        async with hub.serving():
            await subject.door("A1")
            await until(lambda: subject.is_empty() and hub.labels() == ["A1"])
            hub.copy_file(tmp_path / "copy.db")
            await subject.door("A2")
            await until(lambda: subject.is_empty() and hub.labels() == ["A1", "A2"])
        await hub.restore_file(tmp_path / "copy.db")
        async with hub.serving():
            await until(lambda: hub.labels() == ["A1", "A2"] and subject.is_empty())


async def test_an_older_station_file_is_noticed_and_no_fact_lost(
    hub: HubRig, subject: StationRig, tmp_path: Path
) -> None:
    async with hub.serving():
        async with subject.running():
            await subject.door("A1")
            await until(lambda: subject.is_empty() and hub.labels() == ["A1"])
        subject.copy_file(tmp_path / "old.db")
        async with subject.running():
            await subject.door("A2")
            await until(lambda: subject.is_empty() and hub.labels() == ["A1", "A2"])
        subject.restore_file(tmp_path / "old.db")
        hub.clock.advance(minutes=1)
        async with subject.running() as link:
            await subject.door("A3")
            await until(lambda: link.view().fenced)  # its own younger self may still run
            hub.clock.advance(minutes=10)
            await until(lambda: subject.is_empty() and hub.labels() == ["A1", "A2", "A3"])
            await until(lambda: not link.view().fenced)
    assert hub.alarms() == {"fenced", "taken_over", "fork"}


async def test_of_a_station_and_its_copy_only_one_may_speak(
    hub: HubRig, subject: StationRig, tmp_path: Path
) -> None:
    clone = StationRig(tmp_path, hub, "clone")
    clone.db.close()
    async with hub.serving():
        async with subject.running():
            await subject.door("A1")
            await until(subject.is_empty)
            subject.copy_file(clone.path)
        clone.secrets = subject.secrets
        clone.open()
        async with subject.running() as link:
            await until(lambda: link.view().online)
            async with clone.running() as other:
                await clone.door("C1")
                await until(lambda: other.view().fenced)
                await subject.door("A2")
                await until(lambda: subject.is_empty() and hub.labels() == ["A1", "A2"])
                assert not clone.is_empty()
                assert not link.view().fenced
    clone.db.close()
    assert hub.alarms() == {"fenced"}


@pytest.mark.parametrize(
    "name",
    [
        "kit.sqlite.before_commit",
        "sync.edge.appended",
        "sync.edge.request_signed",
        "sync.edge.answer_read",
        "sync.edge.events_posted",
        "sync.edge.acked",
        "sync.edge.hello_answered",
        "sync.edge.session_stored",
        "sync.edge.ops_received",
        "sync.edge.rows_applied",
        "sync.edge.ops_committed",
        "sync.edge.page_stored",
        "sync.edge.snapshot_swapped",
        "sync.hub.op_written",
        "sync.hub.hello_written",
        "sync.hub.hello_committed",
        "sync.hub.events_stored",
        "sync.hub.effects_done",
        "sync.hub.cursor_moved",
        "sync.hub.events_committed",
        "kit.sqldb.before_commit",
    ],
)
async def test_a_crash_at_any_arrow_changes_nothing(
    hub: HubRig, subject: StationRig, name: str
) -> None:
    """Whatever dies where: after a restart every row is there and every event took effect once."""
    crashes = 0

    def crash_at(passing: int) -> Callable[[], None]:
        left = passing

        def crash() -> None:
            nonlocal left, crashes
            left -= 1
            if left == 0:
                crashes += 1
                raise RuntimeError(f"killed at {name}")

        return crash

    made: list[str] = []
    for passing, label in ((1, "A1"), (1, "A2"), (2, "A3")):
        arm(name, crash_at(passing))
        died = crashes + 1
        try:
            async with asyncio.timeout(1), hub.serving(), subject.running():
                await hub.put(subject.station_id, label)
                await subject.door(label)
                made.append(label)
                await until(
                    lambda: crashes == died or (label in subject.rows() and subject.is_empty())  # noqa: B023
                )
        except (RuntimeError, ExceptionGroup, TimeoutError):
            pass
        disarm_all()
        subject.restart()
    async with hub.serving(), subject.running():
        for label in ("A1", "A2", "A3"):
            await hub.put(subject.station_id, label)
        await subject.door("END")
        await until(lambda: subject.is_empty() and hub.labels()[-1:] == ["END"])
        await until(lambda: set(subject.rows()) == {"A1", "A2", "A3"})
    assert crashes >= 1
    labels = hub.labels()
    assert len(labels) == len(set(labels)), "an event took effect twice"
    assert set(made) <= set(labels), "a committed event never took effect"


async def test_a_hub_that_went_too_far_is_waited_for_with_everything_kept(
    hub: HubRig, subject: StationRig, caplog: pytest.LogCaptureFixture
) -> None:
    hub.versions = Versions(protos=(4, 3, 2), projections=(4, 3, 2))
    async with subject.running() as link:
        await subject.door("A1")
        async with hub.serving():
            await until(lambda: "wants a newer station" in caplog.text)
            assert not link.view().online
        hub.versions = OURS
        async with hub.serving():
            await until(lambda: hub.labels() == ["A1"] and subject.is_empty())
    assert caplog.text.count("wants a newer station") == 1
