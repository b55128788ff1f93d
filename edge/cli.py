"""`linli edge …`: run the station daemon, check a station before it opens, pair it with its hub.

Exit codes: 0 ok, 1 something is wrong, 2 usage or configuration, 3 unavailable.
"""

import asyncio
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from common.kit.errors import ConfigError, InvalidError, LinliError

if TYPE_CHECKING:  # imported where it is used: `linli --help` stays quick, the daemon small
    from edge.app import Edge
    from edge.config import StationConfig

EXIT_WRONG = 1
EXIT_USAGE = 2
EXIT_UNAVAILABLE = 3

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
ConfigOption = Annotated[Path, typer.Option("--config", help="station.toml")]
DataOption = Annotated[
    Path | None,
    typer.Option("--data", envvar="LINLI_DATA", help="folder of databases and secrets"),
]


@app.callback()
def _edge() -> None:
    """The station daemon: run, check, pair."""


@app.command()
def run(config: ConfigOption, data: DataOption = None) -> None:
    """Run the station until Ctrl-C or SIGTERM; what is missing is named, what works is served."""
    from common.kit.failpoints import arm_kill
    from common.kit.log import setup_logging
    from common.kit.memory import keep_small

    keep_small()
    setup_logging("json" if os.environ.get("LINLI_LOG") == "json" else "plain")
    if spec := os.environ.get("LINLI_FAILPOINT"):
        arm_kill(spec)
    with _Exits():
        settings = _settings(config)
        edge_run(settings, _folder(settings, data))


@app.command()
def check(config: ConfigOption, data: DataOption = None) -> None:
    """Look at settings, folder, secrets, ports and boards; one line a finding, with what to do. Moves nothing."""
    from edge.check import Level, check_station

    with _Exits():
        settings = _settings(config)
        findings = asyncio.run(check_station(settings, _folder(settings, data)))
        for finding in findings:
            typer.echo(f"{finding.level.value:<5} {finding.text}")
        worst = max((finding.level.exit_code for finding in findings), default=0)
        if all(finding.level is Level.OK for finding in findings):
            typer.echo("the station is ready: linli edge run")
        raise typer.Exit(worst)


@app.command()
def init(
    data: Annotated[
        Path, typer.Option(envvar="LINLI_DATA", help="folder of databases and secrets")
    ],
    station_id: Annotated[
        str | None, typer.Option(help="the station's id at the hub: makes the key pair")
    ] = None,
    accept: Annotated[
        Path | None, typer.Option(help="file that `linli hub pair` wrote: completes the pairing")
    ] = None,
) -> None:
    """Pair this station: first with --station-id (prints the public key), then with --accept FILE."""
    from common.kit.chance import system_chance
    from edge.access import pairing

    with _Exits():
        os.umask(0o077)
        if (station_id is None) == (accept is None):
            raise InvalidError("pairing.usage", "give either --station-id or --accept")
        if accept is not None:
            secrets = pairing.accept(data, accept)
            typer.echo(f"station {secrets.station_id} is paired; delete {accept} now")
            return
        assert station_id is not None
        typer.echo(pairing.begin(data, station_id, system_chance()).hex())


def edge_run(settings: "StationConfig", data: Path) -> None:
    """Serve until SIGINT or SIGTERM; ConfigError: secrets, UnavailableError: folder or a page's port."""
    os.umask(0o077)
    asyncio.run(_serve(settings, data))


async def _serve(settings: "StationConfig", data: Path) -> None:
    import aiohttp

    from common.kit.chance import system_chance
    from common.kit.clock import SystemClock
    from common.kit.identity import StationSecrets
    from common.kit.sqlite import SqliteDb
    from common.kit.work import ThreadWork
    from edge.access.pairing import SECRETS_FILE
    from edge.app import HUB_KEEPALIVE_S, EdgePorts, build_edge
    from edge.hardware.line import open_line

    work = ThreadWork("argon2")
    secrets = StationSecrets.load(data / SECRETS_FILE)
    if secrets.station_id != settings.station.id:
        raise ConfigError(
            "secrets.foreign",
            f"{data / SECRETS_FILE} belongs to station {secrets.station_id}, the settings say"
            f" {settings.station.id}",
        )
    ports = EdgePorts(
        clock=SystemClock(),
        chance=system_chance(),
        work=work,
        open_db=SqliteDb,
        open_line=open_line,
        connector=lambda: aiohttp.TCPConnector(keepalive_timeout=HUB_KEEPALIVE_S),
        secrets=secrets,
    )
    try:
        await _until_stopped(build_edge(ports, settings, data))
    finally:
        work.close()


async def _until_stopped(edge: "Edge") -> None:
    from common.kit.systemd import Notifier

    notifier = Notifier(os.environ)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.TaskGroup() as group:
            jobs = (edge.run(), notifier.run(lambda: True), _announce(edge, notifier))
            tasks = [group.create_task(job, name="daemon") for job in jobs]
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, _stop, tasks, notifier)
    except BaseExceptionGroup as errors:
        expected = errors.subgroup(LinliError)
        if expected is None:
            raise
        raise _first(expected) from None
    typer.echo("stopped")


def _stop(tasks: "list[asyncio.Task[None]]", notifier: object) -> None:
    notifier.stopping()  # type: ignore[attr-defined]
    for task in tasks:
        task.cancel()


async def _announce(edge: "Edge", notifier: object) -> None:
    await edge.ready.wait()
    notifier.ready("serving")  # type: ignore[attr-defined]
    typer.echo(f"station {edge.config.station.id}")
    typer.echo(f"  kiosk   {edge.kiosk.url}/")
    typer.echo(f"  keeper  {edge.keeper.url}/")
    for name, state in edge.hardware.bus_state.items():
        if not state.up:
            typer.echo(f"  bus {name} is down: {state.detail}")


def _settings(path: Path) -> "StationConfig":
    from common.kit.config import load_toml
    from edge.config import StationConfig

    return load_toml(StationConfig, path, os.environ)


def _folder(settings: "StationConfig", data: Path | None) -> Path:
    return data if data is not None else settings.data


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    inner = errors.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner


class _Exits:
    """Turns an expected error into one line and its exit code."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Say what is wrong and leave."""
        if isinstance(error, LinliError):
            typer.echo(f"linli edge: {error.detail}", err=True)
            usage = isinstance(error, ConfigError | InvalidError)
            raise typer.Exit(EXIT_USAGE if usage else EXIT_UNAVAILABLE) from error
