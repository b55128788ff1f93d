"""`linli hub …`: serve, migrate, seed, verify, backup, admin, pair.

Exit codes: 0 ok, 1 violated, 2 usage, 3 unavailable.
"""

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cloud.config import HubConfig, HubSecrets, load_config
from common.kit.chance import system_chance
from common.kit.clock import SystemClock, to_ms
from common.kit.errors import InvalidError, UnavailableError
from common.kit.failpoints import arm_kill
from common.kit.folder import hold
from common.kit.log import setup_logging
from common.kit.sqldb import SqlDb
from common.kit.work import ThreadWork

if TYPE_CHECKING:  # imported where it is used: `linli --help` stays quick
    from sqlalchemy.engine import Connection

    from cloud.app import Hub, HubPorts, Rooms
    from cloud.stations.service import Pairing

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="hub.toml; without it the defaults")
]
DataOption = Annotated[
    Path | None, typer.Option("--data", envvar="LINLI_DATA", help="folder of database and secrets")
]


@app.command()
def serve(
    config: ConfigOption = None,
    data: DataOption = None,
    port: Annotated[int | None, typer.Option(help="port to listen on")] = None,
) -> None:
    """Run the hub until Ctrl-C; the first start prints a link that makes the first admin."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    setup_logging("json" if os.environ.get("LINLI_LOG") == "json" else "plain")
    if spec := os.environ.get("LINLI_FAILPOINT"):
        arm_kill(spec)
    settings = _settings(config, data, port)
    with _alone(settings):
        ports = _ports(settings)
        try:
            asyncio.run(_serve(ports, settings))
        except BaseExceptionGroup as group:
            raise _first(group) from group
        finally:
            ports.work.close()


@app.command()
def migrate(config: ConfigOption = None, data: DataOption = None) -> None:
    """Bring the database to this program's schema; `serve` does it too."""
    from cloud.migrations import revision_tx, upgrade_tx

    db = _open(_settings(config, data))
    db.write_now(upgrade_tx)
    typer.echo(f"schema at {db.read_now(revision_tx)}")
    db.close()


@app.command()
def seed(
    config: ConfigOption = None,
    data: DataOption = None,
    print_access: Annotated[
        bool, typer.Option("--print-access", help="print passwords, PINs and tokens as JSON")
    ] = False,
) -> None:
    """Fill an empty hub with a small town: products, a station, keepers, staff, residents."""
    from cloud.seed import seed as run_seed

    settings = _settings(config, data)

    async def work(rooms: "Rooms", ports: "HubPorts") -> None:
        found = await run_seed(rooms, ports, settings.hub.data)
        if print_access:
            typer.echo(json.dumps(asdict(found), ensure_ascii=False))
        else:
            typer.echo(
                f"seeded station {found.station_id}: {len(found.staff)} staff, "
                f"{len(found.keepers)} keepers, {len(found.residents)} residents"
            )

    _with_rooms(settings, work)


@app.command()
def verify(config: ConfigOption = None, data: DataOption = None) -> None:
    """Recompute every counter from its rows; print what is violated and exit 1."""
    from cloud.verify import violations_tx

    db = _open(_settings(config, data), must_exist=True)
    found = db.read_now(violations_tx)
    db.close()
    for sentence in found:
        typer.echo(sentence)
    typer.echo(f"{len(found)} violations")
    raise typer.Exit(1 if found else 0)


@app.command("trust-clock")
def trust_clock(config: ConfigOption = None, data: DataOption = None) -> None:
    """Say that this computer's clock is right, after a step of more than a day; look at a watch first."""
    from cloud.access.service import audit_tx
    from cloud.sync.timekeeper import trust_tx

    db, clock = _open(_settings(config, data), must_exist=True), SystemClock()

    def write(connection: "Connection") -> None:
        trust_tx(connection, to_ms(clock.wall()))
        audit_tx(connection, clock=clock, who="console", what="hub.trust_clock", about="hub")

    db.write_now(write)
    db.close()
    typer.echo(
        f"it is {clock.wall():%Y-%m-%d %H:%M} UTC: the next sweep, within a minute, goes by it"
    )


@app.command()
def backup(
    out: Annotated[Path, typer.Option(help="file to write; must not exist")],
    config: ConfigOption = None,
    data: DataOption = None,
    blobs: Annotated[
        Path | None, typer.Option(help="folder of photos to complete; may be the same every time")
    ] = None,
) -> None:
    """Copy the database while the hub runs, verify the copy, then name it; with --blobs the photos, too."""
    from cloud.backup import backup as run_backup
    from cloud.backup_blobs import backup_blobs

    settings = _settings(config, data)
    run_backup(settings, out)
    typer.echo(f"{out}: {out.stat().st_size} bytes, verified; keep the secrets file apart from it")
    if blobs is not None:
        count = backup_blobs(settings, blobs, typer.echo)
        typer.echo(f"{blobs}: {count} photos, verified")
    elif (settings.hub.data / "blobs").exists():
        typer.echo(f"photos are not in it: --blobs DIR copies {settings.hub.data / 'blobs'}")


@app.command()
def admin(
    login: Annotated[str, typer.Option(help="the admin's login")],
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Make an admin or set an admin's password; it is asked for, or read from stdin."""
    password = (
        typer.prompt("password", hide_input=True, confirmation_prompt=True)
        if sys.stdin.isatty()
        else sys.stdin.readline().rstrip("\n")
    )

    async def work(rooms: "Rooms", _ports: "HubPorts") -> None:
        try:
            account = await rooms.access.put_admin(login, password)
        except InvalidError as error:
            raise typer.BadParameter(error.detail) from error
        typer.echo(f"admin {account.login} may sign in")

    _with_rooms(_settings(config, data), work)


@app.command()
def pair(
    station_id: Annotated[str, typer.Option(help="the station's id")],
    public_key: Annotated[str, typer.Option(help="what `linli edge init` printed, hexadecimal")],
    out: Annotated[Path, typer.Option(help="file to carry to the station (mode 0600)")],
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Register a station's key and write what it needs: pepper, salt, the hub's command key."""
    try:
        key = bytes.fromhex(public_key)
    except ValueError as error:
        raise typer.BadParameter("the public key is hexadecimal, 64 digits") from error

    async def work(rooms: "Rooms", _ports: "HubPorts") -> None:
        pairing = await rooms.stations.pair(station_id, key)
        _write_pairing(out, pairing)
        typer.echo(f"{out}: carry it to the station, `linli edge init --accept`, then delete it")

    _with_rooms(_settings(config, data), work)


def _settings(config: Path | None, data: Path | None, port: int | None = None) -> HubConfig:
    os.umask(0o077)  # the database holds names; nobody else on the machine needs to read it
    settings = load_config(config, os.environ)
    changes: dict[str, object] = {}
    if data is not None:
        changes["data"] = data
    if port is not None:
        changes["port"] = port
    return settings.model_copy(update={"hub": settings.hub.model_copy(update=changes)})


def _open(settings: HubConfig, *, must_exist: bool = False) -> SqlDb:
    url = settings.database_url()
    if url.startswith("sqlite:///"):
        path = Path(url.removeprefix("sqlite:///"))
        if must_exist and not path.exists():
            raise UnavailableError("hub.no_database", f"{path} does not exist")
        path.parent.mkdir(parents=True, exist_ok=True)
    return SqlDb(url)


def _alone(settings: HubConfig) -> AbstractContextManager[object]:
    """Keep a second hub from an SQLite file: it would know neither our nonces nor our news."""
    if not settings.database_url().startswith("sqlite:"):
        return nullcontext()
    return hold(settings.hub.data, "hub.lock", key="hub.in_use", who="hub")


def _ports(settings: HubConfig) -> "HubPorts":
    from cloud.app import HubPorts

    settings.hub.data.mkdir(parents=True, exist_ok=True)
    chance = system_chance()
    secrets = HubSecrets.open(settings.secrets_path(), chance)
    return HubPorts(SystemClock(), chance, ThreadWork(), SqlDb, secrets)


def _with_rooms(
    settings: HubConfig, work: "Callable[[Rooms, HubPorts], Coroutine[Any, Any, None]]"
) -> None:
    """Migrate and run `work` on the rooms, without a server."""
    from cloud.app import Rooms
    from cloud.migrations import upgrade_tx

    ports = _ports(settings)
    db = _open(settings)
    try:
        db.write_now(upgrade_tx)
        asyncio.run(work(Rooms(ports, settings, db), ports))
    finally:
        db.close()
        ports.work.close()


async def _serve(ports: "HubPorts", settings: HubConfig) -> None:
    from cloud.app import build_hub

    hub = build_hub(ports, settings)
    running = asyncio.current_task()
    assert running is not None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, running.cancel)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(hub.run(), name="hub")
            await hub.ready.wait()
            await _greet(hub)
    except asyncio.CancelledError:
        typer.echo("hub stopped")


async def _greet(hub: "Hub") -> None:
    """Say where the hub is, and how the first admin gets in (once, on this terminal only)."""
    base = hub.config.hub.public_url or hub.web.url
    typer.echo(f"hub at {base}")
    if token := await hub.rooms.access.setup_token():
        typer.echo(f"no admin yet; within an hour, once: {base}/setup?token={token}")


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found


def _write_pairing(path: Path, pairing: "Pairing") -> None:
    record = {
        "station_id": pairing.station_id,
        "pepper": pairing.pepper.hex(),
        "code_salt": pairing.code_salt.hex(),
        "hub_command_key": pairing.hub_command_key.hex(),
    }
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        json.dump(record, out)
    path.chmod(0o600)  # the file may have been there before
