"""One signed request to the hub: what comes back is a model, a problem to act on, or trouble worth a pause."""

import gzip
import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

import aiohttp
from pydantic import ValidationError
from yarl import URL

from common.contract import protocol
from common.contract.base import Message
from common.contract.enrolment import CERTIFICATE_PATH
from common.contract.protocol import Problem
from common.contract.versions import OURS
from common.kit.chance import Chance
from common.kit.clock import Clock, to_ms
from common.kit.failpoints import fp
from common.kit.identity import (
    NONCE_HEADER,
    SIGNATURE_HEADER,
    STATION_HEADER,
    TIME_HEADER,
    StationSecrets,
    request_message,
    sign,
)

M = TypeVar("M", bound=Message)
_GZIP_FROM = 1024
_LESSONS = 2  # what time it is, and that the certificate has ended
_GOOD = frozenset({200, 201, 308})  # 308: a blob's part is stored, go on
_ANSWER_MAX = 64 * 1024 * 1024
_RETRY_AFTER_MAX_S = 3600.0


class HubAway(Exception):
    """No usable answer: try again later, at the earliest after `retry_after_s` when the hub said so."""

    def __init__(self, reason: str, *, reached: bool, retry_after_s: float | None = None) -> None:
        """Say why; `reached` tells whether a hub answered at all."""
        super().__init__(reason)
        self.reached = reached
        self.retry_after_s = retry_after_s


class HubRefused(Exception):
    """The hub understood and said no, with a stable key."""

    def __init__(self, problem: Problem) -> None:
        """Carry the problem."""
        super().__init__(f"{problem.key}: {problem.detail}")
        self.problem = problem
        self.key = problem.key


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, unpacked."""

    status: int
    body: bytes
    retry_after: str | None


class Certificate(Protocol):
    """What is shown to a hub behind TLS (`edge.sync.certificate`)."""

    context: ssl.SSLContext

    async def ready(self, client: "HubClient") -> None:
        """Get one if there is none or it is old."""

    def refused(self) -> None:
        """Note that the hub does not take it."""


class HubClient:
    """Signs with the station's key and the hub's time; one aiohttp session."""

    _certificate: Certificate | None = None

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        secrets: StationSecrets,
        clock: Clock,
        chance: Chance,
        timeout_s: float,
        certificate: Certificate | None = None,
    ) -> None:
        """Speak to the hub at `url`; `timeout_s` covers a request besides what a poll may be held.

        With a `certificate` only its authority is believed; without one those of this machine are.
        """
        self._certificate = certificate
        self._http, self._url = session, URL(url)
        self._secrets, self._clock, self._chance = secrets, clock, chance
        self._timeout_s = timeout_s
        self.session = 0
        self.proto = max(OURS.protos)
        self.clock_offset_ms = 0

    async def get(
        self, path: str, query: Message, answer: type[M], *, held_s: float = 0.0
    ) -> M | None:
        """Ask; None when the hub has nothing (204)."""
        pairs = {name: str(value) for name, value in query.model_dump(exclude_none=True).items()}
        return await self._ask("GET", URL(path).with_query(pairs), b"", answer, held_s)

    async def post(self, path: str, message: Message, answer: type[M]) -> M:
        """Send `message`; the hub always answers with a body."""
        body = message.model_dump_json().encode()
        found = await self._ask("POST", URL(path), body, answer, 0.0)
        if found is None:
            raise HubAway("the hub answered nothing", reached=True)
        return found

    async def put(self, path: str, body: bytes, span: str, answer: type[M]) -> M:
        """Send a part of a blob; `span` is its Content-Range."""
        headers = {"Content-Range": span, "Content-Type": "application/octet-stream"}
        found = await self._ask("PUT", URL(path), body, answer, 0.0, headers)
        if found is None:
            raise HubAway("the hub answered nothing", reached=True)
        return found

    async def _ask(
        self,
        method: str,
        path: URL,
        body: bytes,
        model: type[M],
        held_s: float,
        more: Mapping[str, str] | None = None,
    ) -> M | None:
        if self._certificate is not None and path.path != CERTIFICATE_PATH:
            await self._certificate.ready(self)
        answer = await self._send(method, path, body, held_s, more or {})
        for _lesson in range(_LESSONS):
            if answer.status != 401 or not (
                self._learn_time(answer) or await self._another(answer)
            ):
                break
            answer = await self._send(method, path, body, held_s, more or {})
        if answer.status == 204:
            return None
        if answer.status not in _GOOD:
            raise _trouble(answer)
        try:
            return model.model_validate_json(answer.body)
        except ValidationError as error:
            reason = f"the answer to {path.path} cannot be read"
            raise HubAway(reason, reached=True) from error

    async def _send(
        self, method: str, path: URL, body: bytes, held_s: float, more: Mapping[str, str]
    ) -> Answer:
        headers = self.headers(method, path.raw_path_qs, body) | dict(more)
        data: bytes | None = body or None
        if len(body) >= _GZIP_FROM and not more:  # photos are packed already
            data = gzip.compress(body, compresslevel=1, mtime=0)
            headers["Content-Encoding"] = "gzip"
        timeout = aiohttp.ClientTimeout(total=self._timeout_s + held_s)
        url = self._url.with_path(self._url.path.rstrip("/") + path.path).with_query(path.query)
        fp("sync.edge.request_signed")
        try:
            async with self._http.request(
                method,
                url,
                data=data,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
                ssl=True if self._certificate is None else self._certificate.context,
            ) as response:
                content = await _read(response)
                retry_after = response.headers.get("Retry-After")
        except aiohttp.ClientConnectorCertificateError as error:
            said = _not_believed(error.certificate_error, url.authority)
            raise HubAway(said, reached=False) from error
        except (aiohttp.ClientError, TimeoutError, OSError, zlib.error) as error:
            raise HubAway(str(error) or type(error).__name__, reached=False) from error
        fp("sync.edge.answer_read")
        return Answer(response.status, content, retry_after)

    def headers(self, method: str, path_qs: str, body: bytes) -> dict[str, str]:
        """Sign: method, path with query, body as it is before compression, the hub's time, a nonce."""
        time_ms = to_ms(self._clock.wall()) + self.clock_offset_ms
        nonce = self._chance.secure.token_bytes(12).hex()
        station_id = self._secrets.station_id
        message = request_message(
            method=method,
            path_qs=path_qs,
            time_ms=time_ms,
            nonce=nonce,
            station_id=station_id,
            body=body,
        )
        return {
            protocol.PROTO_HEADER: str(self.proto),
            protocol.SESSION_HEADER: str(self.session),
            STATION_HEADER: station_id,
            TIME_HEADER: str(time_ms),
            NONCE_HEADER: nonce,
            SIGNATURE_HEADER: sign(self._secrets.private_key, message).hex(),
            "Content-Type": "application/json",
        }

    def _learn_time(self, answer: Answer) -> bool:
        """Take the hub's time when that was what it missed; True to sign and ask once more."""
        params = _problem(answer).params
        if params.server_time_ms is None:
            return False
        self.clock_offset_ms = params.server_time_ms - to_ms(self._clock.wall())
        return True

    async def _another(self, answer: Answer) -> bool:
        """Get another certificate when that was what the hub missed; True to ask once more, on a new connection."""
        certificate = self._certificate
        if certificate is None or not _problem(answer).key.startswith("sync.certificate_"):
            return False
        certificate.refused()
        await certificate.ready(self)
        return True


async def _read(response: aiohttp.ClientResponse) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > _ANSWER_MAX:
            raise aiohttp.ClientPayloadError("the answer is larger than any of ours")
        parts.append(part)
    return b"".join(parts)


def _problem(answer: Answer) -> Problem:
    try:
        return Problem.model_validate_json(answer.body)
    except ValidationError:
        return Problem(key=f"http.{answer.status}")


def _trouble(answer: Answer) -> HubAway | HubRefused:
    """Return what a status other than 200 means for the station."""
    problem = _problem(answer)
    known = problem.key.startswith("sync.")
    if answer.status in (403, 409, 422, 426) and known:
        return HubRefused(problem)
    reason = f"{answer.status} {problem.key}"
    return HubAway(reason, reached=True, retry_after_s=_seconds(answer.retry_after))


def _seconds(retry_after: str | None) -> float | None:
    """Return the seconds form of Retry-After; its date form is not worth a clock."""
    if retry_after is None or not retry_after.isascii() or not retry_after.isdigit():
        return None
    return min(float(retry_after), _RETRY_AFTER_MAX_S)


def _not_believed(error: BaseException, address: str) -> str:
    """Return why `address` is not believed."""
    code, said = getattr(error, "verify_code", 0), getattr(error, "verify_message", str(error))
    if code in (62, 64):  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
        return f"the hub's certificate is not for {address} ({said}): add it to gateway.names there"
    return f"who answers at {address} is not our hub: not of the pinned CA ({said}). Is somebody between?"
