"""`linli demo`: the whole house on this machine, with addresses and log-ins; `--check` proves the journey."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import aiohttp
import typer

from cloud.access.seeded import SeedAccess
from common.kit.errors import ConfigError, LinliError
from common.kit.folder import hold
from device_sim.camera_drawing import MISSING, can_draw
from device_sim.camera_server import STREAM
from device_sim.config import CabinetConfig
from device_sim.config import load as load_cabinet
from linli.demo.check import Check, CheckError, say
from linli.demo.parcels import ToTry, parcels_to_try
from linli.demo.ports import DEFAULT_BASE, Ports
from linli.demo.prepare import Site, prepare, require_station
from linli.demo.stage import Stage
from linli.journey.story import Cast

_DEFAULT_CABINET = Path(__file__).parents[2] / "cabinets" / "yangguangli-3.toml"
EXIT_VIOLATED = 1
EXIT_STOPPED = 130  # as a shell reports a program that Ctrl-C ended
_MARKER = "linli-demo"

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def demo(
    check: Annotated[
        bool, typer.Option("--check", help="walk one whole journey by itself and exit")
    ] = False,
    cabinet: Annotated[Path, typer.Option(help="cabinet file of the simulator")] = _DEFAULT_CABINET,
    station: Annotated[
        Path | None,
        typer.Option(help="station.toml to use; without it one is made from the cabinet"),
    ] = None,
    data: Annotated[Path, typer.Option(envvar="LINLI_DATA", help="folder of all data")] = Path(
        ".demo"
    ),
    fresh: Annotated[bool, typer.Option("--fresh", help="start with empty data")] = False,
    port_base: Annotated[
        int, typer.Option(min=1024, max=60000, help="first port; the others follow")
    ] = DEFAULT_BASE,
    tls: Annotated[
        bool, typer.Option("--tls", help="station and hub speak TLS with the hub's own authority")
    ] = False,
) -> None:
    """Hub, simulated cabinet, station daemon and pages on this machine."""
    ports = Ports.from_base(port_base)
    ports.require_free(*(["gateway"] if tls else []))
    if fresh:
        forget(data)
    root = data.resolve()
    site = Site(root, ports, cabinet.resolve(), (station or root / "station.toml").resolve(), tls)
    try:
        asyncio.run(_demo(site, check=check, own_station_file=station is not None))
    except* LinliError as group:
        found = _first(group)
        if isinstance(found, CheckError):
            typer.echo(f"linli demo: {found.detail}", err=True)
            raise typer.Exit(EXIT_VIOLATED) from None
        raise found from None


def _first(group: BaseExceptionGroup[LinliError]) -> LinliError:
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    assert isinstance(found, LinliError)
    return found


def forget(data: Path) -> None:
    """Remove the data of an earlier demo, and nothing else."""
    if not data.exists():
        return
    if not (data / _MARKER).exists():
        raise ConfigError(
            "demo.not_ours", f"{data} holds no demo data: `--fresh` will not delete it"
        )
    _hold(data).close()  # not under a demo that runs, nor under programs that outlived one
    for folder, lock in (("hub", "hub.lock"), ("sim", "sim.lock"), ("station", "daemon.lock")):
        if (data / folder).exists():
            hold(data / folder, lock, key="demo.running", who="program of a demo").close()
    shutil.rmtree(data)


def _hold(root: Path) -> BinaryIO:
    return hold(root, _MARKER, key="demo.running", who="`linli demo`")


async def _demo(site: Site, *, check: bool, own_station_file: bool) -> None:
    cabinet = load_cabinet(site.cabinet_file, os.environ)
    if cabinet.camera is not None:
        site.ports.require_free("camera")
    held = _hold(site.root)
    stage = Stage(site)
    _stop_on_signals()
    try:
        access = await prepare(site, cabinet, own_station_file=own_station_file)
        require_station(site, access.station_id)
        await stage.start()
        if check:
            await _check(stage, access)
        else:
            async with _people(stage, access) as cast:
                parcels = await parcels_to_try(stage, cast, access)
            _greet(stage, cabinet, access, parcels)
            await _first_to_end(stage)
    except asyncio.CancelledError:
        typer.echo("\nstopping …")
        if check:
            raise typer.Exit(EXIT_STOPPED) from None
    finally:
        await stage.stop()
        held.close()


def _stop_on_signals() -> None:
    """Let Ctrl-C and SIGTERM cancel this task once, wherever it stands; the way out is not cut short again."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    waiting = iter([task.cancel])

    def stop() -> None:
        for cancel in waiting:
            cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)


async def _check(stage: Stage, access: SeedAccess) -> None:
    async with _people(stage, access) as cast:
        await Check(stage, cast, say).run()


@asynccontextmanager
async def _people(stage: Stage, access: SeedAccess) -> AsyncIterator[Cast]:
    jar = aiohttp.CookieJar(unsafe=True)  # cookies of an IP address
    async with aiohttp.ClientSession() as session, aiohttp.ClientSession(cookie_jar=jar) as tablet:
        yield await stage.cast(session, tablet, access)


async def _first_to_end(stage: Stage) -> None:
    """Wait for a program that ends by itself, and say which."""
    waits = {asyncio.create_task(program.wait(), name=program.name) for program in stage.programs()}
    try:
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waits:
            task.cancel()
    names = " and ".join(sorted(task.get_name() for task in done))
    raise LinliError("demo.ended", f"{names} ended by itself; see its log in {stage.site.root}")


def _greet(
    stage: Stage, cabinet: CabinetConfig, access: SeedAccess, parcels: tuple[ToTry, ...]
) -> None:
    """Say where everything is and who can log in."""
    lines = [
        "",
        "Linli 邻里 is running. Ctrl-C stops it.",
        "",
        f"  hub, operator pages   {stage.hub_url}/",
        f"  kiosk (resident)      {stage.kiosk_url}/",
        f"  keeper's tablet       {stage.keeper_url}/",
        f"  the cabinet itself    {stage.bench_url}/     push the doors shut here",
        f"  Modbus TCP            127.0.0.1:{stage.site.ports.modbus}",
        *_camera_line(stage.site.ports, cabinet),
        "",
        "  who can get in:",
        *(f"    {one['role']:<10} {one['login']} / {one['password']}" for one in access.staff),
        *(f"    keeper     {one['name']}: PIN {one['pin']}" for one in access.keepers),
        *(f"    resident   {one['name']}: API token {one['token']}" for one in access.residents),
        "",
        "  try it: sign in on the tablet, scan (type) a label, push the door shut in the cabinet, then type the code:",
        *(_parcel_line(one) for one in parcels),
        "",
        f"  data and logs in {stage.site.root}; the same list in hub/demo-access.json",
    ]
    typer.echo("\n".join(lines))


def _camera_line(ports: Ports, cabinet: CabinetConfig) -> Iterator[str]:
    if cabinet.camera is not None:
        where = f"http://127.0.0.1:{ports.camera}{STREAM}" if can_draw() else MISSING
        yield f"  its camera            {where}"


def _parcel_line(one: ToTry) -> str:
    code = f"{one.code[:4]} {one.code[4:]}"
    return f"    {one.person}: label {', '.join(one.labels)}  code {code}  page {one.order_page}"
