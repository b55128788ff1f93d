"""Cases: what does not fit stays before a person until somebody closes it with a note."""

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from cloud.orders.kit import OrderKit
from cloud.orders.store import timeline
from cloud.orders.store.timeline import CaseRecord
from common.kit.errors import ConflictError, NotFoundError
from common.kit.failpoints import fp


class Cases:
    """Use cases about cases."""

    def __init__(self, kit: OrderKit) -> None:
        """Work with the room's kit."""
        self._kit = kit

    async def page(self, *, closed: bool, limit: int) -> Sequence[CaseRecord]:
        """Return the newest open cases, or the newest closed ones."""
        return await self._kit.db.read(lambda c: timeline.cases(c, closed=closed, limit=limit))

    async def close(self, case_id: str, note: str, by: str) -> CaseRecord:
        """Close a case; NotFoundError, ConflictError `case.closed` (the first note stays)."""

        def write(connection: Connection) -> CaseRecord:
            if not timeline.close_case(
                connection, case_id, at_ms=self._kit.now_ms(), by=by[:80], note=note[:400]
            ):
                self._known(connection, case_id)
                raise ConflictError("case.closed", "somebody has closed this case already")
            self._kit.audit_tx(connection, who=by, what="case.closed", about=f"{case_id}: {note}")
            fp("orders.case_closed")
            return self._known(connection, case_id)

        return await self._kit.db.write(write)

    @staticmethod
    def _known(connection: Connection, case_id: str) -> CaseRecord:
        if (record := timeline.one_case(connection, case_id)) is None:
            raise NotFoundError("case.not_found", "there is no such case", case_id=case_id)
        return record
