"""Who else wants to speak for a station: daemons that were turned away, until an operator lets one of them in."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.sync.models import claim as claim_table
from common.contract.protocol import Hello
from common.kit.errors import NotFoundError

KEEP_MS = 7 * 24 * 3600 * 1000
"""A daemon that has not asked for so long is forgotten."""
MOST = 16
"""More are not kept for one station; the ones heard last stay."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One daemon with the station's key that may not speak."""

    station_id: str
    hello_id: str
    install_id: str
    app_version: str
    backlog_facts: int
    first_ms: int
    last_ms: int
    admitted: bool


def note_tx(conn: Connection, station_id: str, hello: Hello, now_ms: int) -> Claim:
    """Note that the daemon of `hello` asks, and return what is known of it."""
    place = _place(station_id, hello.hello_id)
    said = {
        "install_id": hello.install_id, "app_version": hello.app_version,
        "backlog_facts": hello.backlog_facts, "last_ms": now_ms,
    }  # fmt: skip
    if conn.execute(sa.update(claim_table).where(place).values(said)).rowcount == 0:
        names = {"station_id": station_id, "hello_id": hello.hello_id}
        fresh = names | said | {"first_ms": now_ms, "admitted": False}
        conn.execute(claim_table.insert().values(fresh))
        _tidy(conn, station_id, now_ms)
    return Claim(*conn.execute(_SELECT.where(place)).one())


def claims_tx(conn: Connection, station_id: str) -> tuple[Claim, ...]:
    """Return who was turned away, the one heard last first."""
    rows = conn.execute(_of(station_id))
    return tuple(Claim(*row) for row in rows)


def admit_tx(conn: Connection, station_id: str, hello_id: str) -> None:
    """Let this daemon in at its next hello, and no other of the waiting ones; NotFoundError when it is none."""
    if conn.execute(_SELECT.where(_place(station_id, hello_id))).one_or_none() is None:
        raise NotFoundError("station.no_claim", "no such daemon waits to speak for the station")
    mine = claim_table.c.hello_id == hello_id
    here = claim_table.c.station_id == station_id
    conn.execute(sa.update(claim_table).where(here).values(admitted=mine))


def forget_tx(conn: Connection, station_id: str, hello_id: str | None = None) -> None:
    """Forget one daemon, or all: they speak now, or the station was paired anew."""
    here = claim_table.c.station_id == station_id
    place = here if hello_id is None else _place(station_id, hello_id)
    conn.execute(sa.delete(claim_table).where(place))


def _tidy(conn: Connection, station_id: str, now_ms: int) -> None:
    waiting = claims_tx(conn, station_id)
    for number, one in enumerate(waiting):
        if number >= MOST or one.last_ms < now_ms - KEEP_MS:
            forget_tx(conn, station_id, one.hello_id)


_SELECT: "sa.Select[Any]" = sa.select(
    *(claim_table.c[name] for name in Claim.__dataclass_fields__)  # the order of the fields
)


def _of(station_id: str) -> "sa.Select[Any]":
    newest_first = (claim_table.c.last_ms.desc(), claim_table.c.hello_id)
    return _SELECT.where(claim_table.c.station_id == station_id).order_by(*newest_first)


def _place(station_id: str, hello_id: str) -> "sa.ColumnElement[bool]":
    return sa.and_(claim_table.c.station_id == station_id, claim_table.c.hello_id == hello_id)
