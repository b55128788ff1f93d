"""A hub that answers what was not asked: nothing is applied, nothing is let go, and the station asks again."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path

import pytest

from common.contract.chain import GENESIS
from common.contract.digest import EMPTY, SEGMENTS
from common.contract.protocol import (
    AHEAD,
    START,
    DigestsAnswer,
    EventsAck,
    Op,
    OpsAnswer,
    Position,
    SnapshotPage,
    SnapshotRow,
)
from common.contract.words import Lane
from common.kit.work import InlineWork
from edge.sync import BlobStore, lanes
from edge.sync.bloblane import BlobLane
from edge.sync.contact import Backoff, Contact
from edge.sync.downlink import Downlink
from edge.sync.fence import Why
from edge.sync.replica import Cursor
from edge.sync.shadow import Shadow, segments_tx
from edge.sync.uplink import Uplink
from linli.world.loop import VirtualLoop, run_virtual
from tests.edge.sync.conftest import Alone
from tests.edge.sync.mouth import Mouth, Say, heard_out, refused
from tests.edge.sync.rig import until
from tests.edge.sync.test_outbox import _ack, _batch, _block, _door, _end
from tests.edge.sync.test_replica import _change, _digest, _labels

NOWHERE = Position(boot_epoch=7, seq=7, chain="77" * 32)
NOWHERE_NEAR = {
    "head_epoch": 2 + AHEAD, "head_seq": 1, "head_chain": "77" * 32, "at_epoch": 1, "at_seq": 1,
}  # fmt: skip


def _backoff() -> Backoff:
    return Backoff(random.Random(1), cap_s=0.001)


class Down:
    """A downlink over the rows of `alone`; it stands at generation 1 and has moved `moves` times."""

    def __init__(self, alone: Alone) -> None:
        self.alone, self.moves = alone, 0
        self.contact = Contact(alone.clock)
        self.contact.heard()
        self.contact.ready.set()
        self.subject = Downlink(
            alone.replica,
            Shadow(alone.db, alone.replica),
            self.contact,
            _backoff(),
            5.0,
            self._moved,
        )

    async def _moved(self) -> None:
        self.moves += 1

    async def ready(self, *labels: str) -> None:
        """Have these rows at op 1 of generation 1."""
        await self.alone.outbox.boot()
        await self.alone.replica.prepare()
        rows = [_change(label) for label in labels]
        start = await self.alone.replica.cursor()
        await self.alone.replica.apply(start, Cursor(1, 1, _digest(*rows)), rows)
        self.subject.gen = 1

    async def hears(self, **says: list[Say]) -> Mouth:
        mouth = Mouth(**says)
        await heard_out(mouth, self.subject.run(mouth))  # type: ignore[arg-type]
        return mouth


def _page(*labels: str, gen: int = 1, after: int = 1, had: tuple[str, ...] = ("A1",)) -> OpsAnswer:
    rows = [_change(label) for label in labels]
    digest = _digest(*(_change(label) for label in (*had, *labels)))
    to = after + len(rows)
    ops = tuple(
        Op(op=after + at, table=row.table, key=row.key, body=row.body)
        for at, row in enumerate(rows, start=1)
    )
    return OpsAnswer(gen=gen, after=after, to=to, head=to, digest=digest.hex(), ops=ops)


def _digests(
    *labels: str, gen: int = 1, op: int = 9, segments: list[bytes] | None = None
) -> DigestsAnswer:
    parts = segments if segments is not None else [b"x" * 16] * SEGMENTS
    digest = _digest(*(_change(label) for label in labels))
    return DigestsAnswer(
        gen=gen, op=op, digest=digest.hex(), segments=tuple(part.hex() for part in parts)
    )


def _rows(*labels: str, more: bool = False, gen: int = 1) -> SnapshotPage:
    rows = tuple(
        SnapshotRow(table=c.table, key=c.key, body=c.body or "") for c in map(_change, labels)
    )
    return SnapshotPage(gen=gen, as_of=9, digest=EMPTY.hex(), rows=rows, more=more)


@pytest.mark.parametrize("page", [_page("A2", gen=2), _page("A2", after=4)], ids=["gen", "after"])
async def test_a_page_for_another_place_is_not_applied(alone: Alone, page: OpsAnswer) -> None:
    down = Down(alone)
    await down.ready("A1")
    mouth = await down.hears(ops=[page])
    assert _labels(alone) == ["A1"]
    assert not down.contact.view().online
    assert [(one.gen, one.after) for one in mouth.asked["ops"]] == [(1, 1), (1, 1)]
    assert down.moves == 0


async def test_a_page_that_fits_is_applied_and_asked_on_from_its_end(alone: Alone) -> None:
    down = Down(alone)
    await down.ready("A1")
    mouth = await down.hears(ops=[_page("A2", "A3")])
    assert _labels(alone) == ["A1", "A2", "A3"]
    asked = mouth.asked["ops"]
    assert [(one.gen, one.after, one.wait) for one in asked] == [(1, 1, 5.0), (1, 3, 5.0)]
    assert asked[-1].digest == (await alone.replica.cursor()).digest.hex()
    assert (down.moves, down.contact.view().online) == (1, True)


async def test_a_page_that_does_not_add_up_is_followed_by_a_snapshot(alone: Alone) -> None:
    down = Down(alone)
    await down.ready("A1")
    wrong = _page("A2").model_copy(update={"digest": "11" * 16})
    await down.hears(ops=[wrong], digests=[_digests("A1", "A2")], snapshot=[_rows("A1", "A2")])
    assert _labels(alone) == ["A1", "A2"]
    assert await alone.replica.cursor() == Cursor(1, 9, _digest(_change("A1"), _change("A2")))
    assert down.moves == 1


@pytest.mark.parametrize(
    "says",
    [
        {"digests": [None]},
        {"digests": [_digests("A1", gen=2**48)]},
        {"digests": [_digests("A2", gen=2)], "snapshot": [None]},
        {"digests": [_digests("A2", gen=2)], "snapshot": [_rows(more=True)]},
    ],
    ids=["no digests", "another generation", "no page", "empty page that goes on"],
)
async def test_a_snapshot_that_breaks_off_changes_no_row(
    alone: Alone, says: dict[str, list[Say]]
) -> None:
    down = Down(alone)
    await down.ready("A1")
    down.subject.gen = 2
    await down.hears(**{name: list(said) for name, said in says.items()})
    assert _labels(alone) == ["A1"]
    assert (await alone.replica.cursor()).gen == 1
    assert (down.moves, down.contact.view().online) == (0, False)


async def test_a_snapshot_of_pages_goes_on_behind_the_last_row(alone: Alone) -> None:
    down = Down(alone)
    await down.ready("A1")
    down.subject.gen = 2
    mouth = await down.hears(
        digests=[_digests("A2", "A3", gen=2)],
        snapshot=[_rows("A2", more=True, gen=2), _rows("A3", gen=2)],
    )
    asked = mouth.asked["snapshot"]
    assert [(q.gen, q.as_of, q.table, q.key) for q in asked] == [
        (2, 9, "", ""),
        (2, 9, "compartment", "A2"),
    ]
    assert _labels(alone) == ["A2", "A3"]
    assert mouth.asked["digests"][0].gen == 2
    assert [(one.gen, one.after) for one in mouth.asked["ops"]] == [(2, 9)]


async def test_a_new_generation_with_the_same_rows_fetches_none(alone: Alone) -> None:
    down = Down(alone)
    await down.ready("A1")
    down.subject.gen = 2
    mine = alone.tx(segments_tx)
    mouth = await down.hears(digests=[_digests("A1", gen=2, segments=mine)])
    assert mouth.asked["snapshot"] == []
    assert await alone.replica.cursor() == Cursor(2, 9, _digest(_change("A1")))
    assert _labels(alone) == ["A1"]


async def test_segments_first_and_everything_when_they_did_not_help(alone: Alone) -> None:
    down = Down(alone)
    await down.ready("A1")
    down.subject.gen = 2
    theirs = alone.tx(segments_tx)
    number = next(n for n, part in enumerate(theirs) if part == EMPTY)
    theirs[number] = b"y" * 16
    mouth = await down.hears(
        digests=[_digests("A1", "A2", gen=2, segments=theirs)] * 2,
        snapshot=[_rows(gen=2), _rows("A1", "A2", gen=2)],
    )
    assert [q.segments for q in mouth.asked["snapshot"]] == [bytes([number]).hex(), ""]
    assert _labels(alone) == ["A1", "A2"]


@pytest.mark.parametrize(
    ("key", "hello", "online", "snapshot"),
    [
        ("sync.resnapshot", True, True, True),
        ("sync.fenced", True, True, False),
        ("sync.hello_first", True, True, False),
        ("sync.revoked", True, True, False),
        ("sync.moved", False, True, False),
        ("sync.proto", False, False, False),
    ],
)
async def test_each_refusal_of_rows_has_its_answer(
    alone: Alone,
    key: str,
    hello: bool,
    online: bool,
    snapshot: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    down = Down(alone)
    await down.ready("A1")
    mouth = Mouth(ops=[refused(key)])
    working = asyncio.ensure_future(down.subject.run(mouth))  # type: ignore[arg-type]
    wanted = down.contact.hello_wanted
    await asyncio.wait(
        [asyncio.ensure_future(e.wait()) for e in (mouth.silent, wanted)],
        return_when=asyncio.FIRST_COMPLETED,
    )
    assert wanted.is_set() is hello
    assert down.contact.view().online is online
    assert online or f"hub away: {key}" in caplog.text, "the log says why"
    down.contact.ready.set()
    await asyncio.wait_for(mouth.silent.wait(), 5)
    assert bool(mouth.asked["digests"]) is snapshot
    working.cancel()
    await asyncio.wait([working])


class Up:
    """The facts lane of `alone` going up."""

    def __init__(self, alone: Alone) -> None:
        self.alone, self.why, self.greeted = alone, Why.NONE, 0
        self.contact = Contact(alone.clock, lambda: self.why)
        self.contact.heard()
        self.contact.ready.set()
        self.subject = Uplink(
            Lane.FACTS, alone.db, alone.outbox, self.contact, alone.clock, _backoff()
        )

    async def hears(self, *says: Say, acked: int | None = None) -> Mouth:
        """Let the lane talk until the hub falls silent, or until it has `acked` rows."""
        mouth = Mouth(events=list(says))
        opening = asyncio.ensure_future(self._open())
        if acked is None:
            await heard_out(mouth, self.subject.run(mouth))  # type: ignore[arg-type]
        else:
            working = asyncio.ensure_future(self.subject.run(mouth))  # type: ignore[arg-type]
            await until(lambda: self.acked == acked)
            working.cancel()
            await asyncio.wait([working])
        opening.cancel()
        return mouth

    async def _open(self) -> None:
        """Answer every wish for a hello, as the link does."""
        while True:
            await self.contact.hello_wanted.wait()
            self.contact.hello_wanted.clear()
            self.greeted += 1
            self.contact.ready.set()

    @property
    def acked(self) -> int:
        (acked,) = self.alone.one("SELECT acked_n FROM sync_lane WHERE lane = 'facts'")
        assert isinstance(acked, int)
        return acked


def _sent(mouth: Mouth) -> list[list[int]]:
    return [[event.seq for event in batch.events] for batch in mouth.asked["events"]]


def _take() -> Callable[[object], Awaitable[EventsAck]]:
    """Acknowledge the batch."""

    async def ack(batch: object) -> EventsAck:
        return EventsAck(acked=_end(batch), quarantined=0)  # type: ignore[arg-type]

    return ack


async def test_an_acknowledgement_of_what_was_never_sent_lets_nothing_go(alone: Alone) -> None:
    await alone.outbox.boot()
    up = Up(alone)
    _door(alone, "A1", "A2")
    mouth = await up.hears(EventsAck(acked=NOWHERE, quarantined=0))
    assert _sent(mouth)[0] == [1, 2]
    assert _sent(mouth)[-1][0] == 1, "asked again from the same place"
    assert up.acked == 0
    assert not up.contact.view().online


async def test_a_hub_that_lacks_events_gets_them_again_from_its_place(alone: Alone) -> None:
    await alone.outbox.boot()
    up = Up(alone)
    _door(alone, "A1", "A2", "A3")
    first = alone.tx(lambda conn: lanes.next_batch_tx(conn, Lane.FACTS, 1))
    assert first is not None
    place = _end(first)
    head = {"head_epoch": place.boot_epoch, "head_seq": place.seq, "head_chain": place.chain}
    _ack(alone, _end(_batch(alone)))
    _door(alone, "A4")
    mouth = await up.hears(refused("sync.gap", **head), _take(), _take(), acked=4)
    sent = [seq for batch in _sent(mouth) for seq in batch]
    assert sent == [4, 2, 3, 4], "the newest, then from behind the hub's place"


async def test_a_hub_whose_place_is_not_known_here_is_offered_everything(alone: Alone) -> None:
    await alone.outbox.boot()
    up = Up(alone)
    _door(alone, "A1", "A2")
    _ack(alone, _end(_batch(alone)))
    _door(alone, "A3")
    head = {"head_epoch": 7, "head_seq": 7, "head_chain": "77" * 32}
    mouth = await up.hears(refused("sync.gap", **head))
    assert [batch[0] for batch in _sent(mouth)] == [3, 1]
    assert mouth.asked["events"][-1].after == START


@pytest.mark.parametrize(
    ("said", "online"),
    [
        (refused("sync.gap"), False),
        (refused("sync.fork", head_epoch=1, head_seq=1, head_chain=GENESIS.hex()), False),
        (refused("sync.fork", at_epoch=1, at_seq=1), False),
        (refused("sync.fork", **NOWHERE_NEAR), False),
        (refused("sync.too_much"), False),
        (refused("sync.fenced"), True),
        (refused("sync.hello_first"), True),
        (refused("sync.revoked"), True),
    ],
    ids=[
        "gap",
        "fork without at",
        "fork without head",
        "fork nowhere near",
        "other",
        "fenced",
        "hello",
        "revoked",
    ],
)
async def test_a_refusal_that_says_too_little_changes_no_event(
    alone: Alone, said: Exception, online: bool
) -> None:
    await alone.outbox.boot()
    up = Up(alone)
    _door(alone, "A1", "A2")
    before = alone.one("SELECT group_concat(hex(chain)) FROM outbox")
    mouth = await up.hears(said)
    assert _sent(mouth) == [[1, 2], [1, 2]]
    assert up.contact.view().online is online
    assert alone.one("SELECT group_concat(hex(chain)) FROM outbox") == before
    assert up.acked == 0


async def test_links_damaged_on_the_disk_are_made_anew_behind_what_the_hub_has(
    alone: Alone,
) -> None:
    await alone.outbox.boot()
    up = Up(alone)
    _door(alone, "A1")
    _ack(alone, _end(_batch(alone)))
    _door(alone, "A2", "A3")
    alone.tx(lambda conn: conn.execute("UPDATE outbox SET chain = zeroblob(32) WHERE seq = 2"))
    mouth = await up.hears(refused("sync.chain_broken"), _take(), _take(), acked=3)
    told = [event for batch in mouth.asked["events"][1:] for event in batch.events]
    assert [(one.boot_epoch, one.seq) for one in told] == [(2, 1), (2, 2)]
    assert up.greeted == 1, "the hub hears of the new boot epoch"


async def test_a_story_told_anew_behind_another_begins_with_a_hello(alone: Alone) -> None:
    await alone.outbox.boot()
    up = Up(alone)
    _door(alone, "A1", "A2")
    head = {"head_epoch": 4, "head_seq": 7, "head_chain": "77" * 32}
    mouth = await up.hears(refused("sync.fork", at_epoch=1, at_seq=2, **head), _take(), acked=2)
    told = mouth.asked["events"][-1]
    assert (told.after.order, told.events[0].boot_epoch) == ((4, 7), 5)
    assert up.greeted == 1


async def test_a_stale_disk_asks_for_a_hello_after_each_fact_that_arrived(alone: Alone) -> None:
    await alone.outbox.boot()
    up = Up(alone)
    up.why = Why.STALE
    _door(alone, "A1")
    mouth = Mouth(events=[_take()])
    working = asyncio.ensure_future(up.subject.run(mouth))  # type: ignore[arg-type]
    await asyncio.wait_for(up.contact.hello_wanted.wait(), 5)
    assert up.acked == 1
    assert not up.contact.ready.is_set()
    working.cancel()
    await asyncio.wait([working])


def test_a_poll_that_was_held_is_followed_by_the_next_at_once(alone: Alone) -> None:
    """An empty answer that came at once is followed by a pause, so that a stopping hub makes no busy loop."""

    async def main(loop: VirtualLoop) -> list[float]:
        down = Down(alone)
        down.subject = Downlink(
            alone.replica, Shadow(alone.db, alone.replica), down.contact,
            Backoff(random.Random(1), cap_s=3.0), 5.0, down._moved,
        )  # fmt: skip
        await down.ready("A1")
        asked: list[float] = []

        def nothing(held_s: float) -> Say:
            async def say(_query: object) -> None:
                asked.append(loop.time())
                await asyncio.sleep(held_s)

            return say

        await down.hears(ops=[nothing(1.5), nothing(0.0), nothing(1.0), nothing(0.5)])
        return [b - a for a, b in pairwise(asked)]

    held, at_once, just = run_virtual(1, main)
    assert held == 1.5
    assert 0.5 <= at_once <= 1.0
    assert just == 1.0


@pytest.mark.parametrize("key", ["sync.fenced", "sync.hello_first", "sync.revoked"])
async def test_a_photo_refused_for_the_session_waits_for_a_hello_and_is_kept(
    alone: Alone, tmp_path: Path, key: str
) -> None:
    await alone.outbox.boot()
    store = BlobStore(alone.db, tmp_path / "blobs", InlineWork(), alone.clock, alone.outbox)
    digest = await store.add(b"a photo")
    contact = Contact(alone.clock)
    contact.ready.set()
    mouth = Mouth(blobs=[refused(key)])
    working = asyncio.ensure_future(
        BlobLane(store, alone.outbox, contact, _backoff()).run(mouth)  # type: ignore[arg-type]
    )
    await asyncio.wait_for(contact.hello_wanted.wait(), 5)
    assert not contact.ready.is_set()
    assert mouth.asked["blobs"] == [("bytes */7", b"")]
    kept = await store.next()
    assert kept is not None
    assert kept.digest == digest
    working.cancel()
    await asyncio.wait([working])


async def test_telemetry_that_the_disk_lost_is_not_told_as_dropped(
    alone: Alone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "TELEMETRY_ROWS_MAX", 5)
    monkeypatch.setattr(lanes, "TELEMETRY_DROP", 4)
    await alone.outbox.boot()
    _block(alone, 8)
    alone.tx(lambda conn: conn.execute("DELETE FROM outbox WHERE n <= 4"))
    assert alone.tx(lanes.drop_telemetry_tx) == ()
    assert alone.one("SELECT acked_n FROM sync_lane WHERE lane = 'telemetry'") == (4,)
