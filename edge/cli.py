"""`linli edge …`: run the station daemon, check a station before it opens, pair it with its hub.

Exit codes: 0 ok, 1 something is wrong, 2 usage or configuration, 3 unavailable.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from common.kit.errors import InvalidError, LinliError, RefusedError, exit_code

if TYPE_CHECKING:  # imported where it is used: `linli --help` stays quick
    from edge.config import StationConfig

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
    # The same process becomes the daemon and this command line leaves its memory. -P: nothing is imported
    # from the folder it happens to start in.
    words = [sys.executable, "-P", "-m", "edge.daemon", "--config", str(config)]
    if data is not None:
        words += ["--data", str(data)]
    os.execv(sys.executable, words)


@app.command()
def check(
    config: ConfigOption,
    data: DataOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="one JSON object a finding, with a key that lasts")
    ] = False,
    lang: Annotated[
        str | None, typer.Option("--lang", help="zh or en; without it as LANG says")
    ] = None,
) -> None:
    """Look at settings, folder, secrets, ports and boards; one line a finding, with what to do. Moves nothing."""
    from common.kit.clock import SystemClock
    from common.ui.terminal import texts_of
    from edge.check import Level, check_station

    texts = texts_of(lang, os.environ)
    with _Exits(texts.say):
        settings = _settings(config)
        findings = asyncio.run(check_station(settings, _folder(settings, data), SystemClock()))
        for finding in findings:
            if as_json:
                typer.echo(json.dumps(finding.record, ensure_ascii=False))
            else:
                typer.echo(f"{texts.say(finding.level.value):<5} {texts.say(finding.text)}")
        worst = max((finding.level.exit_code for finding in findings), default=0)
        if not as_json and all(finding.level is Level.OK for finding in findings):
            typer.echo(texts.gettext("the station is ready: linli edge run"))
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


HubOption = Annotated[
    str, typer.Option("--hub", help="the hub's port for stations, e.g. https://hub.example.cn:8801")
]


@app.command()
def enrol(
    data: Annotated[
        Path, typer.Option(envvar="LINLI_DATA", help="folder of databases and secrets")
    ],
    hub: HubOption,
    token: Annotated[str, typer.Option(help="what `linli hub invite` printed; good once")],
) -> None:
    """Pair this station over the network: compares the hub's fingerprint first, then makes key and certificate."""
    from common.kit.chance import system_chance
    from edge.access import enrolment

    with _Exits():
        os.umask(0o077)
        secrets = enrolment.enrol(
            data, hub.rstrip("/"), enrolment.Token.read(token), system_chance()
        )
        typer.echo(f"station {secrets.station_id} is paired; set hub.url to {hub}")


@app.command()
def trust(
    data: Annotated[
        Path, typer.Option(envvar="LINLI_DATA", help="folder of databases and secrets")
    ],
    hub: HubOption,
    sha256: Annotated[str, typer.Option(help="what `linli hub ca --fingerprint` printed")],
) -> None:
    """Pin the hub's authority at a station that is paired already; from then on it believes no other."""
    from edge.access import enrolment

    with _Exits():
        os.umask(0o077)
        enrolment.trust(data, hub.rstrip("/"), sha256)
        typer.echo(f"pinned; set hub.url to {hub} and start the station anew")


@app.command()
def maintain(
    config: ConfigOption,
    certificate: Annotated[
        str, typer.Argument(help="the certificate's text, or - to read it from standard input")
    ],
    door: Annotated[str | None, typer.Option(help="the door to open; without it: look")] = None,
    reason: Annotated[str, typer.Option(help="why; the hub hears it with your name")] = "",
    occupied: Annotated[
        bool, typer.Option("--occupied", help="open it though something lies behind it")
    ] = False,
) -> None:
    """Open a door with a technician's certificate, at the daemon that runs on this computer; works offline."""
    from edge.screen.technician_client import ask

    with _Exits():
        text = sys.stdin.read().strip() if certificate == "-" else certificate
        fields = {"certificate": text, "door": door or "", "reason": reason}
        port = _settings(config).screen.kiosk_port
        said = ask(port, fields | ({"occupied": "yes"} if occupied else {}))
        typer.echo(f"{said['technician']}, until {said['until']}")
        for one in said["doors"]:
            stands = {True: "open", False: "shut", None: "unknown"}[one["open"]]
            typer.echo(
                f"{one['label']:<6} {'occupied' if one['occupied'] else 'empty':<9} {stands}"
            )
        if said["open_request_id"]:
            typer.echo(f"door {door} is opening")


@app.command("forget-time")
def forget_time(
    data: Annotated[
        Path, typer.Option(envvar="LINLI_DATA", help="folder of databases and secrets")
    ],
) -> None:
    """Let a stopped station believe the next time its hub says, whatever it is; look at a watch first."""
    from common.kit.sqlite import SqliteDb
    from common.kit.trusted_time import forget_tx
    from edge.data_folder import lock

    with _Exits(), lock(data):
        if not (data / "state.db").exists():
            raise InvalidError("edge.no_data", f"{data} is not a station's folder")
        db = SqliteDb(data / "state.db", inline=True)
        known = db.write_now(forget_tx)
        db.close()
    typer.echo("forgotten: no code opens until the hub is heard" if known else "no time was kept")


def _settings(path: Path) -> "StationConfig":
    from common.kit.config import load_toml
    from edge.config import StationConfig

    return load_toml(StationConfig, path, os.environ)


def _folder(settings: "StationConfig", data: Path | None) -> Path:
    return data if data is not None else settings.data


class _Exits:
    """Turns an expected error into one line and its exit code."""

    def __init__(self, say: Callable[[str], str] = str) -> None:
        """`say` puts it into the terminal's language."""
        self._say = say

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Say what is wrong and leave."""
        if isinstance(error, RefusedError):
            typer.echo(f"linli edge: {self._say(error.detail)}", err=True)
            raise typer.Exit(1) from error
        if isinstance(error, LinliError):
            typer.echo(f"linli edge: {self._say(error.detail)}", err=True)
            raise typer.Exit(exit_code(error)) from error
