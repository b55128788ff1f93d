"""What the routes of sessions, accounts and the audit take and answer."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, WithJsonSchema

from cloud.access.caller import RESIDENT, ROLES
from cloud.access.passwords import MAX_LENGTH, MIN_LENGTH
from cloud.access.service import Issued
from cloud.access.store import Account, AuditEntry
from common.contract.base import Id
from common.kit.openapi import NO_NUL, AnswerModel, RequestModel

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


def session(issued: Issued) -> Session:
    """Return a fresh token and whose it is."""
    caller = issued.caller
    return Session(
        token=issued.token,
        expires_at_ms=issued.expires_at_ms,
        account_id=caller.account_id,
        login=caller.login,
        role="+".join(sorted(caller.roles)),
        person_id=caller.person_id,
    )


def account_view(account: Account) -> AccountView:
    """Return an account without its secrets."""
    return AccountView(
        account_id=account.account_id,
        login=account.login,
        role=account.role,
        person_id=account.person_id,
        active=account.active,
        has_password=account.has_password,
        created_at_ms=account.created_at_ms,
    )


def audit_view(item: AuditEntry) -> AuditView:
    """Return one line of the audit."""
    return AuditView(
        number=item.number,
        at_ms=item.at_ms,
        who=item.who,
        what=item.what,
        about=item.about,
        origin=item.origin,
    )
