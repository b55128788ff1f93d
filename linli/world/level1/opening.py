"""What the hub has written before the first day, as plain values: the model begins with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.catalog.service import Product
from cloud.cdp.service import Person
from cloud.config import HubSecrets
from cloud.sync.models import op
from common.contract.replica import GrantKeyRow
from common.kit.identity import StationSecrets


@dataclass(frozen=True, slots=True)
class FirstOp:
    """One op of the station's feed."""

    op: int
    table: str
    key: str
    body: str | None
    digest: bytes


@dataclass(frozen=True, slots=True)
class Opening:
    """Secrets, goods, people and the first ops; nothing of it changes while the world turns."""

    secrets: HubSecrets
    station: StationSecrets
    products: Mapping[str, Product]
    people: Mapping[str, Person]
    ops: tuple[FirstOp, ...]
    keys: dict[int, GrantKeyRow] = field(default_factory=dict)
    """Rows of QR keys by quarter, kept once signed: they are the same in every life."""


def first_ops(conn: Connection) -> tuple[FirstOp, ...]:
    """Return the op log of the one station."""
    columns = (op.c.op, op.c.tbl, op.c.key, op.c.body, op.c.digest)
    rows = conn.execute(sa.select(*columns).order_by(op.c.op))
    return tuple(FirstOp(row.op, row.tbl, row.key, row.body, bytes(row.digest)) for row in rows)
