"""What the order routes take and answer."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from cloud.orders.custody import CustodyStep
from common.contract.base import Id
from common.kit.openapi import AnswerModel, RequestModel

State = Literal[
    "placed",
    "expired",
    "cancelled",
    "confirmed",
    "locked",
    "packed",
    "departed",
    "arrived",
    "ready",
    "partly_collected",
    "collected",
    "overdue",
]


class LineRequest(RequestModel):
    """Pieces of one article; the same article twice is summed."""

    sku: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    qty: int = Field(ge=1, le=99)


class OrderRequest(RequestModel):
    """An order: who, where to fetch it, what."""

    person_id: Id
    station_id: Id
    lines: Annotated[tuple[LineRequest, ...], Field(min_length=1, max_length=50, strict=False)]


class CustodyRequest(RequestModel):
    """Where the parcel is now; `place` names the bin, truck or counter."""

    to: Annotated[CustodyStep, Field(strict=False)]
    place: str = Field("", max_length=60)


class DelegateRequest(RequestModel):
    """Which parcel somebody else may collect, and the owner's word for that person."""

    parcel_id: Id
    given_to: str = Field(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f]+$")


class RoundRequest(RequestModel):
    """A new round."""

    name: str = Field(min_length=1, max_length=60)


class OrdersQuery(RequestModel):
    """Which orders to list, newest first."""

    person_id: Id | None = None
    station_id: Id | None = None
    round_id: Id | None = None
    state: State | None = None
    before: Id | None = Field(None, description="`next` of the page before")
    limit: int = Field(50, ge=1, le=200)


class CasesQuery(RequestModel):
    """Which cases to list: those that wait for a person, or those that are closed."""

    state: Literal["open", "closed"] = "open"


class CloseRequest(RequestModel):
    """What a person found out about a case, and did."""

    note: str = Field(min_length=3, max_length=400)


class _View(AnswerModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)


class LineAnswer(_View):
    """An order line at the price it was placed."""

    line: int
    sku: str
    name_zh: str
    name_en: str
    qty: int
    unit_price_fen: int
    temperature_class: str


class ParcelAnswer(_View):
    """A parcel and where it is."""

    parcel_id: str
    label: str
    temperature_class: str
    size: str
    items: int
    state: Literal[
        "locked",
        "packed",
        "departed",
        "arrived",
        "deposited",
        "overdue",
        "removed",
        "collected",
        "cancelled",
    ]
    compartment: str | None
    put_in_at_ms: int | None
    expires_at_ms: int | None


class TimelineAnswer(_View):
    """One line of the story; `source` names the payment, scan or station event behind it."""

    kind: str
    at_ms: int
    source: str
    parcel_id: str | None


class DelegateAnswer(_View):
    """One parcel's pickup given to somebody else; `code` and `link_token` (its own page) for the owner only."""

    grant_id: str
    parcel_id: str
    given_to: str
    grant_state: Literal["waiting", "active", "opened", "done", "revoked", "expired"]
    revoke_state: Literal["none", "pending", "done", "too_late"]
    live: bool
    given_at_ms: int
    expires_at_ms: int | None
    code: str | None
    link_token: str | None


class PickupAnswer(_View):
    """How to fetch it; `code` for the owner only, `live` once the goods are inside and the code works."""

    station_id: str
    station_name_zh: str
    station_name_en: str
    grant_id: str
    grant_state: Literal["waiting", "active", "opened", "done", "revoked", "expired"]
    revoke_state: Literal["none", "pending", "done", "too_late"]
    live: bool
    code: str | None
    compartments: tuple[str, ...]
    expires_at_ms: int | None
    qr: str | None = Field(
        default=None,
        description="what the QR code of the order says; like the digits for its owner",
    )
    delegates: tuple[DelegateAnswer, ...] = ()


class OrderSummary(_View):
    """An order in a list."""

    order_id: str
    number: str
    person_id: str
    person_masked: str
    station_id: str
    station_name_zh: str
    station_name_en: str
    round_id: str
    state: State
    payment: Literal["unpaid", "paid", "part_refunded", "refunded"]
    cancel: Literal["none", "pending", "done", "lost"]
    total_fen: int
    paid_fen: int
    refunded_fen: int
    placed_at_ms: int
    pay_by_ms: int


class OrderAnswer(OrderSummary):
    """One order whole; `link_token` opens its own page and is given to the owner alone."""

    lines: tuple[LineAnswer, ...]
    parcels: tuple[ParcelAnswer, ...]
    timeline: tuple[TimelineAnswer, ...]
    pickup: PickupAnswer | None
    link_token: str | None


class OrdersAnswer(_View):
    """A page of orders, newest first; `next` asks for the page behind it."""

    orders: tuple[OrderSummary, ...]
    next: str | None


class CustodyEntry(_View):
    """One taking-over of a parcel."""

    cause: str
    from_state: str
    to_state: str
    actor: str
    place: str
    source: str
    at_ms: int


class CustodyAnswer(_View):
    """Who had the parcel, in order."""

    parcel_id: str
    custody: tuple[CustodyEntry, ...]


class RoundAnswer(_View):
    """A round; one at most is open."""

    round_id: str
    name: str
    state: Literal["open", "closed"]
    opened_at_ms: int
    closed_at_ms: int | None


class RoundsAnswer(_View):
    """The newest rounds."""

    rounds: tuple[RoundAnswer, ...]


class CaseAnswer(_View):
    """Something that does not fit and needs a person's eye."""

    case_id: str
    kind: str
    order_id: str | None
    parcel_id: str | None
    source: str
    detail: str
    opened_at_ms: int
    closed_at_ms: int | None
    closed_by: str | None
    note: str | None


class CasesAnswer(_View):
    """The newest cases."""

    cases: tuple[CaseAnswer, ...]
