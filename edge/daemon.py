"""The station's own process: reads the settings, serves until SIGINT or SIGTERM.

`linli edge run` becomes this program by exec, so nothing of a command line stays in its memory.
"""

import argparse
import asyncio
import logging
import os
import signal
import sqlite3
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path

import aiohttp

from common.kit.chance import system_chance
from common.kit.clock import SystemClock
from common.kit.config import load_toml
from common.kit.disk import DiskLevel
from common.kit.errors import ConfigError, LinliError, UnavailableError, exit_code
from common.kit.failpoints import arm_kill
from common.kit.heart import Heart
from common.kit.identity import StationSecrets
from common.kit.log import setup_logging
from common.kit.memory import keep_small
from common.kit.sqlite import SqliteDb
from common.kit.systemd import Notifier
from common.kit.work import ThreadWork
from edge.access.pairing import SECRETS_FILE
from edge.app import HUB_KEEPALIVE_S, Edge, build_edge
from edge.climate import CalibrationDesk
from edge.config import StationConfig
from edge.data_folder import CA_FILE
from edge.hardware.build import Hardware
from edge.hardware.line import open_line
from edge.lease import LeasePorts, LeaseServer
from edge.out_of_service import DISK_KEYS, sorry
from edge.ports import EdgePorts
from edge.sync.link import OpenClient, over_http


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve; return the exit code. What is wrong with settings, secrets, folder or ports is one line on stderr."""
    options = _options(arguments)
    keep_small()
    setup_logging("json" if os.environ.get("LINLI_LOG") == "json" else "plain")
    if spec := os.environ.get("LINLI_FAILPOINT"):
        arm_kill(spec)
    os.umask(0o077)
    try:
        settings = load_toml(StationConfig, options.config, os.environ)
        asyncio.run(_serve(settings, options.data or settings.data))
    except LinliError as error:
        sys.stderr.write(f"linli edge: {error.detail}\n")
        return exit_code(error)
    _say("stopped")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="linli edge run", description="Serve one station.")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--data", type=Path)
    return parser.parse_args(arguments)


async def _serve(settings: StationConfig, data: Path) -> None:
    secrets = StationSecrets.load(data / SECRETS_FILE)
    if secrets.station_id != settings.station.id:
        raise ConfigError(
            "secrets.foreign",
            f"{data / SECRETS_FILE} belongs to station {secrets.station_id}, the settings say"
            f" {settings.station.id}",
        )
    work = ThreadWork("argon2")
    ports = EdgePorts(
        hub_client=_hub_client(settings, data, work),
        clock=SystemClock(),
        chance=system_chance(),
        work=work,
        open_db=SqliteDb,
        open_line=open_line,
        connector=lambda: aiohttp.TCPConnector(keepalive_timeout=HUB_KEEPALIVE_S),
        secrets=secrets,
    )
    notifier, heart = Notifier(os.environ), Heart()
    try:
        serving = _serving(ports, settings, data, notifier, heart)
        await _until_stopped(serving, notifier, heart)
    finally:
        work.close()


def _hub_client(settings: StationConfig, data: Path, work: ThreadWork) -> OpenClient:
    """Return how to reach the hub: by TLS with the pinned authority where one is pinned."""
    if not settings.hub.url.startswith("https:") or not (data / CA_FILE).exists():
        return over_http
    from edge.sync.secured import over_tls  # X.509 takes 3 MiB

    return over_tls(data, work)


async def _serving(
    ports: EdgePorts, settings: StationConfig, data: Path, notifier: Notifier, heart: Heart
) -> None:
    """Run the station; while its disk refuses, say so on the screens and try again: no crash loop."""
    while True:
        why: UnavailableError | None = None
        try:
            edge = build_edge(ports, settings, data)
            edge.stores.on_disk_level.append(_quieten)
            heart.watch(lambda db=edge.state_db: db.write(_nothing))  # type: ignore[misc]
            async with asyncio.TaskGroup() as group:
                group.create_task(edge.run(), name="station")
                group.create_task(_announce(edge, notifier), name="announce")
                group.create_task(_lend(edge, data), name="leases")
        except* UnavailableError as refused:
            error = _first(refused)
            if not isinstance(error, UnavailableError) or error.key not in DISK_KEYS:
                raise
            why = error
        if why is None:
            return
        heart.watch(None)
        notifier.ready("out of service")
        await sorry(settings.screen, data, why)


async def _lend(edge: Edge, data: Path) -> None:
    """Lend buses to `linli provision` on this computer, once the station serves."""
    await edge.ready.wait()
    assert isinstance(edge.hardware, Hardware)
    in_use = lambda: edge.pickup.session() is not None  # noqa: E731
    calibrating = CalibrationDesk(
        edge.climate.probes(),
        edge.climate.calibrations,
        edge.config,
        edge.state_db,
        edge.outbox,
        edge.clock,
        edge.ports.chance,
    )
    ports = LeasePorts(
        edge.config,
        edge.doors,
        edge.hardware,
        edge.peripherals,
        edge.peripherals.ports,
        in_use,
        edge.ports.work,
        calibrating,
    )
    await LeaseServer(ports, data).run()


def _nothing(_conn: sqlite3.Connection) -> None:
    """Be a transaction that changes nothing: it costs no write and shows that the writer works."""


def _quieten(level: DiskLevel) -> None:
    """Write errors only while the disk is short of room."""
    logging.disable(logging.NOTSET if level is DiskLevel.OK else logging.WARNING)


async def _until_stopped(
    serving: Coroutine[None, None, None], notifier: Notifier, heart: Heart
) -> None:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.TaskGroup() as group:
            jobs = (serving, heart.run(), notifier.run(heart.is_beating))
            tasks = [group.create_task(job, name="daemon") for job in jobs]
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, _stop, tasks, notifier)
    except BaseExceptionGroup as errors:
        expected = errors.subgroup(LinliError)
        if expected is None:
            raise
        raise _first(expected) from None


def _stop(tasks: list[asyncio.Task[None]], notifier: Notifier) -> None:
    notifier.stopping()
    for task in tasks:
        task.cancel()


async def _announce(edge: Edge, notifier: Notifier) -> None:
    await edge.ready.wait()
    notifier.ready("serving")
    _say(f"station {edge.config.station.id}")
    for name, face in zip(("kiosk ", "keeper"), edge.faces, strict=True):
        _say(f"  {name}  {face.url}/")
    for name, state in edge.hardware.bus_state.items():
        if not state.up:
            _say(f"  bus {name} is down: {state.detail}")


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    inner = errors.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
