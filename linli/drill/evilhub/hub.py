"""The hub that was taken over: it answers the station's own client, signs with the real key and tells any time."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from yarl import URL

from common.contract import protocol
from common.contract.digest import EMPTY, SEGMENTS, moved, row_hash
from common.contract.protocol import (
    DigestsAnswer,
    EventsBatch,
    HelloAnswer,
    Op,
    OpsAnswer,
    Positions,
    SnapshotPage,
)
from edge.config import HubSection
from edge.sync.client import Answer, HubClient
from edge.sync.link import LinkPorts
from linli.world.clock import WorldClock

GEN = 1
PAGE = 200


class EvilHub:
    """One log of ops, with the digest a station can verify; events are acknowledged and forgotten."""

    def __init__(self, clock: WorldClock) -> None:
        """Have nothing to say yet."""
        self._clock = clock
        self._ops: list[tuple[str, str, str | None]] = []
        self._digests = [EMPTY]
        self._rows: dict[tuple[str, str], str] = {}
        self._sessions = 0
        self._heads: dict[str, protocol.Position] = {}
        self.lie_ms = 0
        """How far the time it tells is off."""
        self.news = asyncio.Event()

    @property
    def head(self) -> int:
        """Return the newest op."""
        return len(self._ops)

    def say(self, table: str, key: str, body: str | None) -> None:
        """Put a row into the station's feed, or take it out."""
        place = (table, key)
        old = self._rows.get(place)
        if body is None and old is None:
            return
        removed = None if old is None else row_hash(*place, old)
        added = None if body is None else row_hash(*place, body)
        self._digests.append(moved(self._digests[-1], removed=removed, added=added))
        self._ops.append((table, key, body))
        if body is None:
            del self._rows[place]
        else:
            self._rows[place] = body
        self.news.set()

    def hear(self, method: str, path: URL, body: bytes) -> bytes | None:
        """Return the answer to one request, None while there is nothing to say."""
        if path.path == protocol.HELLO_PATH:
            return self._hello(json.loads(body))
        if path.path == protocol.DIGESTS_PATH:  # the first questions of a fresh station
            empty = (EMPTY.hex(),) * SEGMENTS
            nothing = DigestsAnswer(gen=GEN, op=0, digest=EMPTY.hex(), segments=empty)
            return nothing.model_dump_json().encode()
        if path.path == protocol.SNAPSHOT_PATH:
            page = SnapshotPage(gen=GEN, as_of=0, digest=EMPTY.hex(), rows=(), more=False)
            return page.model_dump_json().encode()
        if path.path == protocol.OPS_PATH:
            return self._page(int(path.query["after"]))
        if path.path == protocol.EVENTS_PATH:
            return self._ack(EventsBatch.model_validate_json(body))
        raise AssertionError(f"{method} {path.path}: nobody expected that question")

    @asynccontextmanager
    async def client(self, _ports: LinkPorts, _config: HubSection) -> AsyncIterator[HubClient]:
        """Yield the station's client with this hub behind it."""
        yield _Line(self)

    def _hello(self, hello: dict[str, object]) -> bytes:
        self._sessions += 1
        acked = Positions(
            facts=self._heads.get("facts", protocol.START),
            telemetry=self._heads.get("telemetry", protocol.START),
        )
        return HelloAnswer(
            session=self._sessions,
            min_boot_epoch=int(str(hello["boot_epoch"])),
            gen=GEN,
            head_op=self.head,
            server_time_ms=self._clock.true_ms() + self.lie_ms,
            acked=acked,
        ).model_dump_json().encode()  # fmt: skip

    def _page(self, after: int) -> bytes | None:
        end = min(after + PAGE, self.head)
        if end <= after:
            return None
        ops = tuple(
            Op(op=after + n + 1, table=table, key=key, body=body)
            for n, (table, key, body) in enumerate(self._ops[after:end])
        )
        return OpsAnswer(
            gen=GEN, after=after, to=end, head=self.head, digest=self._digests[end].hex(), ops=ops
        ).model_dump_json().encode()  # fmt: skip

    def _ack(self, batch: EventsBatch) -> bytes:
        last = batch.events[-1]
        head = protocol.Position(boot_epoch=last.boot_epoch, seq=last.seq, chain=batch.chain)
        self._heads[batch.lane] = head
        return protocol.EventsAck(acked=head, quarantined=0).model_dump_json().encode()


class _Line(HubClient):
    """The station's client, whole above the bytes."""

    def __init__(self, hub: EvilHub) -> None:
        """Lead to `hub`."""
        self.session, self.clock_offset_ms, self._hub = 0, 0, hub

    async def _send(
        self, method: str, path: URL, body: bytes, held_s: float, more: Mapping[str, str]
    ) -> Answer:
        del held_s, more
        await asyncio.sleep(0.01)
        while (answer := self._hub.hear(method, path, body)) is None:
            self._hub.news.clear()
            await self._hub.news.wait()
        return Answer(200, answer, None)
