"""Whether a request was signed just now by the key of the station it names, and for the first time."""

from collections import OrderedDict
from dataclasses import dataclass, field

from aiohttp import web

from common.kit.clock import Clock, to_ms
from common.kit.described import KeyHeader
from common.kit.errors import RefusedError, UnauthenticatedError
from common.kit.identity import (
    NONCE_HEADER,
    SIGNATURE_HEADER,
    STATION_HEADER,
    TIME_HEADER,
    request_message,
    verify,
)

WINDOW_MS = 10 * 60 * 1000
"""A signature is good for this long before and after the hub's time."""
NONCES_KEPT = 2048
_NONCE_CHARS = 64
SIGNATURE_KEYS = (
    KeyHeader("station", STATION_HEADER, "The station's id."),
    KeyHeader("station_time", TIME_HEADER, "The hub's time in ms, as the station knows it."),
    KeyHeader("station_nonce", NONCE_HEADER, "8 to 64 letters and digits, never the same twice."),
    KeyHeader(
        "station_signature",
        SIGNATURE_HEADER,
        "Ed25519, hexadecimal, by the key of the pairing, over the lines `LSP/1`, method, path with"
        " query, time, nonce, station and the SHA-256 of the body before compression. Every signed"
        " request says `X-Proto: 1`; another version is answered 426.",
    ),
)
"""What a signed request carries, for the document."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What a request says of itself; nothing is checked yet."""

    station_id: str
    time_ms: int
    nonce: str
    signature: bytes
    message: bytes


@dataclass(slots=True)
class _Seen:
    floor_ms: int
    nonces: "OrderedDict[str, int]" = field(default_factory=OrderedDict)


class NonceBook:
    """Remembers nonces in bounded memory: what it has to forget it makes too old instead.

    A replay is therefore refused by the process that saw the request, whatever happens; another worker of the same hub
    takes it once more, within `WINDOW_MS` of its signature (docs/operations/hub.md, several workers). An honest station
    that falls below the floor (a hub that just started, a burst) is told the hub's time and signs again.
    """

    def __init__(self, start_ms: int, *, keep: int = NONCES_KEPT) -> None:
        """Refuse what was signed before `start_ms`: this process has not seen it."""
        self._start_ms, self._keep = start_ms, keep
        self._latest_ms = start_ms
        self._stations: dict[str, _Seen] = {}

    def note_time(self, now_ms: int) -> None:
        """Begin anew when the hub's clock was put back: all floors lie ahead of it, and no station could pass."""
        if now_ms < self._latest_ms - WINDOW_MS:
            self._start_ms = now_ms
            self._stations.clear()
        self._latest_ms = now_ms

    def is_too_old(self, station_id: str, time_ms: int) -> bool:
        """Return whether the book can no longer tell if this time's requests were seen."""
        seen = self._stations.get(station_id)
        return time_ms < (seen.floor_ms if seen else self._start_ms)

    def first_time(self, station_id: str, nonce: str, time_ms: int, now_ms: int) -> bool:
        """Note the nonce; False when it was there already."""
        seen = self._stations.setdefault(station_id, _Seen(self._start_ms))
        if nonce in seen.nonces:
            return False
        seen.nonces[nonce] = time_ms
        while len(seen.nonces) > self._keep:
            _, dropped_ms = seen.nonces.popitem(last=False)
            seen.floor_ms = max(seen.floor_ms, dropped_ms + 1)
        while seen.nonces and next(iter(seen.nonces.values())) < now_ms - WINDOW_MS:
            seen.nonces.popitem(last=False)
        return True


def read_signature(request: web.Request, body: bytes) -> Signed:
    """Return the signature's parts; UnauthenticatedError when one is missing or malformed."""
    try:
        station_id = request.headers[STATION_HEADER]
        time_ms = int(request.headers[TIME_HEADER])
        nonce = request.headers[NONCE_HEADER]
        signature = bytes.fromhex(request.headers[SIGNATURE_HEADER])
    except (KeyError, ValueError) as error:
        raise nobody() from error
    fits = 8 <= len(nonce) <= _NONCE_CHARS and nonce.isalnum() and 0 <= time_ms < 2**53
    if not fits or len(station_id) > _NONCE_CHARS or not station_id.isalnum():
        raise nobody()
    message = request_message(
        method=request.method,
        path_qs=request.raw_path,
        time_ms=time_ms,
        nonce=nonce,
        station_id=station_id,
        body=body,
    )
    return Signed(station_id, time_ms, nonce, signature, message)


@dataclass(frozen=True, slots=True)
class Keys:
    """The key a station speaks with, and the one that was taken from it."""

    valid: bytes | None = None
    revoked: bytes | None = None


def check(signed: Signed, keys: Keys, clock: Clock, book: NonceBook) -> None:
    """Refuse a wrong signature, a wrong time (answering the right one) and a replay.

    The holder of a revoked key, and nobody else, is told that it was revoked.
    """
    public_key, revoked = keys.valid, keys.revoked
    if revoked is not None and verify(revoked, signed.message, signed.signature):
        raise RefusedError("sync.revoked", "the key of this station was revoked: pair it anew")
    if public_key is None or not verify(public_key, signed.message, signed.signature):
        raise nobody()
    now_ms = to_ms(clock.wall())
    book.note_time(now_ms)
    if abs(signed.time_ms - now_ms) > WINDOW_MS or book.is_too_old(
        signed.station_id, signed.time_ms
    ):
        raise UnauthenticatedError(
            "sync.clock", "sign again with the hub's time", server_time_ms=now_ms
        )
    if not book.first_time(signed.station_id, signed.nonce, signed.time_ms, now_ms):
        raise UnauthenticatedError("sync.replayed", "this nonce was used before")


def nobody() -> UnauthenticatedError:
    """Return the one answer to whatever is not signed as it must be."""
    return UnauthenticatedError("sync.unauthenticated", "no valid signature of a known station")
