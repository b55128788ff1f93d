"""The third way up: blobs, one at a time in parts, only while no fact and no measurement waits."""

import asyncio
import logging

from common.contract.protocol import BLOB_PART_BYTES, BlobAnswer, blob_path
from common.kit.failpoints import fp
from common.kit.holes import is_unreadable
from common.kit.log import Outage
from edge.sync.blobs import Blob, BlobStore
from edge.sync.client import HubAway, HubClient, HubRefused
from edge.sync.contact import Backoff, Contact
from edge.sync.outbox import Outbox

_log = logging.getLogger(__name__)
LOOK_S = 2.0  # how often a blob looks whether the facts are through
_HOPELESS = frozenset({"sync.blob_size", "sync.blob_range"})


class BlobLane:
    """Sends what the hub does not have; goes on where the last part ended, also after a restart of either side."""

    def __init__(
        self, store: BlobStore, outbox: Outbox, contact: Contact, backoff: Backoff
    ) -> None:
        """Send out of `store`."""
        self._store, self._outbox = store, outbox
        self._contact, self._backoff = contact, backoff
        self._room = Outage(_log, "room for blobs at the hub")

    async def run(self, client: HubClient) -> None:
        """Send until cancelled."""
        while True:
            await self._contact.ready.wait()
            self._store.added.clear()
            blob = await self._store.next()
            if blob is None:
                await self._store.added.wait()
                continue
            backlog = await self._outbox.count()
            if backlog.facts or backlog.telemetry:
                await asyncio.sleep(LOOK_S)
                continue
            try:
                await self._try(client, blob)
            except OSError as error:
                if not is_unreadable(error):
                    raise
                _log.error(
                    "blob %s cannot be read, left out until the next start: %s", blob.digest, error
                )
                self._store.leave_out(blob)

    async def _try(self, client: HubClient, blob: Blob) -> None:
        try:
            await self._send(client, blob)
            self._backoff.reset()
        except HubAway as error:
            await self._contact.pause(error, self._backoff)
        except HubRefused as error:
            await self._refused(blob, error)

    async def _send(self, client: HubClient, blob: Blob) -> None:
        """Ask how far the hub is, then send part after part; a fact that comes up meanwhile goes first."""
        path = blob_path(blob.digest)
        answer = await client.put(path, b"", f"bytes */{blob.size}", BlobAnswer)
        while not answer.complete:
            start = answer.received
            if start >= blob.size:  # else the end of the file would pass for damage
                raise HubAway("the hub has more of a blob than there is", reached=True)
            part = await self._store.read(blob, start, BLOB_PART_BYTES)
            if not part:
                await self._store.give_up(blob, "damaged")
                return
            span = f"bytes {start}-{start + len(part) - 1}/{blob.size}"
            answer = await client.put(path, part, span, BlobAnswer)
            self._contact.heard()
            fp("sync.edge.blob_part_sent")
            if not answer.complete and (await self._outbox.count()).facts:
                return
        await self._store.sent(blob)
        self._room.back()

    async def _refused(self, blob: Blob, error: HubRefused) -> None:
        damaged = error.key == "sync.blob_damaged" and not await self._store.is_whole(blob)
        if damaged or error.key in _HOPELESS:
            _log.error("hub will never take blob %s: %s", blob.digest, error.key)
            await self._store.give_up(blob, error.key.removeprefix("sync.blob_"))
        elif error.key == "sync.blob_quota":
            self._room.down(error)
        elif error.key in ("sync.fenced", "sync.hello_first", "sync.revoked"):
            self._contact.want_hello()
        await asyncio.sleep(self._backoff.next_s())
