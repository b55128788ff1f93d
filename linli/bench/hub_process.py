"""`python -m linli.bench.hub_process hub|floor FOLDER`: the server under measurement, a process of its own.

`hub` is the unmodified hub with the stations of FOLDER/stations.json; `floor` reads, decodes and appends a batch
to a table, durably, and does nothing else. The first line of standard output is the address.
"""

import asyncio
import json
import signal
import sqlite3
import sys
from functools import partial
from pathlib import Path

from aiohttp import web
from sqlalchemy.engine import Connection

from cloud.app import Hub, HubPorts, build_hub
from cloud.config import HubConfig, HubSecrets, HubSection
from cloud.sync.wire import AnyBatch, read_batch
from common.kit.chance import system_chance
from common.kit.clock import SystemClock
from common.kit.sqldb import SqlDb
from common.kit.work import ThreadWork
from linli.bench.rooms import bare

STATIONS_FILE = "stations.json"
"""Station id → public key in hexadecimal."""
_BODY_MAX = 8 * 1024 * 1024
_TABLE = (
    "CREATE TABLE floor (id INTEGER PRIMARY KEY, station_id TEXT, lane TEXT, boot_epoch INTEGER,"
    " seq INTEGER, occurred_at_ms INTEGER, type TEXT, v INTEGER, body TEXT)"
)
_INSERT = (
    "INSERT INTO floor (station_id, lane, boot_epoch, seq, occurred_at_ms, type, v, body)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)


async def serve_hub(folder: Path) -> None:
    """Run the hub until cancelled."""
    chance, work = system_chance(), ThreadWork()
    secrets = HubSecrets.new(chance)
    ports = HubPorts(SystemClock(), chance, work, SqlDb, secrets)
    hub = build_hub(ports, HubConfig(hub=HubSection(data=folder, port=0)))
    running = asyncio.create_task(hub.run(), name="hub")
    try:
        ready = asyncio.create_task(hub.ready.wait())
        await asyncio.wait((running, ready), return_when=asyncio.FIRST_COMPLETED)
        await hub.db.write(partial(_register_tx, hub, _stations(folder)))
        _tell(hub.web.url)
        await running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        work.close()


def _stations(folder: Path) -> dict[str, bytes]:
    known: dict[str, str] = json.loads((folder / STATIONS_FILE).read_text())
    return {station_id: bytes.fromhex(key) for station_id, key in known.items()}


def _register_tx(hub: Hub, stations: dict[str, bytes], conn: Connection) -> None:
    for station_id, key in stations.items():
        hub.rooms.gateway.register_station_tx(conn, station_id, key)


async def serve_floor(folder: Path) -> None:
    """Serve the floor until cancelled."""
    work = ThreadWork("floor")
    with bare(folder / "floor.db", _TABLE, shared=True) as conn:

        async def take(request: web.Request) -> web.Response:
            batch = read_batch(await request.read())
            await work.run(_append, conn, request.headers["X-Station"], batch)
            return web.Response(body=b"{}")

        app = web.Application(client_max_size=_BODY_MAX)
        app.router.add_post("/{rest:.*}", take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        _tell(f"http://127.0.0.1:{runner.addresses[0][1]}")
        try:
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()
            work.close()


def _append(conn: sqlite3.Connection, station_id: str, batch: AnyBatch) -> None:
    conn.execute("BEGIN IMMEDIATE")
    conn.executemany(
        _INSERT,
        [
            (
                station_id, batch.lane.value, event.boot_epoch, event.seq, event.occurred_at_ms,
                event.type, event.v, event.body,
            )
            for event in batch.events
        ],
    )  # fmt: skip
    conn.execute("COMMIT")


def _tell(url: str) -> None:
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()


async def _until_stopped(kind: str, folder: Path) -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        await (serve_hub(folder) if kind == "hub" else serve_floor(folder))
    except asyncio.CancelledError:
        return


if __name__ == "__main__":
    asyncio.run(_until_stopped(sys.argv[1], Path(sys.argv[2])))
