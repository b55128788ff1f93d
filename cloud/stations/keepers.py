"""Keepers: a name and a personal PIN per station; the station checks the PIN itself, offline too."""

from dataclasses import replace
from itertools import pairwise

from sqlalchemy.engine import Connection

from cloud.stations.kit import StationKit
from cloud.stations.sites import keeper_row
from cloud.stations.store import sites
from cloud.stations.store.sites import KeeperRecord
from cloud.stations.views import KeeperView, keeper_view
from common.kit.codes import hash_secret, secret_matches
from common.kit.errors import ConflictError, InvalidError, NotFoundError
from common.kit.failpoints import fp

MIN_PIN_DIGITS = 6
MAX_PIN_DIGITS = 12
_ATTEMPTS = 5


def is_weak_pin(pin: str) -> bool:
    """Return whether `pin` is too short, not digits, a repetition or an even run (C.9)."""
    if not (pin.isascii() and pin.isdigit() and MIN_PIN_DIGITS <= len(pin) <= MAX_PIN_DIGITS):
        return True
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(pin)}
    return len(set(pin)) < 3 or len(steps) == 1


class Keepers:
    """Use cases about keepers."""

    def __init__(self, kit: StationKit) -> None:
        """Work with the room's kit."""
        self._kit = kit

    async def set(
        self,
        station_id: str,
        *,
        display_name: str,
        pin: str | None,
        keeper_id: str | None = None,
        active: bool = True,
        by: str = "hub",
    ) -> KeeperView:
        """Write a keeper, new (`keeper_id` None or unknown) or changed; `pin` None keeps the PIN.

        Errors: InvalidError (weak PIN, or none for a new keeper), ConflictError (PIN of a colleague),
        NotFoundError (station, or the keeper whose PIN should stay).
        """
        if pin is None and keeper_id is None:
            raise InvalidError("keeper.pin_weak", "a new keeper needs a PIN")
        if pin is not None and is_weak_pin(pin):
            raise InvalidError("keeper.pin_weak", "a PIN is six or more digits, no run")
        keeper_id = keeper_id or self._kit.new_id()
        verifier = None if pin is None else await self._kit.work.run(hash_secret, pin)
        wish = KeeperRecord(keeper_id, station_id, display_name, verifier or "", active, 0)
        for _ in range(_ATTEMPTS):
            seen = await self._kit.db.read(lambda c: sites.keepers_of(c, station_id))
            if pin is not None:
                await self._refuse_taken(seen, keeper_id, pin)
            written = await self._kit.db.write(
                lambda c, seen=seen: self._write_tx(c, wish, seen, by)  # type: ignore[misc]
            )
            if written is not None:
                return keeper_view(written)
        raise ConflictError("keeper.pin_taken", "the station's keepers keep changing; try again")

    async def views(self, station_id: str) -> tuple[KeeperView, ...]:
        """Return the station's keepers by name; NotFoundError."""

        def read(connection: Connection) -> tuple[KeeperView, ...]:
            self._kit.station_tx(connection, station_id)
            return tuple(keeper_view(one) for one in sites.keepers_of(connection, station_id))

        return await self._kit.db.read(read)

    async def _refuse_taken(self, colleagues: list[KeeperRecord], keeper_id: str, pin: str) -> None:
        # The PIN alone says who signs in, so two keepers of a station never share one.
        for one in colleagues:
            if one.keeper_id == keeper_id or not one.active:
                continue
            if await self._kit.work.run(secret_matches, one.pin_verifier, pin):
                raise ConflictError("keeper.pin_taken", "another keeper here uses this PIN")

    def _write_tx(
        self, connection: Connection, wish: KeeperRecord, seen: list[KeeperRecord], by: str
    ) -> KeeperRecord | None:
        """Write unless the colleagues changed since their PINs were compared (None: compare again)."""
        self._kit.station_tx(connection, wish.station_id)
        if sites.keepers_of(connection, wish.station_id) != seen:
            return None
        if sites.station_of_keeper(connection, wish.keeper_id) not in (None, wish.station_id):
            raise NotFoundError("keeper.not_found", "that keeper belongs to another station")
        known = next((one for one in seen if one.keeper_id == wish.keeper_id), None)
        if known is None and not wish.pin_verifier:
            raise NotFoundError("keeper.not_found", "there is no such keeper; a new one has a PIN")
        record = replace(
            wish,
            pin_verifier=wish.pin_verifier or (known.pin_verifier if known else ""),
            version=(known.version if known else 0) + 1,
        )
        sites.put_keeper(connection, record)
        self._kit.gateway.put_row_tx(connection, wish.station_id, "keeper", keeper_row(record))
        about = f"{wish.station_id}/{wish.keeper_id}"
        self._kit.audit_tx(connection, who=by, what="keeper.written", about=about)
        fp("stations.keeper_written")
        return record
