"""The link's rarer ways: telemetry gaps, a disk older than the hub, no photos, the hub's time, endless answers."""

import errno
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from common.contract.events import ClimateBlock
from common.contract.protocol import HELLO_PATH, START, BlobAnswer, EventsAck
from common.contract.words import Lane
from common.kit.clock import to_ms
from common.kit.trusted_time import DDL as TIME_DDL
from common.kit.trusted_time import TrustedTime
from edge.jobs import lasting
from edge.sync import HubLink, LinkPorts, blobs, lanes
from edge.sync.client import HubAway, HubClient, HubRefused
from edge.sync.fence import Why
from edge.sync.uplink import Uplink
from tests.edge.sync.rig import HubRig, StationRig, until
from tests.edge.sync.test_contact import MESSAGE, _client


async def test_who_listens_hears_of_the_hub_once_each_way(hub: HubRig, subject: StationRig) -> None:
    await subject.boot()
    link = subject.link()
    turns: list[bool] = []
    link.on_change(lambda: turns.append(link.view().online))
    async with subject.talking(link):
        async with hub.serving():
            await until(lambda: link.view().online)
            await subject.door("A1")
            await until(subject.is_empty)
        await until(lambda: not link.view().online)
    assert turns == [True, False]


async def test_a_station_without_photos_sends_everything_else(
    hub: HubRig, subject: StationRig
) -> None:
    await subject.boot()
    ports = LinkPorts(subject.clock, subject.chance, aiohttp.TCPConnector, subject.secrets)
    config = subject.config.model_copy(update={"url": hub.url})
    link = HubLink(ports, config, subject.db, subject.outbox, subject.replica)
    async with hub.serving(), subject.talking(link):
        await subject.door("A1")
        await until(lambda: subject.is_empty() and hub.labels() == ["A1"])


async def test_dropped_telemetry_is_told_to_the_hub(
    hub: HubRig, subject: StationRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "TELEMETRY_ROWS_MAX", 5)
    monkeypatch.setattr(lanes, "TELEMETRY_DROP", 4)
    monkeypatch.setattr("edge.sync.link.JANITOR_S", 0.01)
    await subject.boot()

    block = ClimateBlock(
        zone="z", probe="p", started_at_ms=1, period_s=10,
        temperatures_c=(4.5,), humidities_pct=(None,), over_limit=False,
    )  # fmt: skip
    for _ in range(9):
        await subject.append(block)
    async with subject.talking(subject.link()):
        await until(lambda: subject.outbox.backlog().facts >= 1)
        async with hub.serving():
            await until(lambda: "telemetry.gap" in hub.types() and subject.is_empty())
    assert hub.types().count("telemetry.gap") == 1
    assert hub.types().count("climate.block") == 5


async def test_a_disk_older_than_the_hub_speaks_first_and_opens_once_the_rows_are_here(
    hub: HubRig, subject: StationRig, tmp_path: Path
) -> None:
    """It has no fact of its own to show which of its facts are forgotten: one is made for that."""
    async with hub.serving():
        async with subject.running():
            await subject.door("A1")
            await until(subject.is_empty)
        subject.copy_file(tmp_path / "old.db")
        async with subject.running():
            await subject.door("A2")
            await until(subject.is_empty)
        subject.restore_file(tmp_path / "old.db")
        hub.clock.advance(minutes=10)
        hub.gateway.on_fork(["door.unexpected"], lambda conn, station, _facts: None)
        seen: list[Why] = []
        await subject.boot()
        subject.db.write_now(lambda c: c.execute("UPDATE sync_lane SET acked_n = n"))
        link = subject.link()
        link.fence.on_change.append(lambda: seen.append(link.fence.why))
        for label in ("B1", "B2", "B3"):
            await hub.put(subject.station_id, label)
        async with subject.talking(link):
            await until(lambda: seen == [Why.STALE, Why.NONE] and subject.is_empty())
        assert set(subject.rows()) == {"B1", "B2", "B3"}
    assert sorted(hub.labels()) == ["A1", "A2"]
    assert hub.types()[-1] == "replica.applied"


async def test_rows_that_have_not_come_keep_the_fence_up(hub: HubRig, subject: StationRig) -> None:
    await subject.boot()
    fence = subject.link().fence
    await fence.turned_away(1)
    start = subject.db.write_now(lambda c: lanes.next_batch_tx(c, Lane.FACTS))
    assert start is None
    now = to_ms(subject.clock.wall())
    await subject.db.write(lambda conn: fence.admitted_tx(conn, START, (3, 7), now))
    for gen, op, why in ((0, 9, Why.FENCED), (3, 6, Why.FENCED), (3, 7, Why.NONE)):
        subject.db.write_now(
            lambda c, g=gen, o=op: (
                c.execute("UPDATE sync_self SET gen = ?, op = ?", (g, o)).rowcount
            )  # type: ignore[misc]
        )
        await fence.caught_up()
        assert fence.why is why, (gen, op)
    await fence.caught_up()
    assert fence.why is Why.NONE


async def test_the_hub_says_what_time_it_is(hub: HubRig, subject: StationRig) -> None:
    await subject.boot()
    for statement in TIME_DDL:
        subject.db.write_now(lambda c, s=statement: c.execute(s).rowcount)  # type: ignore[misc]
    hub.clock.advance(days=3)
    time = TrustedTime(subject.clock)
    ports = LinkPorts(
        subject.clock, subject.chance, aiohttp.TCPConnector, subject.secrets, time=time
    )
    config = subject.config.model_copy(update={"url": hub.url})
    link = HubLink(ports, config, subject.db, subject.outbox, subject.replica)
    async with hub.serving(), subject.talking(link):
        await until(lambda: link.view().online)
        assert abs(to_ms(time.wall()) - to_ms(hub.clock.wall())) < 1000


async def test_a_file_that_is_gone_is_let_go_and_told_once(
    hub: HubRig, subject: StationRig
) -> None:
    async with hub.serving(), subject.running():
        digest = await subject.blobs.add(b"x" * 400)
        await until(lambda: subject.unsent() == 0)
        subject.blobs.added.clear()
        subject.db.write_now(lambda c: c.execute("UPDATE blob SET sent_at_ms = NULL").rowcount)
    blob = await subject.blobs.next()
    assert blob is not None
    subject.blob_file(digest).unlink()
    assert await subject.blobs.read(blob, 0, 400) == b""
    assert not await subject.blobs.is_whole(blob)
    for _ in range(2):
        await subject.blobs.give_up(blob, "damaged")
    told = subject.db.write_now(
        lambda c: c.execute("SELECT count(*) FROM outbox WHERE type = 'blob.dropped'").fetchone()[0]
    )
    assert told == 1


async def test_a_photo_that_vanished_before_it_was_sent_stops_nothing(
    hub: HubRig, subject: StationRig
) -> None:
    digest = await subject.blobs.add(b"y" * 300)
    subject.blob_file(digest).unlink()
    async with hub.serving(), subject.running():
        await until(lambda: "blob.dropped" in hub.types())
        later = await subject.blobs.add(b"z" * 300)
        await until(lambda: subject.unsent() == 0)
        assert subject.blob_file(later).exists()


async def test_a_part_that_is_answered_by_nothing_is_worth_a_pause() -> None:
    async def nothing(_request: web.Request) -> web.Response:
        return web.Response(status=204)

    async with _client(nothing, method="PUT") as (subject, _):
        with pytest.raises(HubAway) as caught:
            await subject.put(HELLO_PATH, b"abc", "bytes 0-2/3", BlobAnswer)
    assert caught.value.reached


async def test_a_401_that_names_no_time_is_not_asked_twice() -> None:
    asked = 0

    async def nobody(_request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return web.json_response({"key": "sync.signature"}, status=401)

    async with _client(nobody) as (subject, _):
        with pytest.raises((HubAway, HubRefused)):
            await subject.post(HELLO_PATH, MESSAGE, EventsAck)
        assert (asked, subject.clock_offset_ms) == (1, 0)


async def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.sync.client._ANSWER_MAX", 1000)
    body = b"x" * 1001

    async def much(_request: web.Request) -> web.Response:
        return web.Response(body=body)

    async with _client(much) as (subject, _):
        with pytest.raises(HubAway, match="larger than any of ours"):
            await subject.post(HELLO_PATH, MESSAGE, EventsAck)
        body = EventsAck(acked=MESSAGE, quarantined=0).model_dump_json().encode()
        await subject.post(HELLO_PATH, MESSAGE, EventsAck)


def _as_the_daemon_runs_it(hub: HubRig, subject: StationRig) -> HubLink:
    ports = LinkPorts(
        subject.clock, subject.chance, aiohttp.TCPConnector, subject.secrets, keep=lasting
    )
    config = subject.config.model_copy(update={"url": hub.url})
    return HubLink(ports, config, subject.db, subject.outbox, subject.replica, blobs=subject.blobs)


async def test_a_defect_in_one_way_does_not_hold_up_the_others(
    hub: HubRig,
    subject: StationRig,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As the daemon runs it: the one that failed waits a minute, for itself."""
    run = Uplink.run

    async def defect(self: Uplink, client: HubClient) -> None:
        if self._lane is Lane.TELEMETRY:
            raise ValueError("nobody foresaw this measurement")
        await run(self, client)

    monkeypatch.setattr(Uplink, "run", defect)
    await subject.boot()
    link = _as_the_daemon_runs_it(hub, subject)
    async with hub.serving(), subject.talking(link):
        await until(lambda: "sync.telemetry failed" in caplog.text)
        await hub.put(subject.station_id, "A1")
        await subject.door("A1")
        await until(lambda: "A1" in subject.rows() and hub.labels() == ["A1"])


async def test_a_photo_that_the_disk_does_not_give_out_is_left_out_and_kept(
    hub: HubRig,
    subject: StationRig,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Others go before it, and the next start tries again."""
    await subject.boot()
    bad = await subject.blobs.add(b"on a bad sector")
    read = blobs._read

    def failing(path: Path, start: int, count: int) -> bytes:
        if path.name == bad:
            raise OSError(errno.EIO, "Input/output error", str(path))
        return read(path, start, count)

    monkeypatch.setattr(blobs, "_read", failing)
    async with hub.serving():
        async with subject.talking(subject.link()):
            await until(lambda: "cannot be read" in caplog.text)
            await subject.blobs.add(b"on a good one")
            await until(lambda: subject.unsent() == 1)
            await subject.door("A1")
            await until(subject.is_empty)
        monkeypatch.undo()
        subject.restart()
        async with subject.running():
            await until(lambda: subject.unsent() == 0)
    assert caplog.text.count("cannot be read") == 1
    assert "blob.dropped" not in hub.types()


async def test_a_shortage_of_the_system_leaves_no_photo_out(
    hub: HubRig,
    subject: StationRig,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No file can be opened for a moment: the way of photos waits a minute, and the photo is still the next one."""
    await subject.boot()
    photo = await subject.blobs.add(b"nothing is wrong with it")

    def failing(path: Path, start: int, count: int) -> bytes:
        del start, count
        raise OSError(errno.EMFILE, "Too many open files", str(path))

    monkeypatch.setattr(blobs, "_read", failing)
    link = _as_the_daemon_runs_it(hub, subject)
    async with hub.serving(), subject.talking(link):
        await until(lambda: "sync.blobs failed" in caplog.text)
    still = await subject.blobs.next()
    assert still is not None
    assert still.digest == photo
