"""`linli hub pair|invite|ca`: how a station comes to know its hub, and its hub it."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cloud.command import ConfigOption, DataOption, ports_of, settings_of, with_rooms
from common.kit.errors import ConfigError, UnavailableError

if TYPE_CHECKING:  # imported where it is used: `linli --help` stays quick
    from cloud.app import HubPorts, Rooms
    from cloud.stations.service import Pairing
    from common.kit.certificates import Authority

app = typer.Typer()
MINUTES = 15


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

    settings = settings_of(config, data)

    async def work(rooms: "Rooms", ports: "HubPorts") -> None:
        pairing = await rooms.stations.pair(station_id, key)
        _write_pairing(out, pairing, _authority(ports).pem if settings.gateway.tls else None)
        typer.echo(f"{out}: carry it to the station, `linli edge init --accept`, then delete it")

    with_rooms(settings, work)


@app.command()
def invite(
    station_id: Annotated[str, typer.Option(help="the station's id")],
    minutes: Annotated[int, typer.Option(min=1, max=60, help="how long it is good")] = MINUTES,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Print a token with which one device pairs itself over the network, once: linli edge enrol."""
    settings = settings_of(config, data)
    if not settings.gateway.tls:
        said = "[gateway] tls is off: a device is paired over the network by TLS only (or use `hub pair`)"
        raise ConfigError("hub.no_tls", said)

    async def work(rooms: "Rooms", ports: "HubPorts") -> None:
        made = await rooms.stations.enrolment.invite(station_id, minutes)
        typer.echo(f"{station_id}.{made.secret}.{_authority(ports).fingerprint}")

    with_rooms(settings, work)


@app.command()
def ca(
    fingerprint: Annotated[
        bool, typer.Option("--fingerprint", help="print its SHA-256 alone")
    ] = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Print the certificate of the hub's authority (PEM); stations that pinned it believe this hub alone."""
    settings = settings_of(config, data)
    if not settings.secrets_path().exists():
        said = f"{settings.secrets_path()} does not exist: the first `linli hub serve` makes it"
        raise UnavailableError("hub.no_secrets", said)
    authority = _authority(ports_of(settings))
    typer.echo(authority.fingerprint if fingerprint else authority.pem, nl=fingerprint)


def _authority(ports: "HubPorts") -> "Authority":
    from cloud.sync import hub_authority

    return hub_authority(ports.secrets)


def _write_pairing(path: Path, pairing: "Pairing", authority: str | None) -> None:
    record = {
        "station_id": pairing.station_id,
        "pepper": pairing.pepper.hex(),
        "code_salt": pairing.code_salt.hex(),
        "hub_command_key": pairing.hub_command_key.hex(),
    }
    if authority is not None:
        record["hub_ca"] = authority
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        json.dump(record, out)
    path.chmod(0o600)  # the file may have been there before
