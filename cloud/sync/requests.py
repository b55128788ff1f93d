"""The five requests of LSP/1 as the OpenAPI document shows them: what each takes and all it may answer."""

from typing import Annotated, Any

from pydantic import Field

from cloud.sync.auth import SIGNATURE_KEYS
from common.contract import protocol
from common.contract.enrolment import CertificateAnswer, CertificateRequest
from common.kit.described import ANY_HOST, Described

SESSION_MAX = 10**15 - 1
_SESSION = {protocol.SESSION_HEADER: Annotated[int, Field(ge=0, le=SESSION_MAX)]}
# Unreadable, unsigned, fenced, slow, large, not fitting, another version, or the database is away.
_ALWAYS = ANY_HOST | {400, 401, 403, 408, 413, 422, 426, 503}


def _asked(summary: str, answers: dict[int, Any], query: Any) -> Described:
    return Described(
        summary, "sync", answers, problems=_ALWAYS | {409}, query=query,
        headers=_SESSION, keys=SIGNATURE_KEYS,
    )  # fmt: skip


HELLO = Described(
    "A station opens, renews or resumes its session",
    "sync",
    {200: protocol.HelloAnswer},
    problems=_ALWAYS | {415},
    body=protocol.Hello,
    keys=SIGNATURE_KEYS,
)
OPS = _asked(
    "Changed rows behind an op; held until there are some",
    {200: protocol.OpsAnswer, 204: None},
    protocol.OpsQuery,
)
SNAPSHOT = _asked(
    "Every row of a station, page by page",
    {200: protocol.SnapshotPage},
    protocol.SnapshotQuery,
)
DIGESTS = _asked(
    "One digest for each segment of the rows",
    {200: protocol.DigestsAnswer},
    protocol.DigestsQuery,
)
EVENTS = Described(
    "A stretch of one lane's events",
    "sync",
    {200: protocol.EventsAck},
    problems=_ALWAYS | {409, 415},
    body=protocol.EventsBatch,
    headers=_SESSION,
    keys=SIGNATURE_KEYS,
)
CERTIFICATE = Described(
    "A certificate for the station's key",
    "sync",
    {200: CertificateAnswer},
    problems=_ALWAYS | {415},
    body=CertificateRequest,
    keys=SIGNATURE_KEYS,
)
BLOB_PLACE = ("PUT", f"{protocol.BLOBS_PATH}/{{digest}}")
BLOB = Described(
    "One part of a blob, named by its BLAKE2b; without bytes: how far the hub is",
    "sync",
    {200: protocol.BlobAnswer, 201: protocol.BlobAnswer, 308: protocol.BlobAnswer},
    problems=_ALWAYS | {409},
    path={"digest": Annotated[str, Field(pattern="^[0-9a-f]{64}$")]},
    binary=True,
    headers=_SESSION
    | {"Content-Range": Annotated[str, Field(pattern=r"^bytes ([0-9]+-[0-9]+|\*)/[0-9]+$")]},
    keys=SIGNATURE_KEYS,
)
DESCRIBED = {
    ("POST", protocol.HELLO_PATH): HELLO,
    ("GET", protocol.OPS_PATH): OPS,
    ("GET", protocol.SNAPSHOT_PATH): SNAPSHOT,
    ("GET", protocol.DIGESTS_PATH): DIGESTS,
    ("POST", protocol.EVENTS_PATH): EVENTS,
}
