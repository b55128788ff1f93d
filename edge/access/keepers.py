"""Keepers at the tablet: a personal PIN names and proves the person, a hashed token keeps them signed in.

Replica table `keeper` holds the PINs as Argon2id strings; sessions last twelve powered-on hours, as long as the PIN is
the same. A tablet on which a right PIN was typed is known by a cookie and has attempts of its own: whoever types
wrong ones elsewhere on the network locks no keeper out there.
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
from edge.access.limiter import (
    KEEPER_BURST,
    KEEPER_FAILURES,
    KEEPER_REFILL_S,
    Empty,
    Limiter,
    Taken,
)
from edge.access.powered import PoweredTime
from edge.sync.replica import ReplicaTable

PIN_DIGITS_MIN = 6
PIN_DIGITS_MAX = 12
SESSION_S = 12 * 3600.0
TABLETS_MAX = 20
"""Known tablets of a station; a further one takes the place of the one that was used longest ago."""
DDL = (
    """CREATE TABLE keeper_session (
        token_hash BLOB PRIMARY KEY, keeper_id TEXT NOT NULL, expires_s REAL NOT NULL)""",
)
TABLET_DDL = ("CREATE TABLE keeper_tablet (tablet_hash BLOB PRIMARY KEY, used_s REAL NOT NULL)",)
_REPLICA_DDL = (
    """CREATE TABLE replica_keeper (
        keeper_id TEXT PRIMARY KEY, display_name TEXT NOT NULL,
        pin_verifier TEXT NOT NULL, active INTEGER NOT NULL)""",
)


@dataclass(frozen=True, slots=True)
class KeeperSession:
    """A keeper at a tablet; `token` is the cookie's value and stands only here and in the browser.

    After signing in, `tablet` is the value of the other cookie, by which the tablet is known from now on.
    """

    token: str
    keeper_id: str
    display_name: str
    expires_in_s: float
    tablet: str = ""


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
    if not row.active:  # whoever is made active again signs in again
        conn.execute("DELETE FROM keeper_session WHERE keeper_id = ?", (row.keeper_id,))


def _delete_keeper(conn: sqlite3.Connection, key: str) -> None:
    conn.execute("DELETE FROM replica_keeper WHERE keeper_id = ?", (key,))
    conn.execute("DELETE FROM keeper_session WHERE keeper_id = ?", (key,))


KEEPER_TABLE = ReplicaTable("keeper", _REPLICA_DDL, _put_keeper, _delete_keeper)


class KeeperPins:
    """Signing in and out; one attempt at a time, behind a tablet's own persisted limiter or that of all strangers."""

    def __init__(self, db: Db, work: Work, chance: Chance, powered: PoweredTime) -> None:
        """Check against the replica in `db`."""
        self._db, self._work, self._chance, self._powered = db, work, chance, powered
        self._one_at_a_time = asyncio.Lock()

    async def sign_in(self, pin: str, tablet: str = "") -> KeeperSession | SignInRefused:
        """Return a session for the one active keeper whose PIN this is; InvalidError if it is no PIN.

        `tablet` is what an earlier session on the same tablet said in its field of that name.
        """
        if not (pin.isascii() and pin.isdigit() and PIN_DIGITS_MIN <= len(pin) <= PIN_DIGITS_MAX):
            raise InvalidError(
                "keeper.pin_malformed", f"a PIN has at least {PIN_DIGITS_MIN} digits"
            )
        async with self._one_at_a_time:
            known = await self._db.read(lambda conn: _is_known(conn, tablet))
            limiter = self._limiter_of(tablet if known else None)
            taken = await self._db.write(limiter.take_tx)
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
                return SignInRefused((await self._db.write(limiter.standing_tx)).wait_s)
            new = tablet if known else self._chance.secure.token_bytes(32).hex()
            return await self._admit(found[0], new, limiter, taken)

    async def session(self, token: str) -> KeeperSession | None:
        """Return who holds `token`, or None: unknown, expired, another PIN since, or no keeper any more."""

        def fn(conn: sqlite3.Connection) -> KeeperSession | None:
            now_s = self._powered.read_tx(conn)
            for keeper in _active_keepers(conn):
                row = conn.execute(
                    "SELECT expires_s FROM keeper_session WHERE token_hash = ? AND expires_s > ?",
                    (_hash(token, keeper.pin_verifier), now_s),
                ).fetchone()
                if row is not None:
                    left_s = row["expires_s"] - now_s
                    return KeeperSession(token, keeper.keeper_id, keeper.display_name, left_s)
            return None

        return await self._db.read(fn)  # a tablet's stream asks every second: no write for that

    async def sign_out(self, token: str) -> None:
        """Forget `token`; an unknown one is fine."""

        def fn(conn: sqlite3.Connection) -> None:
            for keeper in _active_keepers(conn):
                gone = _hash(token, keeper.pin_verifier)
                conn.execute("DELETE FROM keeper_session WHERE token_hash = ?", (gone,))

        await self._db.write(fn)

    def _limiter_of(self, tablet: str | None) -> Limiter:
        return Limiter(
            f"keeper:{_hash(tablet).hex()}" if tablet else "keeper",
            self._powered,
            burst=KEEPER_BURST,
            refill_s=KEEPER_REFILL_S,
            max_failures=KEEPER_FAILURES,
        )

    async def _admit(
        self, keeper: "_Keeper", tablet: str, limiter: Limiter, taken: Taken
    ) -> KeeperSession:
        token = self._chance.secure.token_bytes(32).hex()

        def fn(conn: sqlite3.Connection) -> None:
            limiter.give_back_tx(conn, taken)
            now_s = self._powered.now_tx(conn)
            conn.execute("DELETE FROM keeper_session WHERE expires_s <= ?", (now_s,))
            conn.execute(
                "INSERT INTO keeper_session VALUES (?, ?, ?)",
                (_hash(token, keeper.pin_verifier), keeper.keeper_id, now_s + SESSION_S),
            )
            _know(conn, tablet, now_s)

        await self._db.write(fn)
        return KeeperSession(token, keeper.keeper_id, keeper.display_name, SESSION_S, tablet)


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


def _is_known(conn: sqlite3.Connection, tablet: str) -> bool:
    row = conn.execute("SELECT 1 FROM keeper_tablet WHERE tablet_hash = ?", (_hash(tablet),))
    return row.fetchone() is not None


def _know(conn: sqlite3.Connection, tablet: str, now_s: float) -> None:
    """Note that a right PIN was typed on this tablet; forget those used longest ago with their attempts."""
    conn.execute("INSERT OR REPLACE INTO keeper_tablet VALUES (?, ?)", (_hash(tablet), now_s))
    kept = "SELECT tablet_hash FROM keeper_tablet ORDER BY used_s DESC, rowid DESC LIMIT ?"
    conn.execute(
        f"DELETE FROM keeper_tablet WHERE tablet_hash NOT IN ({kept})",  # noqa: S608 - ours
        (TABLETS_MAX,),
    )
    conn.execute(
        "DELETE FROM limiter WHERE name GLOB 'keeper:*'"
        " AND substr(name, 8) NOT IN (SELECT lower(hex(tablet_hash)) FROM keeper_tablet)"
    )


def _hash(*parts: str) -> bytes:
    """Return what is stored of a cookie's value; with a PIN's verifier it ends when the PIN changes."""
    text = "\0".join(parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()  # cookies hold any byte
