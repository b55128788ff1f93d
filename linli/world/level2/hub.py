"""The hub of the sync drill: the unmodified gateway on its own port and file; effects are rows without a key."""

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.sync import EventContext, Gateway, SyncServer
from cloud.sync import metadata as sync_metadata
from common.contract.base import Message
from common.contract.events import DoorUnexpected
from common.contract.replica import CompartmentRow
from common.kit.sqldb import SqlDb
from common.kit.web import WebServer, make_app
from linli.world.clock import WorldClock
from linli.world.level2.files import back_up, put_back

HOST, PORT = "hub", 8800
_books = sa.MetaData()
_effect = sa.Table(
    "effect",
    _books,
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("boot_epoch", sa.BigInteger, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
)


class SyncHub:
    """Started, stopped, backed up and put back."""

    def __init__(self, folder: Path, clock: WorldClock, station_id: str, key: bytes) -> None:
        """Make the file and register the one station."""
        self._path, self._clock, self._station_id = folder / "hub.db", clock, station_id
        self._server: WebServer | None = None
        self._open()
        self.db.write_now(lambda conn: self.gateway.register_station_tx(conn, station_id, key))

    @property
    def is_up(self) -> bool:
        """Return whether it answers."""
        return self._server is not None

    async def start(self) -> None:
        """Listen."""
        if self._server is None:
            app = make_app()
            SyncServer(self.gateway, self.db, self._clock).routes(app)
            self._server = WebServer(app, HOST, PORT)
            await self._server.start()

    async def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            server, self._server = self._server, None
            await server.stop()

    def back_up(self) -> None:
        """Copy the running database, as `linli hub backup` does."""
        back_up(self._path, self._path.with_suffix(".backup"))

    def put_back(self) -> None:
        """Go back to the backup; only while it is stopped."""
        self.db.close()
        put_back(self._path.with_suffix(".backup"), self._path)
        self._open()

    async def put(self, label: str, *, broken: bool) -> None:
        """Give the station a row."""
        row = CompartmentRow(label=label, out_of_service=broken, reason="")
        await self.db.write(
            lambda conn: self.gateway.put_row_tx(conn, self._station_id, "compartment", row)
        )

    async def delete(self, label: str) -> None:
        """Take a row from it."""
        await self.db.write(
            lambda conn: self.gateway.delete_row_tx(conn, self._station_id, "compartment", label)
        )

    def effects(self) -> list[str]:
        """Return every effect there was, in the order of the station's story."""
        order = sa.select(_effect.c.name).order_by(_effect.c.boot_epoch, _effect.c.seq)
        return [str(row.name) for row in self.db.read_now(lambda conn: conn.execute(order).all())]

    def rows(self) -> dict[str, str]:
        """Return the rows the station shall have."""
        query = sa.text("SELECT key, body FROM sync_row")
        return {
            str(row.key): str(row.body)
            for row in self.db.read_now(lambda conn: conn.execute(query).all())
        }

    def head(self) -> tuple[int, int, bytes]:
        """Return generation, op and digest."""
        query = sa.text("SELECT gen, head_op, digest FROM sync_station")
        row = self.db.read_now(lambda conn: conn.execute(query).one())
        return int(row.gen), int(row.head_op), bytes(row.digest)

    def alarms(self) -> list[str]:
        """Return the kinds of alarms."""
        query = sa.text("SELECT kind FROM sync_alarm")
        return sorted({str(row.kind) for row in self.db.read_now(lambda c: c.execute(query).all())})

    def close(self) -> None:
        """Let go of the file."""
        self.db.close()

    def _open(self) -> None:
        self.db = SqlDb(f"sqlite:///{self._path}", inline=True)
        sync_metadata.create_all(self.db.engine)
        _books.create_all(self.db.engine)
        self.gateway = Gateway()
        self.gateway.on_event("door.unexpected", _take_effect)


def _take_effect(conn: Connection, context: EventContext, body: Message) -> None:
    assert isinstance(body, DoorUnexpected)
    conn.execute(
        _effect.insert().values(
            name=body.compartment, boot_epoch=context.boot_epoch, seq=context.seq
        )
    )
