"""Blobs: whole or not at all, from where they were cut, after facts, within both sides' room."""

from pathlib import Path

import aiohttp
import pytest

from cloud.sync import feed
from cloud.sync.blobs import Shelf, Span
from common.contract import protocol
from common.contract.protocol import BlobAnswer, blob_digest
from common.kit.errors import InvalidError, RefusedError, UnavailableError
from common.kit.failpoints import arm, disarm_all
from common.kit.work import InlineWork
from edge.sync import BlobStore
from edge.sync.client import HubClient
from tests.edge.sync.conftest import Alone
from tests.edge.sync.rig import HubRig, StationRig, until


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("edge.sync.bloblane", "cloud.sync.blobs"):
        monkeypatch.setattr(f"{module}.BLOB_PART_BYTES", 100)
    monkeypatch.setattr("edge.sync.bloblane.LOOK_S", 0.01)


def _shelved(hub: HubRig, digest: str) -> Path:
    return hub.path.parent / "hub-blobs" / digest[:2] / digest


@pytest.mark.usefixtures("small_parts")
async def test_a_photo_reaches_the_hub_in_parts(hub: HubRig, subject: StationRig) -> None:
    content = bytes(range(256)) * 2
    async with hub.serving(), subject.running():
        digest = await subject.blobs.add(content)
        assert digest == blob_digest(content)
        await until(lambda: _shelved(hub, digest).exists())
        assert _shelved(hub, digest).read_bytes() == content
        await until(lambda: subject.unsent() == 0)
    assert list((hub.path.parent / "hub-blobs" / "parts").glob("*/*")) == []


@pytest.mark.usefixtures("small_parts")
async def test_a_cut_costs_one_part(hub: HubRig, subject: StationRig) -> None:
    parts = 0

    def cut() -> None:
        nonlocal parts
        parts += 1
        if parts == 3:
            raise ConnectionResetError("the line went away behind the third part")

    arm("sync.hub.blob_part_stored", cut)
    async with hub.serving(), subject.running():
        digest = await subject.blobs.add(b"x" * 450)
        await until(lambda: subject.unsent() == 0)
    disarm_all()
    assert _shelved(hub, digest).read_bytes() == b"x" * 450
    assert parts <= 9, "five parts, and a question a start: nothing was sent twice"


@pytest.mark.usefixtures("small_parts")
async def test_facts_go_first(hub: HubRig, subject: StationRig) -> None:
    hub.admission.most = 0
    async with hub.serving(), subject.running():
        await subject.door("A1")
        digest = await subject.blobs.add(b"y" * 300)
        await until(lambda: subject.outbox.backlog().facts == 1)
        assert not _shelved(hub, digest).exists()
        hub.admission.most = 9
        await until(lambda: hub.labels() == ["A1"] and subject.unsent() == 0)
    assert _shelved(hub, digest).exists()


@pytest.mark.usefixtures("small_parts")
async def test_a_damaged_file_is_let_go_and_told(hub: HubRig, subject: StationRig) -> None:
    async with subject.running():
        digest = await subject.blobs.add(b"z" * 250)
        subject.blob_file(digest).write_bytes(b"Z" * 250)
        async with hub.serving():
            await until(lambda: subject.unsent() == 0 and hub.types().count("blob.dropped") == 1)
    assert not subject.blob_file(digest).exists()
    assert not _shelved(hub, digest).exists()


async def _store(alone: Alone, folder: Path, budget: int) -> BlobStore:
    await alone.outbox.boot()
    return BlobStore(alone.db, folder, InlineWork(), alone.clock, alone.outbox, budget)


async def test_the_oldest_go_first_and_what_was_not_sent_is_an_event(
    alone: Alone, tmp_path: Path
) -> None:
    subject = await _store(alone, tmp_path / "blobs", 250)
    names = []
    for letter in b"abc":
        alone.clock.advance(seconds=1)
        names.append(await subject.add(bytes([letter]) * 100))
    assert alone.one("SELECT count(*) FROM outbox WHERE type = 'blob.dropped'") == (1,)
    first = await subject.next()
    assert first is not None
    assert first.digest == names[1]
    third = await subject.next()
    assert third is not None
    await subject.sent(third)
    alone.clock.advance(seconds=1)
    await subject.add(b"d" * 100)
    assert alone.one("SELECT count(*) FROM outbox WHERE type = 'blob.dropped'") == (1,), (
        "the one that was sent made room"
    )
    assert sorted(file.name for file in (tmp_path / "blobs").iterdir()) == sorted(
        [names[2], blob_digest(b"d" * 100)]
    )


async def test_a_folder_that_cannot_be_swept_keeps_nobody_from_starting(
    alone: Alone, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    subject = await _store(alone, tmp_path / "blobs", 250)
    stray = tmp_path / "blobs" / "a folder, which unlink refuses"
    stray.mkdir(parents=True)
    await subject.start()
    assert str(stray) in caplog.text
    digest = await subject.add(b"later")
    assert (found := await subject.next()) is not None
    assert found.digest == digest


async def test_a_file_without_a_row_is_swept(alone: Alone, tmp_path: Path) -> None:
    folder = tmp_path / "blobs"
    subject = await _store(alone, folder, 250)
    kept = await subject.add(b"kept")
    (folder / ("ab" * 32)).write_bytes(b"cut between file and row")
    await subject.start()
    assert [file.name for file in folder.iterdir()] == [kept]
    assert await subject.add(b"kept") == kept
    with pytest.raises(InvalidError):
        await subject.add(b"")


@pytest.mark.parametrize(
    ("header", "body", "key"),
    [
        ("", b"x", "range"), ("bytes 0-0/0", b"x", "size"), ("bytes 0-1/9", b"x", "range"),
        ("bytes 5-4/9", b"", "range"), ("bytes 9-9/9", b"x", "range"), ("bytes */9", b"x", "range"),
        ("bytes 0-0/99999999999", b"x", "size"), ("items 0-0/9", b"x", "range"),
        ("bytes 0-0/9 ", b"x", "range"),
    ],
)  # fmt: skip
def test_a_range_that_does_not_fit_is_refused(header: str, body: bytes, key: str) -> None:
    with pytest.raises(InvalidError) as refused:
        Span.read(header, body)
    assert refused.value.key == f"sync.blob_{key}", "a station gives a blob up by this key"


def test_a_question_stands_at_the_beginning_and_carries_nothing() -> None:
    assert Span.read("bytes */9", b"") == Span(0, 0, 9)


async def test_the_hub_keeps_what_has_its_name_and_no_more_than_fits(hub: HubRig) -> None:
    shelf = Shelf(hub.db, hub.path.parent / "shelf", InlineWork(), quota_bytes=10)
    good, at_ms = blob_digest(b"12345678"), 1

    async def put(name: str, body: bytes, start: int = 0, total: int = 8) -> BlobAnswer:
        return await shelf.put("S1", name, Span(start, len(body), total), body, at_ms)

    assert await put(good, b"1234") == BlobAnswer(received=4, complete=False)
    assert await put(good, b"1234") == BlobAnswer(received=4, complete=False), "the same again"
    assert (await put(good, b"78", 6)).received == 4, "a hole is not filled from behind"
    assert await put(good, b"5678", 4) == BlobAnswer(received=8, complete=True)
    assert (await put(good, b"", 0)).complete, "and idempotent"
    with pytest.raises(RefusedError) as full:
        await put(blob_digest(b"abc"), b"abc", 0, 3)
    assert full.value.key == "sync.blob_quota"
    with pytest.raises(InvalidError) as wrong:
        await put("ab" * 32, b"no", 0, 2)
    assert wrong.value.key == "sync.blob_damaged"
    with pytest.raises(InvalidError):
        await put("../../etc", b"no", 0, 2)
    assert list((hub.path.parent / "shelf" / "parts").glob("*/*")) == []


async def test_two_parts_of_a_station_do_not_mix(hub: HubRig) -> None:
    shelf = Shelf(hub.db, hub.path.parent / "shelf", InlineWork())
    arm("sync.hub.blob_part_stored", lambda: _refuse_inside(shelf))
    await shelf.put("S1", blob_digest(b"ab"), Span(0, 1, 2), b"a", 1)
    disarm_all()


def _refuse_inside(shelf: Shelf) -> None:
    with pytest.raises(UnavailableError):
        shelf.put("S1", "ab" * 32, Span(0, 1, 2), b"a", 1).send(None)


def test_a_blob_s_path_and_name_are_what_they_always_were() -> None:
    name = "39649a65aadca5651d3f225c71b5c5de57f75affdd4de8e9385e2a6a16d2f8b9"
    assert blob_digest(b"") == name
    assert protocol.blob_path(name) == f"/sync/v1/blobs/{name}"


@pytest.mark.usefixtures("small_parts")
async def test_bytes_damaged_on_the_way_are_sent_again(hub: HubRig, subject: StationRig) -> None:
    digest = blob_digest(b"w" * 250)
    parts = hub.path.parent / "hub-blobs" / "parts" / subject.station_id
    parts.mkdir(parents=True)
    (parts / digest).write_bytes(b"W" * 100)
    async with hub.serving(), subject.running():
        assert await subject.blobs.add(b"w" * 250) == digest
        await until(lambda: subject.unsent() == 0)
    assert _shelved(hub, digest).read_bytes() == b"w" * 250
    assert "blob.dropped" not in hub.types()


@pytest.mark.usefixtures("small_parts")
async def test_a_full_shelf_is_said_once_and_waited_for(
    hub: HubRig, subject: StationRig, caplog: pytest.LogCaptureFixture
) -> None:
    hub.shelf.quota_bytes = 10
    async with hub.serving(), subject.running():
        await subject.blobs.add(b"v" * 20)
        await until(lambda: "room for blobs" in caplog.text)
        hub.shelf.quota_bytes = 100
        await until(lambda: subject.unsent() == 0)
    assert caplog.text.count("sync.blob_quota") == 1


async def test_a_blob_that_is_there_is_answered_as_found_and_a_last_part_as_made(
    hub: HubRig, subject: StationRig
) -> None:
    """201 for the part that completes it, 200 for the question of a station that missed that answer."""
    content = b"0123456789"
    digest = blob_digest(content)
    async with hub.serving(), subject.running() as link:
        await until(lambda: link.view().online)
        async with aiohttp.ClientSession() as http:
            client = HubClient(http, hub.url, subject.secrets, subject.clock, subject.chance, 5.0)
            state = await hub.db.read(lambda c: feed.station_tx(c, subject.station_id))
            client.session = state.session
            path = protocol.blob_path(digest)
            seen: list[int] = []
            answers: list[BlobAnswer] = []
            send = client._send

            async def noted(*given: object) -> object:
                answer = await send(*given)  # type: ignore[arg-type]
                seen.append(answer.status)
                return answer

            client._send = noted  # type: ignore[method-assign, assignment]
            for span, part in (
                ("bytes */10", b""),
                ("bytes 0-3/10", content[:4]),
                ("bytes 4-9/10", content[4:]),
                ("bytes */10", b""),
            ):
                answers.append(await client.put(path, part, span, BlobAnswer))
    assert seen == [308, 308, 201, 200]
    assert answers[-1] == BlobAnswer(received=10, complete=True)
