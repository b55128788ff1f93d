"""Keepers at the tablet: a personal PIN names and proves the person, a hashed token keeps them signed in.

Replica table `keeper` holds the PINs as Argon2id strings; sessions last twelve powered-on hours.
"""

import asyncio
import hashlib
import sqlite3
from dataclasses import dataclass

from common.contract.base import Message
from common.contract.replica import KeeperRow
from common.kit.chance import Chance
from common.kit.codes import secret_matches
from common.kit.errors import InvalidError
from common.kit.sqlite import Db
from common.kit.work import Work
from edge.access.limiter import Empty, Limiter, Taken
from edge.access.powered import PoweredTime
from edge.sync.replica import ReplicaTable

PIN_DIGITS_MIN = 6
PIN_DIGITS_MAX = 12
SESSION_S = 12 * 3600.0
DDL = (
    """CREATE TABLE keeper_session (
        token_hash BLOB PRIMARY KEY, keeper_id TEXT NOT NULL, expires_s REAL NOT NULL)""",
)
_REPLICA_DDL = (
    """CREATE TABLE replica_keeper (
        keeper_id TEXT PRIMARY KEY, display_name TEXT NOT NULL,
        pin_verifier TEXT NOT NULL, active INTEGER NOT NULL)""",
)


@dataclass(frozen=True, slots=True)
class KeeperSession:
    """A keeper at a tablet; `token` is the cookie's value and stands only here and in the browser."""

    token: str
    keeper_id: str
    display_name: str
    expires_in_s: float


@dataclass(frozen=True, slots=True)
class SignInRefused:
    """The PIN belongs to nobody; `wait_s` > 0: the tablet is locked that long."""

    wait_s: int


def _put_keeper(conn: sqlite3.Connection, row: Message) -> None:
    assert isinstance(row, KeeperRow)
    conn.execute(
        "INSERT OR REPLACE INTO replica_keeper VALUES (?, ?, ?, ?)",
        (row.keeper_id, row.display_name, row.pin_verifier, row.active),
    )


def _delete_keeper(conn: sqlite3.Connection, key: str) -> None:
    conn.execute("DELETE FROM replica_keeper WHERE keeper_id = ?", (key,))


KEEPER_TABLE = ReplicaTable("keeper", _REPLICA_DDL, _put_keeper, _delete_keeper)


class KeeperPins:
    """Signing in and out; one attempt at a time, behind its own persisted limiter."""

    def __init__(
        self, db: Db, work: Work, chance: Chance, limiter: Limiter, powered: PoweredTime
    ) -> None:
        """Check against the replica in `db`."""
        self._db, self._work, self._chance = db, work, chance
        self._limiter, self._powered = limiter, powered
        self._one_at_a_time = asyncio.Lock()

    async def sign_in(self, pin: str) -> KeeperSession | SignInRefused:
        """Return a session for the one active keeper whose PIN this is; InvalidError if it is no PIN."""
        if not (pin.isascii() and pin.isdigit() and PIN_DIGITS_MIN <= len(pin) <= PIN_DIGITS_MAX):
            raise InvalidError(
                "keeper.pin_malformed", f"a PIN has at least {PIN_DIGITS_MIN} digits"
            )
        async with self._one_at_a_time:
            taken = await self._db.write(self._limiter.take_tx)
            if isinstance(taken, Empty):
                return SignInRefused(taken.wait_s)
            keepers = await self._db.read(_active_keepers)
            # Every verifier is tried, so the time says nothing about who it was.
            found = [
                keeper
                for keeper in keepers
                if await self._work.run(secret_matches, keeper.pin_verifier, pin)
            ]
            if len(found) != 1:  # two keepers with one PIN: nobody can be named, so nobody enters
                return SignInRefused((await self._db.write(self._limiter.standing_tx)).wait_s)
            return await self._admit(found[0], taken)

    async def session(self, token: str) -> KeeperSession | None:
        """Return who holds `token`, or None: unknown, expired, or no keeper any more."""

        def fn(conn: sqlite3.Connection) -> KeeperSession | None:
            now_s = self._powered.read_tx(conn)
            row = conn.execute(
                "SELECT s.keeper_id, s.expires_s, k.display_name FROM keeper_session s"
                " JOIN replica_keeper k USING (keeper_id) WHERE s.token_hash = ? AND k.active",
                (_hash(token),),
            ).fetchone()
            if row is None or row["expires_s"] <= now_s:
                return None
            left_s = row["expires_s"] - now_s
            return KeeperSession(token, row["keeper_id"], row["display_name"], left_s)

        return await self._db.read(fn)  # a tablet's stream asks every second: no write for that

    async def sign_out(self, token: str) -> None:
        """Forget `token`; an unknown one is fine."""
        await self._db.write(
            lambda conn: conn.execute(
                "DELETE FROM keeper_session WHERE token_hash = ?", (_hash(token),)
            )
        )

    async def _admit(self, keeper: "_Keeper", taken: Taken) -> KeeperSession:
        token = self._chance.secure.token_bytes(32).hex()

        def fn(conn: sqlite3.Connection) -> None:
            self._limiter.give_back_tx(conn, taken)
            now_s = self._powered.now_tx(conn)
            conn.execute("DELETE FROM keeper_session WHERE expires_s <= ?", (now_s,))
            conn.execute(
                "INSERT INTO keeper_session VALUES (?, ?, ?)",
                (_hash(token), keeper.keeper_id, now_s + SESSION_S),
            )

        await self._db.write(fn)
        return KeeperSession(token, keeper.keeper_id, keeper.display_name, SESSION_S)


@dataclass(frozen=True, slots=True)
class _Keeper:
    keeper_id: str
    display_name: str
    pin_verifier: str


def _active_keepers(conn: sqlite3.Connection) -> list[_Keeper]:
    rows = conn.execute(
        "SELECT keeper_id, display_name, pin_verifier FROM replica_keeper WHERE active"
        " ORDER BY keeper_id"
    )
    return [_Keeper(*row) for row in rows]


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()  # cookies hold any byte
