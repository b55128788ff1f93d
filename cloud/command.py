"""What the commands of `linli hub` share: settings, store, secrets, rooms without a server."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cloud.config import HubConfig, HubSecrets, load_config
from common.kit.chance import system_chance
from common.kit.clock import SystemClock
from common.kit.errors import UnavailableError
from common.kit.folder import hold
from common.kit.sqldb import SqlDb
from common.kit.work import ThreadWork

if TYPE_CHECKING:  # imported where it is used: `linli --help` stays quick
    from cloud.app import HubPorts, Rooms

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="hub.toml; without it the defaults")
]
DataOption = Annotated[
    Path | None, typer.Option("--data", envvar="LINLI_DATA", help="folder of database and secrets")
]


def settings_of(config: Path | None, data: Path | None, port: int | None = None) -> HubConfig:
    """Return the hub's settings with what the command line says."""
    os.umask(0o077)  # the database holds names; nobody else on the machine needs to read it
    settings = load_config(config, os.environ)
    changes: dict[str, object] = {}
    if data is not None:
        changes["data"] = data
    if port is not None:
        changes["port"] = port
    return settings.model_copy(update={"hub": settings.hub.model_copy(update=changes)})


def open_store(settings: HubConfig, *, must_exist: bool = False) -> SqlDb:
    """Open the store; with `must_exist` an SQLite file is not made."""
    url = settings.database_url()
    if url.startswith("sqlite:///"):
        path = Path(url.removeprefix("sqlite:///"))
        if must_exist and not path.exists():
            raise UnavailableError("hub.no_database", f"{path} does not exist")
        path.parent.mkdir(parents=True, exist_ok=True)
    return SqlDb(url)


def alone(settings: HubConfig) -> AbstractContextManager[object]:
    """Keep a second hub from an SQLite file: it would know neither our nonces nor our news."""
    if not settings.database_url().startswith("sqlite:"):
        return nullcontext()
    return hold(settings.hub.data, "hub.lock", key="hub.in_use", who="hub")


def ports_of(settings: HubConfig) -> "HubPorts":
    """Return the real clock, chance and secrets; a first start makes the secrets."""
    from cloud.app import HubPorts

    settings.hub.data.mkdir(parents=True, exist_ok=True)
    chance = system_chance()
    secrets = HubSecrets.open(settings.secrets_path(), chance)
    return HubPorts(SystemClock(), chance, ThreadWork(), SqlDb, secrets)


def with_rooms(
    settings: HubConfig, work: "Callable[[Rooms, HubPorts], Coroutine[Any, Any, None]]"
) -> None:
    """Migrate and run `work` on the rooms, without a server."""
    from cloud.app import Rooms
    from cloud.migrations import upgrade_tx

    ports = ports_of(settings)
    db = open_store(settings)
    try:
        db.write_now(upgrade_tx)
        asyncio.run(work(Rooms(ports, settings, db), ports))
    finally:
        db.close()
        ports.work.close()
