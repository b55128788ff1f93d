"""Rows of the event log, past SQLAlchemy's compiler: many rows a statement on SQLite, one `jsonb` on PostgreSQL.

The caller holds the lane's cursor and knows that the rows are new; the primary key would refuse a second copy.
"""

import itertools
from collections.abc import Sequence

import orjson
from sqlalchemy.engine import Connection

Row = tuple[str, str, int, int, int, int, str, int, str, bytes]
_INTO = (
    "INSERT INTO sync_event (station_id, lane, boot_epoch, seq, occurred_at_ms, received_at_ms,"
    " type, v, body, chain)"
)
_PLACES = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_AT_ONCE = 250
_ONE = f"{_INTO} VALUES {_PLACES}"
# One step of SQLite for many rows: it lets go of the interpreter once, not once a row.
_MANY = f"{_INTO} VALUES {', '.join([_PLACES] * _AT_ONCE)}"
_POSTGRES = " ".join(
    (
        _INTO,
        "SELECT e->>0, e->>1, (e->>2)::bigint, (e->>3)::bigint, (e->>4)::bigint, (e->>5)::bigint,",
        "e->>6, (e->>7)::integer, e->>8, decode(e->>9, 'hex')",
        "FROM jsonb_array_elements(%s::jsonb) AS e",
    )
)


def insert_events_tx(conn: Connection, rows: Sequence[Row]) -> None:
    """Append `rows` in the caller's transaction."""
    if conn.dialect.name == "sqlite":
        whole = len(rows) - len(rows) % _AT_ONCE
        for start in range(0, whole, _AT_ONCE):
            part = itertools.chain.from_iterable(rows[start : start + _AT_ONCE])
            conn.exec_driver_sql(_MANY, tuple(part))
        if rest := list(rows[whole:]):
            conn.exec_driver_sql(_ONE, rest)
        return
    packed = orjson.dumps([(*row[:-1], row[-1].hex()) for row in rows])
    conn.exec_driver_sql(_POSTGRES, (packed.decode(),))
