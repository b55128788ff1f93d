"""What every JSON route asks first: who calls, not too often, and only once for each `Idempotency-Key`."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from cloud.access.caller import Caller
from cloud.access.service import Access
from cloud.api.idempotency import HEADER, Idempotency
from common.kit.errors import UnauthenticatedError
from common.kit.openapi import Answer, bearer_token
from common.kit.web import TooManyError

_KEYS_MAX = 10_000


class RateLimit:
    """A bucket for each caller, refilled evenly; kept in memory, on the loop's clock."""

    def __init__(self, per_minute: int) -> None:
        """Let each key ask `per_minute` times a minute, in bursts of at most that many."""
        self._size, self._per_s = float(per_minute), per_minute / 60
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, key: str) -> None:
        """Count one request; TooManyError `request.too_many` says how long to wait."""
        now_s = asyncio.get_running_loop().time()
        left, at_s = self._buckets.pop(key, (self._size, now_s))
        left = min(self._size, left + (now_s - at_s) * self._per_s)
        if left < 1:
            self._buckets[key] = (left, now_s)
            wait_s = int((1 - left) / self._per_s) + 1
            raise TooManyError("request.too_many", "too many requests", wait_s=wait_s)
        if len(self._buckets) >= _KEYS_MAX:
            self._buckets.pop(next(iter(self._buckets)))  # the one that was silent longest
        self._buckets[key] = (left - 1, now_s)


class HubGate:
    """The gate of `/api/v1`; it reads bearer tokens only, so no page of another site can use it."""

    def __init__(self, access: Access, idempotency: Idempotency, limit: RateLimit) -> None:
        """Ask `access` who calls."""
        self._access, self._idempotency, self._limit = access, idempotency, limit

    async def caller(self, request: web.Request) -> Caller | None:
        """Return who calls, None without an Authorization header."""
        if "Authorization" not in request.headers:
            self._limit.take(f"from|{request.remote}")
            return None
        if not (token := bearer_token(request)):
            raise UnauthenticatedError("access.token", "send Authorization: Bearer …")
        caller = await self._access.authenticate(token)
        self._limit.take(f"account|{caller.account_id}")
        return caller

    async def once(
        self,
        request: web.Request,
        caller: Caller,
        body: bytes,
        run: Callable[[], Awaitable[Answer]],
    ) -> Answer:
        """Run a request with an effect, once for each key of a caller."""
        key = request.headers.get(HEADER)
        if key is None:
            return await run()
        whole = b"\n".join((request.method.encode(), request.path_qs.encode(), body))
        return await self._idempotency.once(
            account_id=caller.account_id, key=key, request=whole, run=run
        )
