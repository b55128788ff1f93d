"""Routes of sessions, accounts and the audit."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, WithJsonSchema

from cloud.access.caller import ADMIN, RESIDENT, ROLES, SIGNED_IN, Caller
from cloud.access.passwords import MAX_LENGTH, MIN_LENGTH
from cloud.access.service import Access, Issued
from cloud.access.store import Account, AuditEntry
from common.contract.base import Id
from common.kit.openapi import ANYONE, NO_NUL, AnswerModel, RequestModel, route

Login = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,39}$")]
Password = Annotated[str, Field(min_length=1, max_length=128)]
Role = Literal["admin", "operator", "warehouse", "driver", "resident"]
# A short one is told what is wrong with it (access.password_weak); the document says it beforehand.
ChosenPassword = Annotated[
    Password,
    WithJsonSchema(
        {"type": "string", "minLength": MIN_LENGTH, "maxLength": MAX_LENGTH, "pattern": NO_NUL}
    ),
]


class SignIn(RequestModel):
    """Who wants to come in."""

    login: str = Field(min_length=1, max_length=40)
    password: Password


class SetUp(RequestModel):
    """The first admin, by the link that the hub printed."""

    token: str = Field(min_length=20, max_length=80)
    login: Login
    password: ChosenPassword


class NewAccount(RequestModel):
    """An account; a resident's has a `person_id`, and no other."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {
                    "properties": {"role": {"const": RESIDENT}, "person_id": {"type": "string"}},
                    "required": ["person_id"],
                },
                {
                    "properties": {
                        "role": {"enum": [role for role in ROLES if role != RESIDENT]},
                        "person_id": {"type": "null"},
                    }
                },
            ]
        }
    )

    login: Login
    role: Role
    password: ChosenPassword | None = None
    person_id: Id | None = None


class NewPassword(RequestModel):
    """Another password."""

    password: ChosenPassword


class TokenWish(RequestModel):
    """How long the token shall live."""

    hours: int = Field(12, ge=1, le=24 * 90)


class AuditQuery(RequestModel):
    """A page of the audit, newest first."""

    before: int | None = Field(None, ge=1)
    limit: int = Field(50, ge=1, le=200)


class Session(AnswerModel):
    """A token; it is shown once."""

    token: str
    expires_at_ms: int
    account_id: str
    login: str
    role: str
    person_id: str | None


class Me(AnswerModel):
    """Who you are."""

    account_id: str
    login: str
    role: str
    person_id: str | None


class AccountView(AnswerModel):
    """One account."""

    account_id: str
    login: str
    role: str
    person_id: str | None
    active: bool
    has_password: bool
    created_at_ms: int


class AccountList(AnswerModel):
    """Every account."""

    accounts: list[AccountView]


class AuditView(AnswerModel):
    """One entry of the audit."""

    number: int
    at_ms: int
    who: str
    what: str
    about: str
    origin: str


class AuditList(AnswerModel):
    """Entries, newest first."""

    entries: list[AuditView]


class AccessRoutes:
    """The operations."""

    def __init__(self, access: Access) -> None:
        """Serve `access`."""
        self._access = access

    @route(
        "POST",
        "/sessions",
        summary="Sign in with login and password",
        roles=ANYONE,
        status=201,
        errors=("access.wrong_login", "access.wait", "access.busy"),
    )
    async def sign_in(self, body: SignIn, remote: str) -> Session:
        """Return a bearer token."""
        return _session(await self._access.sign_in(body.login, body.password, origin=remote))

    @route("DELETE", "/sessions/current", summary="Sign out: end this token", roles=SIGNED_IN)
    async def sign_out(self, token: str) -> None:
        """Forget the token that came with the request."""
        await self._access.sign_out(token)

    @route("GET", "/me", summary="Who this token belongs to", roles=SIGNED_IN)
    async def me(self, caller: Caller) -> Me:
        """Return the caller."""
        return Me(
            account_id=caller.account_id,
            login=caller.login,
            role="+".join(sorted(caller.roles)),
            person_id=caller.person_id,
        )

    @route(
        "POST",
        "/setup",
        summary="Make the first admin by the link the hub printed at its first start",
        roles=ANYONE,
        status=201,
        errors=("access.setup", "access.password_weak"),
    )
    async def set_up(self, body: SetUp, remote: str) -> AccountView:
        """Use the single-use link."""
        account = await self._access.set_up(body.token, body.login, body.password, remote)
        return _view(account)

    @route("GET", "/accounts", summary="Every account", roles={ADMIN})
    async def accounts(self) -> AccountList:
        """Return them by login."""
        return AccountList(accounts=[_view(item) for item in await self._access.accounts()])

    @route(
        "POST",
        "/accounts",
        summary="Add an account",
        roles={ADMIN},
        status=201,
        errors=("access.login_taken", "access.password_weak", "access.person"),
    )
    async def create(self, body: NewAccount, caller: Caller, remote: str) -> AccountView:
        """Return the new account."""
        account = await self._access.create(
            caller,
            login=body.login,
            role=body.role,
            password=body.password,
            person_id=body.person_id,
            origin=remote,
        )
        return _view(account)

    @route(
        "POST",
        "/accounts/{account_id}/password",
        summary="Set another password; ends the account's sessions",
        roles={ADMIN},
        errors=("access.account_unknown", "access.password_weak"),
    )
    async def set_password(
        self, account_id: Id, body: NewPassword, caller: Caller, remote: str
    ) -> AccountView:
        """Return the account."""
        return _view(
            await self._access.set_password(caller, account_id, body.password, origin=remote)
        )

    @route(
        "POST",
        "/accounts/{account_id}/disable",
        summary="Shut an account out at once",
        roles={ADMIN},
        errors=("access.account_unknown", "access.last_admin"),
    )
    async def disable(self, account_id: Id, caller: Caller, remote: str) -> AccountView:
        """Return the account."""
        return _view(await self._access.set_active(caller, account_id, active=False, origin=remote))

    @route(
        "POST",
        "/accounts/{account_id}/enable",
        summary="Let an account in again",
        roles={ADMIN},
        errors=("access.account_unknown",),
    )
    async def enable(self, account_id: Id, caller: Caller, remote: str) -> AccountView:
        """Return the account."""
        return _view(await self._access.set_active(caller, account_id, active=True, origin=remote))

    @route(
        "POST",
        "/accounts/{account_id}/tokens",
        summary="Issue a token for a program or a resident's link",
        roles={ADMIN},
        status=201,
        errors=("access.account_unknown", "access.disabled"),
    )
    async def issue_token(
        self, account_id: Id, body: TokenWish, caller: Caller, remote: str
    ) -> Session:
        """Return a bearer token, shown once."""
        return _session(
            await self._access.issue_token(caller, account_id, hours=body.hours, origin=remote)
        )

    @route("GET", "/audit", summary="Who did what, newest first", roles={ADMIN})
    async def audit(self, query: AuditQuery) -> AuditList:
        """Return one page."""
        entries = await self._access.audit(before=query.before, limit=query.limit)
        return AuditList(entries=[_entry(item) for item in entries])


def _session(issued: Issued) -> Session:
    caller = issued.caller
    return Session(
        token=issued.token,
        expires_at_ms=issued.expires_at_ms,
        account_id=caller.account_id,
        login=caller.login,
        role="+".join(sorted(caller.roles)),
        person_id=caller.person_id,
    )


def _view(account: Account) -> AccountView:
    return AccountView(
        account_id=account.account_id,
        login=account.login,
        role=account.role,
        person_id=account.person_id,
        active=account.active,
        has_password=account.has_password,
        created_at_ms=account.created_at_ms,
    )


def _entry(item: AuditEntry) -> AuditView:
    return AuditView(
        number=item.number,
        at_ms=item.at_ms,
        who=item.who,
        what=item.what,
        about=item.about,
        origin=item.origin,
    )
