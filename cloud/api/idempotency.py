"""A POST repeated with its `Idempotency-Key` has one effect and one answer.

The claim on the key is written in the same transaction as the request's first write, so effect and
claim are one commit; the answer follows in a second one. docs/decisions explains the gap between them.
"""

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from cloud.access.sealing import Sealer
from cloud.api.models import kept_answer
from common.kit.clock import Clock, to_ms
from common.kit.errors import ConflictError, InvalidError, LinliError
from common.kit.failpoints import fp
from common.kit.openapi import Answer
from common.kit.problems import PROBLEM_TYPE, problem_bytes
from common.kit.sqldb import HubDb

T = TypeVar("T")
HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,64}")
_KEEP_MS = 24 * 3_600_000


@dataclass(slots=True)
class _Claim:
    slot: bytes
    fingerprint: bytes
    now_ms: int
    is_written: bool = False


_claim: ContextVar[_Claim | None] = ContextVar("linli_idempotency_claim", default=None)


class ClaimingDb:
    """The hub's store as the domains see it: the first write of a keyed request carries its claim."""

    def __init__(self, db: HubDb) -> None:
        """Stand in front of `db`."""
        self._db = db

    async def write(self, fn: Callable[[Connection], T]) -> T:
        """Run `fn` as one transaction, with the claim of the running request if it has one."""
        claim = _claim.get()
        if claim is None or claim.is_written:
            return await self._db.write(fn)

        def both(conn: Connection) -> T:
            _insert_claim(conn, claim)
            return fn(conn)

        result = await self._db.write(both)
        claim.is_written = True
        return result

    async def read(self, fn: Callable[[Connection], T]) -> T:
        """Run `fn` on one committed view."""
        return await self._db.read(fn)


class Idempotency:
    """Claims and kept answers."""

    def __init__(self, db: HubDb, clock: Clock, *, key: bytes, sealer: Sealer) -> None:
        """Use the plain store; `key` fingerprints requests, `sealer` hides answers (they may hold tokens)."""
        self._db, self._clock, self._key, self._sealer = db, clock, key, sealer
        self._running: set[bytes] = set()

    async def once(
        self, *, account_id: str, key: str, request: bytes, run: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        """Run the request, or return what it answered before; `request` is method, path and body."""
        if not _KEY.fullmatch(key):
            raise InvalidError("idempotency.key_invalid", "1 to 64 visible ASCII characters")
        slot = self._mac(f"{account_id}|{key}".encode())
        claim = _Claim(slot, self._mac(request), to_ms(self._clock.wall()))
        if slot in self._running:
            raise _still_running()
        self._running.add(slot)
        try:
            kept = await self._db.read(lambda conn: self._kept(conn, claim))
            return kept if kept is not None else await self._run(claim, run)
        finally:
            self._running.discard(slot)

    async def purge(self) -> None:
        """Forget answers older than a day."""
        before_ms = to_ms(self._clock.wall()) - _KEEP_MS
        old = kept_answer.delete().where(kept_answer.c.created_at_ms < before_ms)
        await self._db.write(lambda conn: conn.execute(old).rowcount)

    async def _run(self, claim: _Claim, run: Callable[[], Awaitable[Answer]]) -> Answer:
        token = _claim.set(claim)
        try:
            answer = await run()
        except LinliError as error:
            if claim.is_written and error.status < 500:
                kept = Answer(error.status, problem_bytes(error), PROBLEM_TYPE)
                await self._db.write(lambda conn: self._keep_tx(conn, claim, kept))
            raise
        finally:
            _claim.reset(token)
        fp("api.effect_committed")
        await self._db.write(lambda conn: self._keep_tx(conn, claim, answer))
        fp("api.answer_kept")
        return answer

    def _kept(self, conn: Connection, claim: _Claim) -> Answer | None:
        row = conn.execute(sa.select(kept_answer).where(kept_answer.c.slot == claim.slot)).first()
        if row is None:
            return None
        if row.fingerprint != claim.fingerprint:
            raise ConflictError("idempotency.other_request", "the key was used for another request")
        if row.status is None:
            said = "the request took effect, but its answer was lost; read the state"
            raise ConflictError("idempotency.interrupted", said)
        body = self._sealer.open(row.body_sealed, _about(claim.slot))
        return Answer(row.status, body, row.content_type)

    def _keep_tx(self, conn: Connection, claim: _Claim, answer: Answer) -> None:
        if not claim.is_written:
            _insert_claim(conn, claim)
        conn.execute(
            kept_answer.update()
            .where(kept_answer.c.slot == claim.slot)
            .values(
                status=answer.status,
                content_type=answer.content_type,
                body_sealed=self._sealer.seal(answer.body, _about(claim.slot)),
            )
        )

    def _mac(self, data: bytes) -> bytes:
        return hmac.digest(self._key, data, hashlib.sha256)


def _insert_claim(conn: Connection, claim: _Claim) -> None:
    """Another process of the hub may hold the same key: then this transaction never happens."""
    try:
        conn.execute(
            kept_answer.insert().values(
                slot=claim.slot, fingerprint=claim.fingerprint, created_at_ms=claim.now_ms
            )
        )
    except IntegrityError as error:
        raise _still_running() from error


def _still_running() -> ConflictError:
    return ConflictError("idempotency.running", "a request with this key is still running")


def _about(slot: bytes) -> str:
    return f"answer|{slot.hex()}"
