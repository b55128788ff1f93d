"""What the routes about signed papers take and answer: capsules, technicians' certificates."""

from pydantic import ConfigDict, Field

from common.kit.openapi import AnswerModel, RequestModel


class _View(AnswerModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)


class CertificateRequest(RequestModel):
    """For whom, and for how many hours."""

    technician: str = Field(min_length=1, max_length=60)
    hours: int = Field(4, ge=1, le=8)


class CertificateAnswer(_View):
    """A technician's certificate; `text` is what the QR code says, and the proof itself."""

    text: str
    certificate_id: str
    station_id: str
    technician: str
    epoch: int
    issued_at_ms: int
    expires_at_ms: int


class CapsuleAnswer(_View):
    """One code to scan at the station; `text` is what it says, `part` of `parts` that belong together."""

    text: str
    epoch: int
    part: int
    parts: int
    expires_at_ms: int
    grant_ids: tuple[str, ...]
    order_ids: tuple[str, ...]


class CapsulesAnswer(_View):
    """What ends, at a station that cannot be reached, everything revoked since it was; newest first."""

    capsules: tuple[CapsuleAnswer, ...]
