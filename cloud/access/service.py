"""Accounts, sign-in, bearer and cookie tokens, the first admin, and the audit.

Tokens carry 256 random bits and are kept as SHA-256; passwords as Argon2id through the work port.
"""

import hashlib
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.engine import Connection

from cloud.access import store, tries
from cloud.access.caller import ADMIN, RESIDENT, Caller
from cloud.access.passwords import Passwords
from cloud.access.store import Account, AuditEntry
from common.kit.chance import Chance
from common.kit.clock import Clock, to_ms
from common.kit.errors import ConflictError, InvalidError, UnauthenticatedError
from common.kit.ids import new_id
from common.kit.sqldb import HubDb
from common.kit.web import TooManyError
from common.kit.work import Work

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}")
Kind = Literal["bearer", "cookie"]
_HOUR_MS = _SETUP_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Issued:
    """A fresh token, shown once."""

    token: str
    expires_at_ms: int
    caller: Caller


def audit_tx(
    conn: Connection, *, clock: Clock, who: str, what: str, about: str, origin: str = ""
) -> None:
    """Append who did what to the audit, inside the transaction that does it."""
    at_ms = to_ms(clock.wall())
    store.add_audit(conn, at_ms=at_ms, who=who, what=what, about=about, origin=origin)


class Access:
    """Who may come in."""

    def __init__(
        self,
        db: HubDb,
        clock: Clock,
        chance: Chance,
        work: Work,
        *,
        login_failures: int = 5,
        token_hours: int = 12,
    ) -> None:
        """Stand on the hub's store; `login_failures` wrong passwords cost a growing wait."""
        self._db, self._clock, self._chance = db, clock, chance
        self._passwords = Passwords(work)
        self._free_tries, self._token_ms = login_failures, token_hours * _HOUR_MS

    async def authenticate(self, token: str, kind: Kind = "bearer") -> Caller:
        """Return who holds `token`; UnauthenticatedError for an unknown, old or revoked one."""
        digest = _digest(token)
        now_ms = self._now_ms()
        found = await self._db.read(lambda conn: store.token_holder(conn, digest, kind, now_ms))
        if found is None:
            raise UnauthenticatedError("access.token", "the token is unknown or has expired")
        return found.caller

    async def sign_in(
        self, login: str, password: str, *, origin: str = "", kind: Kind = "bearer"
    ) -> Issued:
        """Return a token for login and password; the wrong ones cost a durable try first."""
        login = login.strip().lower()
        login = login if _LOGIN.fullmatch(login) else "?"  # never a login, costs the same time
        key, now_ms = _digest(f"login|{login}"), self._now_ms()

        def take(conn: Connection) -> tuple[Account, str | None] | int | None:
            if (wait_ms := tries.take_tx(conn, key, now_ms, self._free_tries)) > 0:
                return wait_ms
            return store.find_login(conn, login)

        found = await self._db.write(take)
        if isinstance(found, int):
            wait_s = -(-found // 1000)
            raise TooManyError("access.wait", f"wait {wait_s} s before the next try", wait_s=wait_s)
        account, phc = found or (None, None)
        if not await self._passwords.matches(phc, password) or account is None:
            await self._db.write(
                lambda conn: self._audit_tx(conn, "nobody", "session.refused", login, origin)
            )
            raise UnauthenticatedError("access.wrong_login", "login or password is wrong")
        return await self._db.write(lambda conn: self._enter_tx(conn, account, key, kind, origin))

    async def sign_out(self, token: str) -> None:
        """Forget the token."""
        await self._db.write(lambda conn: store.drop_token(conn, _digest(token)))

    async def create(
        self,
        caller: Caller,
        *,
        login: str,
        role: str,
        password: str | None = None,
        person_id: str | None = None,
        origin: str = "",
    ) -> Account:
        """Add an account; a resident's is bound to a person and nobody else's is."""
        if (role == RESIDENT) != (person_id is not None):
            raise InvalidError("access.person", "a resident has a person_id, staff has none")
        phc = await self._passwords.hashed(password, login) if password is not None else None
        new = self._new_account(login, role, person_id, has_password=phc is not None)

        def add(conn: Connection) -> Account:
            self._add_tx(conn, new, phc)
            self._audit_tx(conn, caller.name, "account.created", f"{role}:{new.login}", origin)
            return new

        return await self._db.write(add)

    async def set_password(
        self, caller: Caller, account_id: str, password: str, origin: str
    ) -> Account:
        """Give an account another password and end its sessions."""
        account = await self._db.read(lambda conn: store.known_account(conn, account_id))
        phc = await self._passwords.hashed(password, account.login)

        def change(conn: Connection) -> Account:
            store.update_account(conn, account_id, phc=phc)
            store.drop_tokens(conn, account_id)
            self._audit_tx(conn, caller.name, "account.password", account.login, origin)
            return store.known_account(conn, account_id)

        return await self._db.write(change)

    async def set_active(
        self, caller: Caller, account_id: str, *, active: bool, origin: str
    ) -> Account:
        """Let an account in or shut it out at once; the last admin stays."""

        def change(conn: Connection) -> Account:
            account = store.known_account(conn, account_id)
            if not active:
                _refuse_last_admin(conn, account)
                store.drop_tokens(conn, account_id)
            store.update_account(conn, account_id, active=active)
            what = "account.enabled" if active else "account.disabled"
            self._audit_tx(conn, caller.name, what, account.login, origin)
            return store.known_account(conn, account_id)

        return await self._db.write(change)

    async def issue_token(
        self, caller: Caller, account_id: str, *, hours: int, origin: str = ""
    ) -> Issued:
        """Return a token for a program or a resident's link, without a password."""

        def issue(conn: Connection) -> Issued:
            account = store.known_account(conn, account_id)
            if not account.active:
                raise ConflictError("access.disabled", "the account is disabled")
            self._audit_tx(conn, caller.name, "token.issued", account.login, origin)
            return self._issue_tx(conn, account, "bearer", hours * _HOUR_MS)

        return await self._db.write(issue)

    async def accounts(self) -> list[Account]:
        """Return every account."""
        return await self._db.read(store.list_accounts)

    async def audit(self, *, before: int | None, limit: int) -> list[AuditEntry]:
        """Return the newest audit entries."""
        return await self._db.read(lambda conn: store.list_audit(conn, before=before, limit=limit))

    async def setup_token(self) -> str | None:
        """Return a fresh single-use token for the first admin (one hour), None once there is one."""
        token = self._new_token()

        def put(conn: Connection) -> bool:
            if store.count_accounts(conn, role=ADMIN):
                return False
            store.put_setup_link(conn, _digest(token), self._now_ms() + _SETUP_MS)
            return True

        return token if await self._db.write(put) else None

    async def set_up(self, token: str, login: str, password: str, origin: str = "") -> Account:
        """Make the first admin; the link works once, within an hour, and only without an admin.

        Without a link nothing is hashed: anybody may ask, and Argon2 is dear.
        """
        link = _digest(token)
        if not await self._db.read(lambda c: store.is_setup_link(c, link, self._now_ms())):
            raise _no_setup()
        phc = await self._passwords.hashed(password, login)
        new = self._new_account(login, ADMIN, None)

        def use(conn: Connection) -> Account:
            taken = store.take_setup_link(conn, link, self._now_ms())
            if not taken or store.count_accounts(conn, role=ADMIN):
                raise _no_setup()
            self._add_tx(conn, new, phc)
            self._audit_tx(conn, f"setup:{new.login}", "account.first_admin", new.login, origin)
            return new

        return await self._db.write(use)

    async def put_admin(self, login: str, password: str) -> Account:
        """Make or reset an admin from the machine's own terminal (`linli hub admin`)."""
        phc = await self._passwords.hashed(password, login)
        new = self._new_account(login, ADMIN, None)

        def put(conn: Connection) -> Account:
            found = store.find_login(conn, new.login)
            if found is None:
                self._add_tx(conn, new, phc)
            elif found[0].role != ADMIN:
                raise ConflictError("access.login_taken", "that login is another role's")
            else:
                store.update_account(conn, found[0].account_id, phc=phc, active=True)
                store.drop_tokens(conn, found[0].account_id)
            self._audit_tx(conn, "terminal", "account.admin_set", new.login, "terminal")
            return store.known_account(conn, found[0].account_id if found else new.account_id)

        return await self._db.write(put)

    async def resident_account(self, person_id: str) -> Account:
        """Return the account of a person, made when there is none; it signs in by token only."""
        new = self._new_account(f"p-{person_id.lower()}", RESIDENT, person_id, has_password=False)

        def ensure(conn: Connection) -> Account:
            found = store.find_resident(conn, person_id)
            if found is None:
                self._add_tx(conn, new, None)
            return found or new

        return await self._db.write(ensure)

    async def purge(self) -> None:
        """Forget expired tokens and old failures."""
        now_ms = self._now_ms()
        await self._db.write(lambda conn: store.drop_expired(conn, now_ms, now_ms - 24 * _HOUR_MS))

    def _enter_tx(
        self, conn: Connection, account: Account, key: bytes, kind: Kind, origin: str
    ) -> Issued:
        if not store.known_account(conn, account.account_id).active:
            raise UnauthenticatedError("access.wrong_login", "login or password is wrong")
        store.clear_failures(conn, key)
        self._audit_tx(conn, account.caller.name, "session.started", account.login, origin)
        return self._issue_tx(conn, account, kind, self._token_ms)

    def _new_account(
        self, login: str, role: str, person_id: str | None, *, has_password: bool = True
    ) -> Account:
        account_id = new_id(self._clock, self._chance)
        name = login.strip().lower()
        if not _LOGIN.fullmatch(name):
            raise InvalidError("access.login_invalid", "a login is 2 to 40 of a-z 0-9 . _ -")
        return Account(account_id, name, role, person_id, True, self._now_ms(), has_password)

    def _add_tx(self, conn: Connection, new: Account, phc: str | None) -> None:
        if store.find_login(conn, new.login) is not None:
            raise ConflictError("access.login_taken", "that login is taken")
        store.add_account(conn, new, phc)

    def _issue_tx(self, conn: Connection, account: Account, kind: Kind, life_ms: int) -> Issued:
        token, now_ms = self._new_token(), self._now_ms()
        store.add_token(conn, _digest(token), account.account_id, kind, now_ms, now_ms + life_ms)
        return Issued(token, now_ms + life_ms, account.caller)

    def _audit_tx(self, conn: Connection, who: str, what: str, about: str, origin: str) -> None:
        audit_tx(conn, clock=self._clock, who=who, what=what, about=about, origin=origin)

    def _new_token(self) -> str:
        return urlsafe_b64encode(self._chance.secure.token_bytes(32)).rstrip(b"=").decode()

    def _now_ms(self) -> int:
        return to_ms(self._clock.wall())


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _no_setup() -> UnauthenticatedError:
    return UnauthenticatedError("access.setup", "the set-up link is used or too old")


def _refuse_last_admin(conn: Connection, account: Account) -> None:
    admin = account.role == ADMIN and account.active
    if admin and store.count_accounts(conn, role=ADMIN, active=True) <= 1:
        raise ConflictError("access.last_admin", "the last admin cannot be disabled")
