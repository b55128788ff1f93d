"""Routes of people; lists are masked, the full number needs a reason and leaves a trace."""

from typing import Annotated

from pydantic import Field

from cloud.access.caller import DESK, RESIDENT, Caller
from cloud.cdp.service import People, Person
from common.contract.base import Id
from common.kit.errors import NotFoundError
from common.kit.openapi import AnswerModel, RequestModel, route

Phone = Annotated[str, Field(pattern=r"^(\+[1-9][0-9]{6,14}|1[3-9][0-9]{9})$")]


class NewPerson(RequestModel):
    """A person with the phone that finds them."""

    display_name: str = Field(min_length=1, max_length=40, pattern=r"^[^\s\u0000][^\u0000]*$")
    phone: Phone


class PageQuery(RequestModel):
    """A page of people."""

    after: Id | None = None
    limit: int = Field(50, ge=1, le=200)


class LookReason(RequestModel):
    """Why the full number is needed."""

    reason: str = Field(min_length=3, max_length=60)


class PersonView(AnswerModel):
    """A person, masked."""

    person_id: str
    name_masked: str
    phone_masked: str
    created_at_ms: int


class PersonList(AnswerModel):
    """People by id."""

    persons: list[PersonView]


class PhoneView(AnswerModel):
    """The full number."""

    person_id: str
    phone: str


class PeopleRoutes:
    """The operations."""

    def __init__(self, people: People) -> None:
        """Serve `people`."""
        self._people = people

    @route(
        "POST",
        "/persons",
        summary="Add a person",
        roles=DESK,
        status=201,
        errors=("person.phone_taken",),
    )
    async def add(self, body: NewPerson) -> PersonView:
        """Return the new person, masked."""
        return _view(await self._people.add(body.display_name, body.phone))

    @route("GET", "/persons", summary="People, masked", roles=DESK)
    async def page(self, query: PageQuery) -> PersonList:
        """Return one page by id."""
        found = await self._people.page(after=query.after or "", limit=query.limit)
        return PersonList(persons=[_view(item) for item in found])

    @route(
        "GET",
        "/persons/{person_id}",
        summary="One person, masked",
        roles=DESK | {RESIDENT},
        errors=("person.not_found",),
    )
    async def person(self, person_id: Id, caller: Caller) -> PersonView:
        """Return the person; a resident sees only themselves."""
        if caller.person_id is not None and caller.person_id != person_id:
            raise NotFoundError("person.not_found", "there is no such person")
        return _view(await self._people.person(person_id))

    @route(
        "POST",
        "/persons/{person_id}/phone",
        summary="Show the full phone number; the reason is kept in the audit",
        roles=DESK,
        errors=("person.not_found",),
    )
    async def phone(
        self, person_id: Id, body: LookReason, caller: Caller, remote: str
    ) -> PhoneView:
        """Return the number."""
        phone = await self._people.reveal_phone(caller, person_id, body.reason, remote)
        return PhoneView(person_id=person_id, phone=phone)


def _view(person: Person) -> PersonView:
    return PersonView(
        person_id=person.person_id,
        name_masked=person.name_masked,
        phone_masked=f"*******{person.phone_tail}",
        created_at_ms=person.created_at_ms,
    )
