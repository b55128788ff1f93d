"""`/sync/v1/{hello,ops,snapshot,digests,events}`: signed requests in, committed answers out.

Every answer about events leaves after the commit that stored them; every wrong request gets a 4xx problem.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from aiohttp import web
from sqlalchemy.engine import Connection

from cloud.sync import auth, feed, reading, requests
from cloud.sync.admission import Admission
from cloud.sync.alarms import alarm_tx
from cloud.sync.blobs import Shelf, Span
from cloud.sync.certificates import Certificates
from cloud.sync.forks import Told
from cloud.sync.gateway import Gateway
from cloud.sync.http import answer_of, message_of, query_of, read_body, session_of
from cloud.sync.ingest import Accepted, Broken, Fork, Gap, Outcome, ingest_tx
from cloud.sync.negotiation import agree, check_proto
from cloud.sync.pollers import Pollers
from cloud.sync.sessions import (
    check_epochs,
    check_session,
    heard_tx,
    hello_tx,
    is_heard_due,
)
from cloud.sync.wire import AnyBatch, read_batch
from common.contract import protocol
from common.contract.enrolment import CERTIFICATE_PATH
from common.contract.versions import OURS, Versions
from common.contract.words import Lane
from common.kit.clock import Clock, to_ms
from common.kit.described import Described, described
from common.kit.errors import (
    ConflictError,
    InvalidError,
    RefusedError,
)
from common.kit.failpoints import fp
from common.kit.invariant import InvariantError
from common.kit.openapi import MediaTypeError
from common.kit.sqldb import SqlDb, hint_tx

Handler = Callable[[web.Request, str, bytes], Awaitable[web.Response]]
"""Answers a request whose station and body are known to be genuine."""


class SyncServer:
    """The gateway's HTTP side."""

    def __init__(
        self,
        gateway: Gateway,
        db: SqlDb,
        clock: Clock,
        *,
        admission: Admission | None = None,
        versions: Versions = OURS,
        shelf: Shelf | None = None,
        certificates: Certificates | None = None,
    ) -> None:
        """Serve `gateway` out of `db` to stations that speak one of `versions`.

        With `certificates` every request must come through TLS and show the station's own.
        """
        self._certificates = certificates
        self._versions, self._shelf = versions, shelf
        self._gateway, self._db, self._clock = gateway, db, clock
        self._nonces = auth.NonceBook(to_ms(clock.wall()))
        self._pollers, self._told = Pollers(), Told()
        self._admission = admission or Admission()
        db.on_hint(self._pollers.hint)

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """Return (method, path) → handler behind the signature, as the simulated world calls them."""
        return {
            ("POST", protocol.HELLO_PATH): self._hello,
            ("GET", protocol.OPS_PATH): self._ops,
            ("GET", protocol.SNAPSHOT_PATH): self._snapshot,
            ("GET", protocol.DIGESTS_PATH): self._digests,
            ("POST", protocol.EVENTS_PATH): self._events,
        }

    def routes(self, app: web.Application) -> None:
        """Add the routes of LSP/1; held polls end when `app` shuts down."""
        for place, handler in self.handlers().items():
            app.router.add_route(*place, self._signed(requests.DESCRIBED[place], handler))

        if self._shelf is not None:
            store = partial(self._blob, self._shelf)
            app.router.add_route(*requests.BLOB_PLACE, self._signed(requests.BLOB, store))
        if self._certificates is not None:
            renew = self._signed(requests.CERTIFICATE, self._certificates.renew)
            app.router.add_post(CERTIFICATE_PATH, renew)

        async def close(_app: web.Application) -> None:
            self._pollers.close()

        app.on_shutdown.append(close)

    def _signed(
        self, description: Described, handler: Handler
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        @described(description)
        async def checked(request: web.Request) -> web.Response:
            said = request.headers.get(protocol.PROTO_HEADER)
            if said is None:  # who names no version at all is no station
                raise auth.nobody()
            check_proto(said, self._versions, is_hello=request.path == protocol.HELLO_PATH)
            body = await read_body(request)
            signed = auth.read_signature(request, body)
            keys = await self._db.read(lambda conn: reading.keys_tx(conn, signed.station_id))
            auth.check(signed, keys, self._clock, self._nonces)
            if self._certificates is not None:
                self._certificates.judge(request, signed.station_id, keys.valid)
            if description.body is not None and request.content_type != "application/json":
                raise MediaTypeError("request.media_type", "send application/json")
            return await handler(request, signed.station_id, body)

        return checked

    async def _hello(self, _request: web.Request, station_id: str, body: bytes) -> web.Response:
        hello = message_of(protocol.Hello, body)
        proto, projection = agree(hello, self._versions)
        now_ms = to_ms(self._clock.wall())

        def tx(conn: Connection) -> protocol.HelloAnswer | None:
            hint_tx(conn, f"heard:{station_id}")
            return hello_tx(conn, station_id, hello, now_ms)

        answer = await self._db.write(tx)
        fp("sync.hub.hello_committed")
        if answer is None:
            raise RefusedError("sync.fenced", "another daemon speaks for this station")
        for told in self._gateway.on_hello:
            told(hello)
        spoken = {"proto": proto, "projection": projection} if hello.protos is not None else {}
        return answer_of(answer.model_copy(update=spoken))

    async def _ops(self, request: web.Request, station_id: str, _body: bytes) -> web.Response:
        query = query_of(protocol.OpsQuery, request)
        session = session_of(request)
        loop = asyncio.get_running_loop()
        until_s = loop.time() + query.wait
        await self._note_heard(station_id, session)
        with self._pollers.listen(station_id) as poll:
            while True:
                poll.bell.clear()
                answer = await self._db.read(
                    lambda c: reading.ops_tx(c, station_id, session, query)
                )
                if answer is not None:
                    return answer_of(answer)
                left_s = until_s - loop.time()
                if left_s <= 0 or self._pollers.closing or poll.over:
                    return _nothing_new(close=poll.over)
                await self._pollers.wait(poll, left_s)

    async def _snapshot(self, request: web.Request, station_id: str, _body: bytes) -> web.Response:
        query = query_of(protocol.SnapshotQuery, request)
        session = session_of(request)
        return answer_of(
            await self._db.read(lambda c: reading.snapshot_tx(c, station_id, session, query))
        )

    async def _digests(self, request: web.Request, station_id: str, _body: bytes) -> web.Response:
        query = query_of(protocol.DigestsQuery, request)
        session = session_of(request)

        def tx(conn: Connection) -> protocol.DigestsAnswer:
            state = reading.state_tx(conn, station_id, session)
            reading.same_generation(state, query.gen)
            return protocol.DigestsAnswer(
                gen=state.gen,
                op=state.head_op,
                digest=bytes(state.digest).hex(),
                segments=tuple(part.hex() for part in feed.segments_tx(conn, station_id)),
            )

        return answer_of(await self._db.read(tx))

    async def _events(self, request: web.Request, station_id: str, body: bytes) -> web.Response:
        session = session_of(request)
        with self._admission.enter(station_id, len(Lane)):
            return await self._ingest(station_id, session, read_batch(body))

    async def _ingest(self, station_id: str, session: int, batch: AnyBatch) -> web.Response:
        received_ms = to_ms(self._clock.wall())
        handlers = self._gateway.handlers

        def tx(conn: Connection) -> tuple[Outcome, Fork | None]:
            state = feed.station_tx(conn, station_id, lock=True)
            check_session(state, session)
            check_epochs(state, batch)
            outcome = ingest_tx(conn, station_id, batch, received_ms, handlers)
            told = None
            if isinstance(outcome, Fork) and batch.lane == Lane.FACTS:
                told = self._tell_tx(conn, station_id, outcome, received_ms)
            heard_tx(conn, station_id, received_ms)
            hint_tx(conn, f"events:{station_id}")
            return outcome, told

        try:
            outcome, told = await self._db.write(tx)
        except InvariantError as error:
            kind, said = f"invariant.{error.params['invariant']}", error.detail
            await self._db.write(lambda c: alarm_tx(c, station_id, kind, said, received_ms))
            raise
        fp("sync.hub.events_committed")
        if told is not None:
            self._told.note(station_id, told)
        return _acked(outcome)

    def _tell_tx(self, conn: Connection, station_id: str, fork: Fork, at_ms: int) -> Fork | None:
        """Tell the domains what they were not told before; return the fork once all of them have heard it."""
        if self._told.covers(station_id, fork):
            return None
        heard = self._gateway.forks.tell_tx(conn, station_id, fork.shared, at_ms)
        return fork if heard else None

    async def _blob(
        self, shelf: Shelf, request: web.Request, station_id: str, body: bytes
    ) -> web.Response:
        session = session_of(request)
        span = Span.read(request.headers.get("Content-Range", ""), body)
        await self._note_heard(station_id, session)
        at_ms = to_ms(self._clock.wall())
        answer = await shelf.put(station_id, request.match_info["digest"], span, body, at_ms)
        response = answer_of(answer)
        if not answer.complete:
            response.set_status(308)
        elif span.count:
            response.set_status(201)
        return response

    async def _note_heard(self, station_id: str, session: int) -> None:
        now_ms = to_ms(self._clock.wall())
        if await self._db.read(
            lambda c: is_heard_due(reading.state_tx(c, station_id, session), now_ms)
        ):
            await self._db.write(lambda conn: heard_tx(conn, station_id, now_ms))


def _nothing_new(*, close: bool) -> web.Response:
    response = web.Response(status=204)
    if close:  # a poll that was one too many keeps no connection either
        response.force_close()
    return response


def _acked(outcome: Outcome) -> web.Response:
    match outcome:
        case Accepted(head, _, quarantined):
            return answer_of(protocol.EventsAck(acked=head, quarantined=quarantined))
        case Gap(head):
            raise ConflictError("sync.gap", "events before these are missing", **_head(head))
        case Fork(head, at, _):
            raise ConflictError(
                "sync.fork", "the hub holds another story from there on",
                at_epoch=at.boot_epoch, at_seq=at.seq, **_head(head),
            )  # fmt: skip
        case Broken():  # pragma: no branch - mypy holds the match exhaustive
            raise InvalidError("sync.chain_broken", "the links do not add up to the chain")


def _head(head: protocol.Position) -> dict[str, str | int]:
    return {"head_epoch": head.boot_epoch, "head_seq": head.seq, "head_chain": head.chain}
