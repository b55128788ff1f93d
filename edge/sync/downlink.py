"""The way down: poll for ops and apply them; when they do not fit, fetch the segments that differ, or everything."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from common.contract import protocol
from common.contract.digest import SEGMENTS
from common.kit.failpoints import fp
from edge.sync.client import HubAway, HubClient, HubRefused
from edge.sync.contact import Backoff, Contact
from edge.sync.replica import Change, Cursor, DigestMismatch, Replica
from edge.sync.sense import check_op
from edge.sync.shadow import Shadow

_log = logging.getLogger(__name__)
_IDLE_S = 1.0  # an empty answer that came at once (a stopping hub) must not make a busy loop


class Downlink:
    """Keeps the replica at the hub's head."""

    def __init__(
        self,
        replica: Replica,
        shadow: Shadow,
        contact: Contact,
        backoff: Backoff,
        wait_s: float,
        moved: Callable[[], Awaitable[None]],
    ) -> None:
        """Poll with up to `wait_s` of holding; `moved` is awaited when the rows have moved on."""
        self._moved = moved
        self._replica, self._shadow = replica, shadow
        self._contact, self._backoff, self._wait_s = contact, backoff, wait_s
        self._whole = False
        self._snapshot_wanted = False
        self.gen = 0

    async def run(self, client: HubClient) -> None:
        """Poll and apply until cancelled."""
        while True:
            await self._contact.ready.wait()
            try:
                await self._once(client)
            except HubAway as error:
                await self._contact.pause(error, self._backoff)
            except HubRefused as error:
                await self._refused(error)
            except DigestMismatch as error:
                _log.error("replica does not match the hub: %s", error)
                self._snapshot_wanted = True
                await asyncio.sleep(self._backoff.next_s())

    async def _once(self, client: HubClient) -> None:
        cursor = await self._replica.cursor()
        if self._snapshot_wanted or cursor.gen != self.gen:
            await self._take_snapshot(client, cursor)
        else:
            await self._poll(client, cursor)

    async def _poll(self, client: HubClient, cursor: Cursor) -> None:
        loop = asyncio.get_running_loop()
        asked_s = loop.time()
        query = protocol.OpsQuery(
            gen=cursor.gen, after=cursor.op, digest=cursor.digest.hex(), wait=self._wait_s
        )
        page = await client.get(protocol.OPS_PATH, query, protocol.OpsAnswer, held_s=self._wait_s)
        self._contact.heard()
        if page is None:
            self._backoff.reset()
            if loop.time() - asked_s < _IDLE_S:
                await asyncio.sleep(self._backoff.next_s())
            return
        if (page.gen, page.after) != (cursor.gen, cursor.op):
            raise HubAway("the hub answered another question", reached=True)
        check_op(page.to)
        fp("sync.edge.ops_received")
        end = Cursor(page.gen, page.to, bytes.fromhex(page.digest))
        await self._replica.apply(
            cursor, end, (Change(op.table, op.key, op.body) for op in page.ops)
        )
        await self._moved()
        self._backoff.reset()

    async def _take_snapshot(self, client: HubClient, cursor: Cursor) -> None:
        """Bring the rows to the hub's head: only differing segments first, the whole when that did not help."""
        query = protocol.DigestsQuery(gen=self.gen)
        answer = await client.get(protocol.DIGESTS_PATH, query, protocol.DigestsAnswer)
        if answer is None or answer.gen != query.gen:
            raise HubAway("the hub answered no digests of these rows", reached=True)
        check_op(answer.op)
        segments = None if self._whole else await self._shadow.differing(answer.segments)
        end = Cursor(answer.gen, answer.op, bytes.fromhex(answer.digest))
        self._whole = True  # unless this succeeds
        await self._shadow.clear()
        if segments is None or segments:
            await self._fetch(client, end, segments or ())
        await self._shadow.swap(cursor, end, segments)
        await self._moved()
        self._whole = self._snapshot_wanted = False
        self._contact.heard()
        self._backoff.reset()
        what = "all" if segments is None else f"{len(segments)} of {SEGMENTS}"
        _log.info(
            "replica at op %d of generation %d by snapshot (%s segments)", end.op, end.gen, what
        )

    async def _fetch(self, client: HubClient, end: Cursor, segments: tuple[int, ...]) -> None:
        table = key = ""
        more = True
        while more:
            query = protocol.SnapshotQuery(
                gen=end.gen, as_of=end.op, table=table, key=key, segments=bytes(segments).hex()
            )
            page = await client.get(protocol.SNAPSHOT_PATH, query, protocol.SnapshotPage)
            if page is None or (page.more and not page.rows):
                raise HubAway("the hub answered an empty page", reached=True)
            await self._shadow.add(page.rows)
            fp("sync.edge.page_stored")
            more = page.more
            if more:
                table, key = page.rows[-1].table, page.rows[-1].key

    async def _refused(self, error: HubRefused) -> None:
        if error.key == "sync.resnapshot":
            self._snapshot_wanted = True
            self._contact.want_hello()  # it also tells the hub what it may have forgotten
        elif error.key in ("sync.fenced", "sync.hello_first", "sync.revoked"):
            self._contact.want_hello()
        elif error.key == "sync.moved":
            self._whole = False
        else:
            self._contact.lost(HubAway(error.key, reached=True))
        await asyncio.sleep(self._backoff.next_s())
