"""SQL of accounts, tokens, failed log-ins and the audit; every function runs inside the caller's transaction."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.access.caller import Caller
from cloud.access.models import account, audit, login_failure, setup_link, token
from common.kit.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class Account:
    """One account without its password."""

    account_id: str
    login: str
    role: str
    person_id: str | None
    active: bool
    created_at_ms: int
    has_password: bool

    @property
    def caller(self) -> Caller:
        """Return who calls when this account does."""
        return Caller(self.account_id, self.login, frozenset({self.role}), self.person_id)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what, when, from where."""

    number: int
    at_ms: int
    who: str
    what: str
    about: str
    origin: str


def _account(row: sa.Row[tuple[object, ...]]) -> Account:
    return Account(
        account_id=row.account_id,
        login=row.login,
        role=row.role,
        person_id=row.person_id,
        active=bool(row.active),
        created_at_ms=row.created_at_ms,
        has_password=row.password_phc is not None,
    )


def add_account(conn: Connection, new: Account, password_phc: str | None) -> None:
    """Insert an account."""
    conn.execute(
        account.insert().values(
            account_id=new.account_id,
            login=new.login,
            role=new.role,
            person_id=new.person_id,
            password_phc=password_phc,
            active=new.active,
            created_at_ms=new.created_at_ms,
        )
    )


def find_account(conn: Connection, account_id: str) -> Account | None:
    """Return the account of an id."""
    row = conn.execute(sa.select(account).where(account.c.account_id == account_id)).first()
    return _account(row) if row else None


def known_account(conn: Connection, account_id: str) -> Account:
    """Return one account; NotFoundError."""
    found = find_account(conn, account_id)
    if found is None:
        raise NotFoundError("access.account_unknown", "there is no such account")
    return found


def find_login(conn: Connection, login: str) -> tuple[Account, str | None] | None:
    """Return the account of a login with its password's PHC string."""
    row = conn.execute(sa.select(account).where(account.c.login == login)).first()
    return (_account(row), row.password_phc) if row else None


def find_resident(conn: Connection, person_id: str) -> Account | None:
    """Return the resident's account of a person."""
    row = conn.execute(sa.select(account).where(account.c.person_id == person_id)).first()
    return _account(row) if row else None


def list_accounts(conn: Connection) -> list[Account]:
    """Return every account by login."""
    return [_account(row) for row in conn.execute(sa.select(account).order_by(account.c.login))]


def count_accounts(conn: Connection, *, role: str | None = None, active: bool = False) -> int:
    """Count accounts, of a role or the active ones when asked."""
    query = sa.select(sa.func.count()).select_from(account)
    if role is not None:
        query = query.where(account.c.role == role)
    if active:
        query = query.where(account.c.active)
    return conn.execute(query).scalar_one()


def update_account(
    conn: Connection, account_id: str, *, active: bool | None = None, phc: str | None = None
) -> None:
    """Change what is given."""
    values: dict[str, bool | str] = {}
    if active is not None:
        values["active"] = active
    if phc is not None:
        values["password_phc"] = phc
    conn.execute(account.update().where(account.c.account_id == account_id).values(values))


def add_token(
    conn: Connection, token_hash: bytes, account_id: str, kind: str, now_ms: int, until_ms: int
) -> None:
    """Keep the hash of a token."""
    conn.execute(
        token.insert().values(
            token_hash=token_hash,
            account_id=account_id,
            kind=kind,
            created_at_ms=now_ms,
            expires_at_ms=until_ms,
        )
    )


def token_holder(conn: Connection, token_hash: bytes, kind: str, now_ms: int) -> Account | None:
    """Return the active account behind a token that has not expired."""
    row = conn.execute(
        sa.select(account)
        .join(token, token.c.account_id == account.c.account_id)
        .where(
            token.c.token_hash == token_hash,
            token.c.kind == kind,
            token.c.expires_at_ms > now_ms,
            account.c.active,
        )
    ).first()
    return _account(row) if row else None


def drop_token(conn: Connection, token_hash: bytes) -> None:
    """Forget one token."""
    conn.execute(token.delete().where(token.c.token_hash == token_hash))


def drop_tokens(conn: Connection, account_id: str) -> None:
    """Forget every token of an account."""
    conn.execute(token.delete().where(token.c.account_id == account_id))


def drop_expired(conn: Connection, now_ms: int, forget_failures_before_ms: int) -> None:
    """Forget what time has ended."""
    conn.execute(token.delete().where(token.c.expires_at_ms <= now_ms))
    conn.execute(setup_link.delete().where(setup_link.c.expires_at_ms <= now_ms))
    conn.execute(
        login_failure.delete().where(login_failure.c.last_at_ms < forget_failures_before_ms)
    )


def put_setup_link(conn: Connection, token_hash: bytes, until_ms: int) -> None:
    """Replace the set-up link; there is one at most."""
    conn.execute(setup_link.delete())
    conn.execute(setup_link.insert().values(token_hash=token_hash, expires_at_ms=until_ms))


def is_setup_link(conn: Connection, token_hash: bytes, now_ms: int) -> bool:
    """Return whether the link could be used now."""
    found = sa.select(setup_link.c.token_hash).where(
        setup_link.c.token_hash == token_hash, setup_link.c.expires_at_ms > now_ms
    )
    return conn.execute(found).first() is not None


def take_setup_link(conn: Connection, token_hash: bytes, now_ms: int) -> bool:
    """Use the link up; False when it is unknown or too old."""
    used = conn.execute(
        setup_link.delete().where(
            setup_link.c.token_hash == token_hash, setup_link.c.expires_at_ms > now_ms
        )
    )
    return used.rowcount == 1


def failures_of(conn: Connection, login_hash: bytes) -> tuple[int, int]:
    """Return (failures in a row, blocked until) of a login."""
    row = conn.execute(
        sa.select(login_failure).where(login_failure.c.login_hash == login_hash)
    ).first()
    return (row.failures, row.blocked_until_ms) if row else (0, 0)


def put_failures(
    conn: Connection, login_hash: bytes, failures: int, blocked_until_ms: int, now_ms: int
) -> None:
    """Write the failures of a login."""
    clear_failures(conn, login_hash)
    conn.execute(
        login_failure.insert().values(
            login_hash=login_hash,
            failures=failures,
            blocked_until_ms=blocked_until_ms,
            last_at_ms=now_ms,
        )
    )


def clear_failures(conn: Connection, login_hash: bytes) -> None:
    """Forget the failures of a login."""
    conn.execute(login_failure.delete().where(login_failure.c.login_hash == login_hash))


def add_audit(
    conn: Connection, *, at_ms: int, who: str, what: str, about: str, origin: str
) -> None:
    """Append one entry; nothing here changes or deletes one."""
    conn.execute(
        audit.insert().values(
            at_ms=at_ms, who=who[:80], what=what[:60], about=about[:120], origin=origin[:64]
        )
    )


def list_audit(conn: Connection, *, before: int | None, limit: int) -> list[AuditEntry]:
    """Return the newest entries, older than number `before` when given."""
    query = sa.select(audit).order_by(audit.c.number.desc()).limit(limit)
    if before is not None:
        query = query.where(audit.c.number < before)
    return [AuditEntry(*row) for row in conn.execute(query)]
