"""Capsules: what a station that cannot be reached has to refuse, signed, for somebody to carry there as a QR code.

Newest wish first, five grants a code; what was given away ends with its parent and needs no line of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from cloud.stations.kit import StationKit
from cloud.stations.qr import kid_at, sign_text
from cloud.stations.store import grants, sites
from cloud.stations.store.grants import GrantRecord
from common.contract.capsule import GRANTS_MAX, PARTS_MAX, Capsule, encode
from common.contract.certificate import LIFE_MAX_S

LIFE_MS = 24 * 3_600_000
"""A sheet older than this is refused at the station: whoever carries it should have asked anew."""


@dataclass(frozen=True, slots=True)
class CapsuleView:
    """One code to scan at the station: its text and whose orders' codes it ends."""

    text: str
    epoch: int
    part: int
    parts: int
    expires_at_ms: int
    grant_ids: tuple[str, ...]
    order_ids: tuple[str, ...]


class Capsules:
    """The use case."""

    def __init__(self, kit: StationKit) -> None:
        """Work with the room's kit."""
        self._kit = kit

    async def of(self, station_id: str) -> tuple[CapsuleView, ...]:
        """Return the codes that end everything the station has not heard of yet; empty when it has. NotFoundError."""
        return await self._kit.db.read(lambda c: self._of_tx(c, station_id))

    def _of_tx(self, connection: Connection, station_id: str) -> tuple[CapsuleView, ...]:
        station, now_ms = self._kit.station_tx(connection, station_id), self._kit.now_ms()
        waiting = grants.waiting_revokes(connection, station_id, now_ms)
        ids = {one.grant_id for one in waiting}
        roots = [one for one in waiting if one.parent_id not in ids][: GRANTS_MAX * PARTS_MAX]
        sheets = [roots[at : at + GRANTS_MAX] for at in range(0, len(roots), GRANTS_MAX)]
        # Certificates were ended within the life of one, and the station has not heard (epochs are moments).
        is_told = station.certificate_op <= self._kit.gateway.applied_op_tx(connection, station_id)
        if not sheets and not is_told and station.certificate_floor > now_ms - LIFE_MAX_S * 1000:
            sheets = [[]]
        return tuple(
            self._sheet(station_id, station.revocation_epoch, sheet, part, len(sheets), now_ms)
            for part, sheet in enumerate(sheets, 1)
        )

    def _sheet(
        self,
        station_id: str,
        epoch: int,
        sheet: Sequence[GrantRecord],
        part: int,
        parts: int,
        now_ms: int,
    ) -> CapsuleView:
        grant_ids = tuple(one.grant_id for one in sheet)
        expires_at_ms = now_ms + LIFE_MS
        kid = kid_at(now_ms)
        capsule = Capsule(kid, station_id, epoch, part, parts, expires_at_ms, grant_ids)
        text = encode(capsule, sign_text(self._kit.secrets, kid, capsule.message()))
        orders = tuple(dict.fromkeys(one.order_id for one in sheet))
        return CapsuleView(text, epoch, part, parts, expires_at_ms, grant_ids, orders)


def raise_epoch_tx(kit: StationKit, connection: Connection, station_id: str) -> None:
    """Number one more revocation: by the time, so that a hub put back from a backup does not fall behind."""
    sites.raise_revocation_epoch(connection, station_id, kit.now_ms())
