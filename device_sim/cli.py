"""`linli sim run`: a cabinet without a cabinet, on a serial port and on Modbus TCP."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from common.kit.chance import system_chance
from common.kit.clock import SystemClock
from common.kit.errors import ConfigError, LinliError
from common.kit.log import setup_logging
from common.kit.work import ThreadWork
from device_sim.app import WITNESS_FILE, Sim, SimPorts, build_sim
from device_sim.camera_drawing import MISSING, can_draw
from device_sim.camera_server import SNAPSHOT
from device_sim.config import load
from device_sim.script import load_scenario

EXIT_USAGE = 2
EXIT_UNAVAILABLE = 3
DEFAULT_DATA = Path(".demo/sim")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def _sim() -> None:
    """A cabinet without a cabinet: boards on a real wire."""


@app.command()
def run(
    config: Annotated[Path, typer.Option(help="cabinet file, e.g. cabinets/yangguangli-3.toml")],
    data: Annotated[
        Path | None,
        typer.Option(help=f"folder of links and witness; LINLI_DATA, else {DEFAULT_DATA}"),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="bench page and control API")] = 8820,
    modbus_port: Annotated[int, typer.Option(min=0, max=65535, help="Modbus TCP")] = 5020,
    camera_port: Annotated[
        int, typer.Option(min=0, max=65535, help="camera, if the file has one")
    ] = 8821,
    scenario: Annotated[
        Path | None,
        typer.Option(help="scripted day, e.g. cabinets/scenarios/summer-day.toml"),
    ] = None,
) -> None:
    """Run the cabinet of a file until Ctrl-C."""
    try:
        sim_run(config, data, port, modbus_port, scenario, camera_port)
    except ConfigError as error:
        typer.echo(f"linli sim: {error.detail}", err=True)
        raise typer.Exit(EXIT_USAGE) from error
    except LinliError as error:
        typer.echo(f"linli sim: {error.detail}", err=True)
        raise typer.Exit(EXIT_UNAVAILABLE) from error


def sim_run(
    config: Path,
    data: Path | None = None,
    port: int = 8820,
    modbus_port: int = 5020,
    scenario: Path | None = None,
    camera_port: int = 8821,
) -> None:
    """Serve the cabinet of `config` until SIGINT or SIGTERM.

    ConfigError: the file is wrong; UnavailableError: a port or folder cannot be had.
    """
    setup_logging()
    place = data or Path(os.environ.get("LINLI_DATA", DEFAULT_DATA))
    cabinet = load(config, os.environ)
    day = None if scenario is None else load_scenario(scenario, os.environ)
    work = ThreadWork("files")
    ports = SimPorts(SystemClock(), system_chance(), work)
    try:
        sim = build_sim(
            ports, cabinet, place, port=port, modbus_port=modbus_port, camera_port=camera_port,
            scenario=day,
        )  # fmt: skip
        asyncio.run(_until_stopped(sim))
    finally:
        work.close()


async def _until_stopped(sim: Sim) -> None:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(job, name="sim") for job in (sim.run(), _announce(sim))]
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, _cancel, tasks)
    except ExceptionGroup as errors:
        expected = errors.subgroup(LinliError)
        if expected is None:
            raise
        raise _first(expected) from None
    typer.echo("stopped")


def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()


def _first(errors: ExceptionGroup[LinliError]) -> LinliError:
    inner = errors.exceptions[0]
    return inner if isinstance(inner, LinliError) else _first(inner)


async def _announce(sim: Sim) -> None:
    await sim.ready.wait()
    cabinet = sim.cabinet.config.cabinet
    typer.echo(f"{cabinet.name_zh} · {cabinet.name_en}")
    for serial in sim.serial:
        typer.echo(f"  serial      {serial.link.absolute()}")
    if sim.tcp is not None:
        typer.echo(f"  {sim.tcp.speaks:<11} {sim.tcp.host}:{sim.tcp.port}")
    if (story := sim.cabinet.state().scenario) is not None:
        factor = sim.cabinet.config.cabinet.clock_factor
        typer.echo(f"  scenario    {story.name_zh} · {story.name_en} (x{factor:g})")
    typer.echo(f"  bench       {sim.bench.url}/")
    if sim.camera is not None:
        where = f"{sim.camera.url}, {SNAPSHOT}" if can_draw() else MISSING
        typer.echo(f"  camera      {where}")
    typer.echo(f"  witness     {sim.witness_file.path.parent.absolute() / WITNESS_FILE}")
