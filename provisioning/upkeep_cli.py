"""The sub-commands for a cabinet that is in service: lights, addresses, swaps, copies, and what is wrong."""

from pathlib import Path
from typing import Annotated

import typer

from provisioning.running import (
    DEFAULT_DATA,
    AnswersOption,
    DataOption,
    JsonOption,
    LangOption,
    run,
)

app = typer.Typer(add_completion=False, rich_markup_mode=None)
"""Not a program of its own: `provisioning/cli.py` takes its commands over."""


@app.command()
def identify(
    door: Annotated[str | None, typer.Option(help="a door that was learnt")] = None,
    board: Annotated[str | None, typer.Option(help="or a board as scan printed it: bus0/1")] = None,
    channel: Annotated[int, typer.Option(min=0, max=63, help="with --board: which channel")] = 0,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
    lang: LangOption = None,
    answers: AnswersOption = None,
) -> None:
    """Which board is this? By its light (WKLY), else by a contact that you move; no lock is moved for it."""
    from provisioning.identify import identify_step

    run(lambda job: identify_step(job, door, board, channel), data, as_json, lang, answers)


@app.command()
def address(
    port: Annotated[str, typer.Option(help="the serial port")],
    kind: Annotated[
        str,
        typer.Option(help="waveshare_8ch_d, waveshare_16ch, waveshare_32ch, xy_md02 or r4dcb08"),
    ],
    to: Annotated[int, typer.Option(help="the new address")],
    baud: Annotated[int, typer.Option(help="speed of the line")] = 9600,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
    lang: LangOption = None,
    answers: AnswersOption = None,
) -> None:
    """Give the one board that hangs alone on a line another address, and read it back."""
    from provisioning.address import address_step
    from provisioning.scanning import whole

    run(lambda job: address_step(job, whole(port), baud, kind, to), data, as_json, lang, answers)


@app.command()
def doctor(
    config: Annotated[Path | None, typer.Option("--config", help="station.toml")] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="pack everything but secrets into this .tar.gz")
    ] = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Say what is wrong with computer, ports, settings and boards, and what to do; moves nothing."""
    from provisioning.doctor import doctor_step

    run(lambda job: doctor_step(job, config, bundle), data, as_json, lang)


@app.command()
def enrol(
    hub: Annotated[str, typer.Option(help="the hub's port for stations: https://…")],
    token: Annotated[str, typer.Option(help="what `linli hub invite` printed; good once")],
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Pair this station with its hub: the key is made here and never leaves; as `linli edge enrol`."""
    from provisioning.enrolling import enrol_step

    run(lambda job: enrol_step(job, hub.rstrip("/"), token), data, as_json, lang)


@app.command()
def calibrate(
    probe: Annotated[
        str | None, typer.Option(help="which probe, as the list names it: bus0/4")
    ] = None,
    reference_c: Annotated[
        float | None, typer.Option(help="what the reference shows; 0.0 in ice water")
    ] = None,
    instrument: Annotated[
        str | None, typer.Option(help="the reference: name and serial number, or ice water")
    ] = None,
    certificate_until: Annotated[
        str | None, typer.Option(help="last day of its certificate: 2027-03-31")
    ] = None,
    by: Annotated[str | None, typer.Option(help="your name")] = None,
    withdraw: Annotated[
        str | None, typer.Option(help="instead: withdraw the probe's offset, for this reason")
    ] = None,
    only_list: Annotated[
        bool, typer.Option("--list", help="only list probes, their offsets and when they are due")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask whether to write")] = False,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
    lang: LangOption = None,
    answers: AnswersOption = None,
) -> None:
    """Hold a probe beside a reference: the station waits until it is still, then keeps and applies its offset."""
    from provisioning.calibrate import Wish, calibrate_step

    wish = Wish(probe, reference_c, instrument, certificate_until, by, withdraw, only_list, yes)
    run(lambda job: calibrate_step(job, wish), data, as_json, lang, answers)


@app.command()
def backup(
    out: Annotated[Path, typer.Option(help="where to write it; it holds the station's key")],
    config: Annotated[
        Path | None, typer.Option("--config", help="station.toml, to be in it too")
    ] = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Write what a machine that takes this one's place needs; the daemon may run."""
    from provisioning.backup import backup_step

    run(lambda job: backup_step(job, out, config), data, as_json, lang)


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="the file that `backup` wrote")],
    config: Annotated[
        Path | None, typer.Option("--config", help="where to put its station.toml")
    ] = None,
    station: Annotated[
        str | None, typer.Option(help="refuse a backup of any other station than this id")
    ] = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Bring a backup into the empty data folder of a new machine."""
    from provisioning.backup import restore_step

    run(lambda job: restore_step(job, source, config, station), data, as_json, lang)


@app.command()
def replace(
    board: Annotated[
        str, typer.Argument(help="the board that was swapped, as scan printed it: bus0/1")
    ],
    new_unit: Annotated[
        int | None, typer.Option(help="its address, if it is not the old one's")
    ] = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """A board was swapped: see that the new one is of its kind; its doors keep their places and are tried again."""
    from provisioning.replace import replace_step

    run(lambda job: replace_step(job, board, new_unit), data, as_json, lang)
