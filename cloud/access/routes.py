"""Routes of sessions, accounts and the audit."""

from cloud.access.caller import ADMIN, SIGNED_IN, Caller
from cloud.access.schemas import (
    AccountList,
    AccountView,
    AuditList,
    AuditQuery,
    Me,
    NewAccount,
    NewPassword,
    Session,
    SetUp,
    SignIn,
    TokenWish,
    account_view,
    audit_view,
    session,
)
from cloud.access.service import Access
from common.contract.base import Id
from common.kit.openapi import ANYONE, route


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
        return session(await self._access.sign_in(body.login, body.password, origin=remote))

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
        return account_view(account)

    @route("GET", "/accounts", summary="Every account", roles={ADMIN})
    async def accounts(self) -> AccountList:
        """Return them by login."""
        return AccountList(accounts=[account_view(item) for item in await self._access.accounts()])

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
        return account_view(account)

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
        return account_view(
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
        return account_view(
            await self._access.set_active(caller, account_id, active=False, origin=remote)
        )

    @route(
        "POST",
        "/accounts/{account_id}/enable",
        summary="Let an account in again",
        roles={ADMIN},
        errors=("access.account_unknown",),
    )
    async def enable(self, account_id: Id, caller: Caller, remote: str) -> AccountView:
        """Return the account."""
        return account_view(
            await self._access.set_active(caller, account_id, active=True, origin=remote)
        )

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
        return session(
            await self._access.issue_token(caller, account_id, hours=body.hours, origin=remote)
        )

    @route("GET", "/audit", summary="Who did what, newest first", roles={ADMIN})
    async def audit(self, query: AuditQuery) -> AuditList:
        """Return one page."""
        entries = await self._access.audit(before=query.before, limit=query.limit)
        return AuditList(entries=[audit_view(item) for item in entries])
