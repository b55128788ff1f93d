"""What every use case of the orders room works with."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from cloud.access.service import audit_tx
from cloud.config import HubSecrets
from cloud.money.service import Money
from cloud.orders.machine import CaseKind
from cloud.orders.store import orders, timeline
from cloud.orders.store.orders import OrderRecord
from cloud.orders.store.timeline import CaseRecord, Entry
from cloud.stations.service import PreparedGrant, Stations
from common.kit.chance import Chance
from common.kit.clock import Clock, to_ms
from common.kit.errors import ConflictError, NotFoundError
from common.kit.ids import new_id
from common.kit.sqldb import HubDb, hint_tx

_LINK_BYTES = 20
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class OrderKit:
    """Ports and neighbours of the room."""

    db: HubDb
    clock: Clock
    chance: Chance
    secrets: HubSecrets
    stations: Stations
    money: Money

    def now_ms(self) -> int:
        """Return the wall time in milliseconds."""
        return to_ms(self.clock.wall())

    def new_id(self) -> str:
        """Return a fresh ULID."""
        return new_id(self.clock, self.chance)

    def draw_digits(self, count: int) -> str:
        """Return `count` random decimal digits."""
        return f"{self.chance.secure.randbelow(10**count):0{count}d}"

    def order_tx(self, connection: Connection, order_id: str) -> OrderRecord:
        """Return the order; NotFoundError."""
        record = orders.one_order(connection, order_id)
        if record is None:
            raise NotFoundError("order.not_found", "there is no such order", order_id=order_id)
        return record

    def link_token(self, of: str, kind: str = "order") -> str:
        """Return the 160-bit token of an order's own page, or of another kind's; it is stored nowhere."""
        message = f"{kind}-link|{of}".encode()
        token = hmac.digest(self.secrets.master, message, hashlib.sha256)[:_LINK_BYTES]
        return base64.urlsafe_b64encode(token).decode().rstrip("=")

    async def with_code(
        self, station_id: str, issue: Callable[[Connection, PreparedGrant], None]
    ) -> None:
        """Draw a code and let `issue` give it out in a transaction; drawn anew when it could be mistaken by then."""
        for attempt in range(_ATTEMPTS):
            prepared = await self.stations.grants.prepare(station_id)
            try:
                await self.db.write(lambda c, p=prepared: issue(c, p))  # type: ignore[misc]
            except ConflictError as error:
                if error.key != "grant.prepare_again" or attempt + 1 == _ATTEMPTS:
                    raise
            else:
                return

    def audit_tx(self, connection: Connection, *, who: str, what: str, about: str) -> None:
        """Write down who did what to the audit, inside the transaction that does it."""
        audit_tx(connection, clock=self.clock, who=who[:80], what=what, about=about[:120])

    def tell_tx(self, connection: Connection, entry: Entry) -> None:
        """Add to the order's story and wake the pages that show it."""
        timeline.append(connection, entry)
        hint_tx(connection, f"order:{entry.order_id}")

    def open_case_tx(
        self,
        connection: Connection,
        kind: CaseKind,
        *,
        source: str,
        detail: str,
        order_id: str | None = None,
        parcel_id: str | None = None,
    ) -> None:
        """Put something that does not fit before a person; the same fact opens one case only."""
        record = CaseRecord(
            self.new_id(), kind.value, order_id, parcel_id, source, detail[:400], self.now_ms()
        )
        timeline.open_case(connection, record)


def link_hash(token: str) -> bytes:
    """Return what the database keeps of a link's token."""
    return hashlib.sha256(token.encode()).digest()
