"""`linli hub …`: serve, migrate, seed, verify, backup, admin, pair.

Exit codes: 0 ok, 1 violated, 2 usage, 3 unavailable.
"""

import asyncio
import json
import logging
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cloud import station_commands
from cloud.command import (
    ConfigOption,
    DataOption,
    alone,
    open_store,
    ports_of,
    settings_of,
    with_rooms,
)
from cloud.config import HubConfig
from common.kit.clock import SystemClock, to_ms
from common.kit.errors import InvalidError
from common.kit.failpoints import arm_kill
from common.kit.log import setup_logging

if TYPE_CHECKING:  # imported where it is used: `linli --help` stays quick
    from sqlalchemy.engine import Connection

    from cloud.app import Hub, HubPorts, Rooms

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(station_commands.app)


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
    settings = settings_of(config, data, port)
    with alone(settings):
        ports = ports_of(settings)
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

    db = open_store(settings_of(config, data))
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

    settings = settings_of(config, data)

    async def work(rooms: "Rooms", ports: "HubPorts") -> None:
        found = await run_seed(rooms, ports, settings.hub.data)
        if print_access:
            typer.echo(json.dumps(asdict(found), ensure_ascii=False))
        else:
            typer.echo(
                f"seeded station {found.station_id}: {len(found.staff)} staff, "
                f"{len(found.keepers)} keepers, {len(found.residents)} residents"
            )

    with_rooms(settings, work)


@app.command()
def verify(config: ConfigOption = None, data: DataOption = None) -> None:
    """Recompute every counter from its rows; print what is violated and exit 1."""
    from cloud.verify import violations_tx

    db = open_store(settings_of(config, data), must_exist=True)
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

    db, clock = open_store(settings_of(config, data), must_exist=True), SystemClock()

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

    settings = settings_of(config, data)
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

    with_rooms(settings_of(config, data), work)


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
    if hub.gateway is not None and hub.gateway_web is not None:
        print_of_it = hub.gateway.certificates.authority.fingerprint
        typer.echo(f"stations by TLS at {hub.gateway_web.url}, authority sha256 {print_of_it}")
    if token := await hub.rooms.access.setup_token():
        typer.echo(f"no admin yet; within an hour, once: {base}/setup?token={token}")


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
