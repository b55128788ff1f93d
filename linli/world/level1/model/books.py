"""The books of the model hub: plain records; a transaction works on a draft that replaces them whole, or not at all."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from cloud.orders.machine import CancelState, OrderState, ParcelState
from cloud.stations.machine import HubGrantState
from common.contract.digest import EMPTY, row_hash
from common.contract.protocol import START, Position
from common.contract.words import CommandState, Lane
from common.kit.failpoints import fp as passes
from linli.world.level1.opening import Opening

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who speaks for the station, and how far its rows are."""

    gen: int = 1
    head_op: int = 0
    floor_op: int = 0
    digest: bytes = EMPTY
    session: int = 0
    install_id: str | None = None
    hello_id: str | None = None
    hello_from: int | None = None
    run_id: str | None = None
    boot_epoch: int = 0
    applied_op: int = 0
    heard_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A row the station shall have; `op` gave it."""

    body: str
    hash: bytes
    op: int


@dataclass(frozen=True, slots=True)
class Op:
    """One change of a row, and the digest after it."""

    op: int
    table: str
    key: str
    body: str | None
    digest: bytes


@dataclass(frozen=True, slots=True)
class Stored:
    """One event of the log."""

    type: str
    body: str
    chain: bytes


@dataclass(frozen=True, slots=True)
class Order:
    """One order; it gets parcels and a grant when it is locked."""

    order_id: str
    number: str
    person_id: str
    lines: tuple[tuple[str, int], ...]
    pay_by_ms: int
    state: OrderState = OrderState.PLACED
    cancel: CancelState = CancelState.NONE
    cancel_op: int = 0
    grant_id: str | None = None
    parcel_ids: tuple[str, ...] = ()
    not_after_ms: int = 0


@dataclass(frozen=True, slots=True)
class Parcel:
    """One parcel; `story` is (cause, source) of every step."""

    parcel_id: str
    label: str
    order_id: str
    body: str
    """Its row at the station, as announced."""
    lines: tuple[tuple[str, int], ...]
    state: ParcelState = ParcelState.LOCKED
    door: str | None = None
    expires_ms: int | None = None
    ended_ms: int | None = None
    withdrawn: bool = False
    is_promised: bool = True
    """Its goods are neither sold nor back on sale."""
    story: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Grant:
    """One right to open; digits are forgotten when it ends."""

    grant_id: str
    order_id: str
    digits: str | None
    verifier: str
    parcel_ids: tuple[str, ...]
    valid_for_s: int
    not_after_ms: int
    state: HubGrantState = HubGrantState.WAITING
    revoke_op: int = 0
    """The op of a revocation that waits for the station; 0: none waits."""
    revoke_asked: bool = False
    expires_ms: int | None = None
    ended_ms: int | None = None
    retired: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """One door asked for from afar."""

    command_id: str
    label: str
    issued_ms: int
    expires_ms: int
    state: CommandState
    op: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A daemon that was turned away."""

    first_ms: int


@dataclass(slots=True)
class Books:
    """Everything the hub knows."""

    speaker: Speaker = field(default_factory=Speaker)
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    ops: list[Op] = field(default_factory=list)
    """In order, from `floor_op` on."""
    heads: dict[Lane, Position] = field(default_factory=lambda: dict.fromkeys(Lane, START))
    events: dict[tuple[str, int, int], Stored] = field(default_factory=dict)
    odd: dict[str, str] = field(default_factory=dict)
    """Kind → detail of alarms, quarantines and cases that need a person."""
    claims: dict[str, Claim] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    parcels: dict[str, Parcel] = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)
    commands: dict[str, Command] = field(default_factory=dict)
    stock: dict[str, int] = field(default_factory=dict)
    """Item → units on sale."""
    lies_in: dict[str, str] = field(default_factory=dict)
    """Parcel → door, by the station's own word."""

    def draft(self) -> "Books":
        """Return books that may be written in; records themselves never change."""
        return Books(
            self.speaker, self.rows.copy(), self.ops.copy(), self.heads.copy(), self.events.copy(),
            self.odd.copy(), self.claims.copy(), self.orders.copy(), self.parcels.copy(),
            self.grants.copy(), self.commands.copy(), self.stock.copy(), self.lies_in.copy(),
        )  # fmt: skip


def first_books(opening: Opening) -> Books:
    """Return the books of the first day."""
    books = Books(stock={one.item: one.available * one.units for one in opening.products.values()})
    for one in opening.ops:
        books.ops.append(Op(one.op, one.table, one.key, one.body, one.digest))
        books.rows.pop((one.table, one.key), None)
        if one.body is not None:
            hashed = row_hash(one.table, one.key, one.body)
            books.rows[one.table, one.key] = Row(one.body, hashed, one.op)
        books.speaker = replace(books.speaker, head_op=one.op, digest=one.digest)
    return books


class Keeping:
    """Holds the books between transactions; `on_news` hears when a held poll may have something to say."""

    def __init__(self, books: Books) -> None:
        """Begin with `books`."""
        self.books = books
        self.on_news: list[Callable[[], None]] = []

    def write(self, fn: Callable[[Books], T]) -> T:
        """Run `fn` on a draft; what it raises leaves the books as they were."""
        before, draft = self.books.speaker, self.books.draft()
        result = fn(draft)
        passes("kit.sqldb.before_commit")
        self.books = draft
        after = draft.speaker
        if (before.head_op, before.session, before.gen) != (
            after.head_op, after.session, after.gen,
        ):  # fmt: skip
            for told in self.on_news:
                told()
        return result


def move(books: Books, parcel: Parcel, **values: object) -> Parcel:
    """Put a changed parcel into the books and return it."""
    changed = replace(parcel, **values)  # type: ignore[arg-type]
    books.parcels[parcel.parcel_id] = changed
    return changed
