"""The digits and the QR code of a grant, for whoever may see them; who has seen them is written down first."""

from sqlalchemy.engine import Connection

from cloud.stations.keys import unseal
from cloud.stations.kit import StationKit
from cloud.stations.models import RevokeState
from cloud.stations.qr import qr_text
from cloud.stations.store import grants


class ShownCodes:
    """Use cases of people who look at a code."""

    def __init__(self, kit: StationKit) -> None:
        """Work with the room's kit."""
        self._kit = kit

    async def show(self, grant_id: str, *, shown_to: str) -> str | None:
        """Return the eight digits, after writing down who sees them; None once used, revoked or expired.

        The caller has made sure that `shown_to` owns the order (its person, or the order's own link).
        """
        now_ms = self._kit.now_ms()

        def read(connection: Connection) -> tuple[str | None, bool]:
            known = {who for who, _ in grants.shown(connection, grant_id)}
            return self._digits(connection, grant_id, now_ms), shown_to[:80] in known

        def note(connection: Connection) -> None:
            grants.note_shown(connection, grant_id, shown_to[:80], now_ms)
            self._kit.audit_tx(connection, who=shown_to, what="grant.code_shown", about=grant_id)

        digits, noted = await self._kit.db.read(read)
        if digits is not None and not noted:
            await self._kit.db.write(note)
        return digits

    async def qr(self, grant_id: str) -> str:
        """Return the text of the grant's QR code, for whoever may see its digits. NotFoundError."""
        record = await self._kit.db.read(lambda c: grants.known_grant(c, grant_id))
        return qr_text(self._kit.secrets, record)

    async def shown_to(self, grant_id: str) -> list[tuple[str, int]]:
        """Return who was shown the code, and when first (ms)."""
        return await self._kit.db.read(lambda c: grants.shown(c, grant_id))

    def _digits(self, connection: Connection, grant_id: str, now_ms: int) -> str | None:
        record = grants.known_grant(connection, grant_id)
        over = (record.expires_at_ms or record.not_after_ms) <= now_ms
        if record.digits_sealed is None or record.revoke_state != RevokeState.NONE or over:
            return None
        key = self._kit.secrets.encryption_key
        return unseal(key, record.digits_sealed, grant_id=grant_id)
