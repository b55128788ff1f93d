"""LSP/1 on the wire: what station and hub ask and answer under `/sync/v1/`.

Bodies of events and rows travel as JSON texts inside JSON strings, so that both sides hash the very same bytes.
"""

import hashlib
from typing import Annotated, Literal

from pydantic import Field

from common.contract.base import Id, Message, Ms
from common.contract.chain import GENESIS
from common.contract.words import Lane

PROTO = "1"
PROTO_HEADER = "X-Proto"
SESSION_HEADER = "X-Linli-Session"
HELLO_PATH = "/sync/v1/hello"
OPS_PATH = "/sync/v1/ops"
SNAPSHOT_PATH = "/sync/v1/snapshot"
DIGESTS_PATH = "/sync/v1/digests"
EVENTS_PATH = "/sync/v1/events"
BLOBS_PATH = "/sync/v1/blobs"

MAX_BATCH_EVENTS = 500
MAX_BATCH_BYTES = 256 * 1024
"""A lane sends at most this much body text at once (one larger body travels alone)."""
MAX_BODY_CHARS = 512 * 1024
MAX_REQUEST_BYTES = 4 * 1024 * 1024
"""The hub reads no more of a request, after decompression."""
MAX_OPS = 500
SNAPSHOT_ROWS = 1000
MAX_WAIT_S = 60.0
MAX_BLOB_BYTES = 32 * 1024 * 1024
BLOB_PART_BYTES = 256 * 1024
"""A blob travels in parts of at most this much."""
_BLOB_DIGEST_BYTES = 32
_BLOB_PERSON = b"linli/blob/1"

Count = Annotated[int, Field(ge=0, le=2**53 - 1)]
Counted = Annotated[int, Field(ge=0, le=2**49 - 1)]
"""A number the hub counts on from: what comes next must fit its answers and the session's header."""
AHEAD = 2**20
"""Further than this beyond what the other side knows of it no session, boot epoch or generation gets honestly: a boot
epoch is one start, and this is a month of a station that starts every three seconds and never reaches its hub; a
salvaged disk goes on 1,000 above what it lost, a hub put back from its backup lacks one of each for every start since.
"""
EVENTS_AHEAD = AHEAD // 2
"""Events of a session lie above the boot epoch of its hello by one for each fork that was told anew since. Less than
`AHEAD`, so that the hello behind a fork at the very end of this room is still taken."""
MOST_AT_FIRST = 2**40
"""What a hub believes of a station it knows nothing of: a hub that begins anew meets old stations."""
Spoken = Annotated[
    tuple[Annotated[int, Field(ge=1, le=10_000)], ...], Field(min_length=1, max_length=16)
]
Chain = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
EventType = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.]{0,63}$")]
Plain = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f]*$")]
BodyText = Annotated[str, Field(max_length=MAX_BODY_CHARS, pattern=r"^[^\x00]*$")]


class Position(Message):
    """A place in a lane: the last event before it and the chain up to there."""

    boot_epoch: Count
    seq: Count
    chain: Chain

    @property
    def order(self) -> tuple[int, int]:
        """Where it stands: order in a lane is `(boot_epoch, seq)`, never the wall clock."""
        return (self.boot_epoch, self.seq)


def most_after(known: int, at_first: int) -> int:
    """Return the largest number that can be believed where `known` was the last; `at_first` when that is 0."""
    return known + AHEAD if known else at_first


START = Position(boot_epoch=0, seq=0, chain=GENESIS.hex())
"""The place before the first event of a lane."""


class Positions(Message):
    """How far the hub has stored each lane."""

    facts: Position
    telemetry: Position

    def of(self, lane: Lane) -> Position:
        """Return the place of `lane`."""
        return self.facts if lane is Lane.FACTS else self.telemetry


def _is_unsaid(value: object) -> bool:
    """Leave a field out that an older release does not know, so that its messages keep their bytes."""
    return value is None


class Hello(Message):
    """`POST /sync/v1/hello`: at start, as the idle heartbeat, and whenever the other side says something odd."""

    install_id: Id = Field(description="made once per database file")
    hello_id: Id = Field(
        description="made at boot, kept until its answer is stored; the same one is the same session again"
    )
    session: Counted = Field(description="the last session the hub gave, 0 if none")
    boot_epoch: Counted
    gen: Counted
    op: Count
    digest: Digest = Field(description="of the replica at (gen, op)")
    app_version: Plain
    backlog_facts: Count
    backlog_telemetry: Count
    oldest_s: Count | None = Field(default=None, description="age of the oldest event not yet sent")
    clock_offset_ms: int = Field(
        ge=-(2**52), le=2**52, description="hub minus station, as the station knows it"
    )
    protos: Spoken | None = Field(
        default=None,
        exclude_if=_is_unsaid,
        description="protocols the station speaks; none said: 1 (common.contract.versions)",
    )
    projections: Spoken | None = Field(
        default=None, exclude_if=_is_unsaid, description="row projections it reads; none said: 1"
    )
    clock_state: Literal["trusted", "holdover", "untrusted"] | None = Field(
        default=None, exclude_if=_is_unsaid, description="how far `time_ms` can be relied on"
    )
    time_ms: Ms | None = Field(
        default=None,
        exclude_if=_is_unsaid,
        description="the station's trusted time when it asked",
    )
    run_id: Id | None = Field(
        default=None,
        exclude_if=_is_unsaid,
        description="made by each process: tells a repeated hello from a copy that repeats it",
    )


class HelloAnswer(Message):
    """What the hub knows of the station."""

    session: Count
    min_boot_epoch: Count = Field(description="the station's epoch must not lie below")
    gen: Count
    head_op: Count
    server_time_ms: Ms
    acked: Positions
    proto: Count | None = Field(
        default=None, exclude_if=_is_unsaid, description="the highest protocol both speak"
    )
    projection: Count | None = Field(
        default=None, exclude_if=_is_unsaid, description="the projection rows will have"
    )


class Op(Message):
    """One change of a replica row; `body` null deletes."""

    op: Count
    table: Name
    key: Plain
    body: BodyText | None


class OpsAnswer(Message):
    """`GET /sync/v1/ops?gen&after&digest&wait`: what followed; 204 when nothing did, 409 `sync.resnapshot`."""

    gen: Count
    after: Count
    to: Count
    head: Count
    digest: Digest = Field(description="of the replica at (gen, to)")
    ops: tuple[Op, ...]


class SnapshotRow(Message):
    """One row of a replica snapshot."""

    table: Name
    key: Plain
    body: BodyText


class SnapshotPage(Message):
    """`GET /sync/v1/snapshot?gen&as_of&table&key&segments`: rows after (table, key), all as of one op."""

    gen: Count
    as_of: Count
    digest: Digest = Field(description="of the whole replica at (gen, as_of)")
    rows: tuple[SnapshotRow, ...]
    more: bool


class DigestsAnswer(Message):
    """`GET /sync/v1/digests?gen`: one digest a segment, so that only differing segments are fetched."""

    gen: Count
    op: Count
    digest: Digest
    segments: tuple[Digest, ...]


class WireEvent(Message):
    """One event of a batch; station and lane stand once above."""

    boot_epoch: Count
    seq: Annotated[int, Field(ge=1, le=2**53 - 1)]
    occurred_at_ms: Ms
    type: EventType
    v: Annotated[int, Field(ge=1, le=10_000)] = 1
    body: BodyText


class EventsBatch(Message):
    """`POST /sync/v1/events`: a stretch of one lane."""

    lane: Lane
    after: Position
    hole: bool = Field(
        default=False, description="events between the hub's place and `after` are gone for good"
    )
    events: tuple[WireEvent, ...] = Field(min_length=1, max_length=MAX_BATCH_EVENTS)
    chain: Chain = Field(description="after the last event")


class EventsAck(Message):
    """The hub has committed everything up to `acked`."""

    acked: Position
    quarantined: Count = Field(
        description="events of this batch whose effects failed; they are kept"
    )


class BlobAnswer(Message):
    """`PUT /sync/v1/blobs/{blake2}` with Content-Range: 201 (or 200: was there) whole and verified, 308 go on."""

    received: Count = Field(description="bytes the hub holds durably: the next part starts there")
    complete: bool


def blob_digest(content: bytes) -> str:
    """Return the name of a blob: BLAKE2b of its bytes, 64 hexadecimal digits."""
    return hashlib.blake2b(content, digest_size=_BLOB_DIGEST_BYTES, person=_BLOB_PERSON).hexdigest()


def blob_path(digest: str) -> str:
    """Return where a blob is put."""
    return f"{BLOBS_PATH}/{digest}"


class ProblemParams(Message):
    """The parameters of a problem that a station acts on."""

    server_time_ms: Ms | None = None
    head_epoch: Count | None = None
    head_seq: Count | None = None
    head_chain: Chain | None = None
    at_epoch: Count | None = None
    at_seq: Count | None = None
    min: Count | None = None
    max: Count | None = None

    @property
    def head(self) -> Position | None:
        """How far the hub has stored the lane."""
        if self.head_epoch is None or self.head_seq is None or self.head_chain is None:
            return None
        return Position(boot_epoch=self.head_epoch, seq=self.head_seq, chain=self.head_chain)

    @property
    def at(self) -> tuple[int, int] | None:
        """The first event that differs, as (boot_epoch, seq)."""
        if self.at_epoch is None or self.at_seq is None:
            return None
        return (self.at_epoch, self.at_seq)


class Problem(Message):
    """What a station reads of a problem answer (RFC 9457); the rest is for people."""

    key: str = "unknown"
    detail: str = ""
    params: ProblemParams = ProblemParams()


class OpsQuery(Message):
    """Query of `GET /sync/v1/ops`; `digest` is that of the station's rows at (gen, after)."""

    gen: Count
    after: Count
    digest: Digest
    wait: Annotated[float, Field(ge=0, le=MAX_WAIT_S)] = 0.0
    limit: Annotated[int, Field(ge=1, le=MAX_OPS)] = MAX_OPS


class SnapshotQuery(Message):
    """Query of `GET /sync/v1/snapshot`; `as_of` pins the pages behind the first, `segments` as hex pairs narrows."""

    gen: Count
    as_of: Count | None = None
    table: Annotated[str, Field(max_length=40, pattern=r"^[a-z0-9_]*$")] = ""
    key: Plain = ""
    segments: Annotated[str, Field(max_length=512, pattern=r"^(?:[0-9a-f]{2})*$")] = ""


class DigestsQuery(Message):
    """Query of `GET /sync/v1/digests`."""

    gen: Count
