"""Facts about what the hub signs for a scanner and a person carries to the station."""

from typing import Annotated

from pydantic import Field

from common.contract.base import Id, Message, Ms


class RevocationApplied(Message):
    """`revocation.applied`: a capsule was scanned; these grants open nothing here from now on."""

    epoch: Ms = Field(description="how new the capsule is; the station takes no older one")
    grant_ids: Annotated[tuple[Id, ...], Field(max_length=50)]


class MaintenanceStarted(Message):
    """`maintenance.started`: a technician's certificate was used for the first time; each door names her too."""

    certificate_id: Id
    technician: str = Field(max_length=60)
    expires_at_ms: Ms
