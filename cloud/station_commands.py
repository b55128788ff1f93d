"""`linli hub pair|ca`: how a station comes to know its hub, and its hub it."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cloud.command import ConfigOption, DataOption, settings_of, with_rooms

if TYPE_CHECKING:  # imported where it is used: `linli --help` stays quick
    from cloud.app import HubPorts, Rooms
    from cloud.stations.service import Pairing

app = typer.Typer()


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

    with_rooms(settings_of(config, data), work)


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
