"""`linli provision …`: bring a cabinet into service, in a plain terminal, in Chinese or English, or for a program.

Exit codes: 0 ok, 1 something is wrong at the cabinet, 2 usage or settings, 3 unavailable.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from common.kit.errors import ConflictError, LinliError, RefusedError, exit_code
from provisioning.job import Job, open_job

EXIT_WRONG = 1
EXIT_STOPPED = 130  # as a shell reports a program that Ctrl-C ended

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
DataOption = Annotated[
    Path,
    typer.Option("--data", envvar="LINLI_DATA", help="the station's data folder; provision.json"),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="one JSON object a line, questions too; answers on stdin")
]
LangOption = Annotated[str | None, typer.Option("--lang", help="zh or en; without it as LANG says")]
AnswersOption = Annotated[
    Path | None, typer.Option("--answers", help="file with one answer a line instead of a person")
]
DEFAULT_DATA = Path("data")


@app.callback()
def _provision() -> None:
    """Commission a cabinet: scan, learn, test, config; it can be interrupted at any time and goes on."""


def run(
    work: Callable[[Job], Coroutine[Any, Any, bool]],
    data: Path,
    as_json: bool,
    lang: str | None,
    answers: Path | None = None,
) -> None:
    """Carry out one step and leave with its exit code."""
    os.umask(0o077)

    async def main() -> bool:
        async with open_job(data, as_json=as_json, lang=lang, answers=answers) as job:
            return await work(job)

    try:
        fine = asyncio.run(main())
    except KeyboardInterrupt:
        typer.echo("\nstopped; what is known is kept", err=True)
        raise typer.Exit(EXIT_STOPPED) from None
    except LinliError as error:
        typer.echo(f"linli provision: {error.detail}", err=True)
        wrong = isinstance(error, RefusedError | ConflictError)
        raise typer.Exit(EXIT_WRONG if wrong else exit_code(error)) from error
    raise typer.Exit(0 if fine else EXIT_WRONG)


@app.command()
def scan(
    port: Annotated[
        list[str] | None,
        typer.Option(help="a serial port or tcp://host:port; without it every serial port"),
    ] = None,
    baud: Annotated[
        list[int] | None, typer.Option(help="speeds to try; without it those of the factories")
    ] = None,
    units: Annotated[
        str | None, typer.Option(help="addresses to ask, e.g. 1-40; without it all")
    ] = None,
    look_ms: Annotated[
        int, typer.Option(min=30, max=2000, help="how long to wait for each address")
    ] = 80,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Look what hangs on the lines: reads only, nothing moves. Writes provision.json, prints a table."""
    from provisioning.scanning import scan_step, wanted

    what = wanted(port or [], baud or [], units, look_ms / 1000)
    run(lambda job: scan_step(job, what), data, as_json, lang)


@app.command()
def learn(
    cabinet: Annotated[
        Path | None,
        typer.Option(
            help="the maker's drawing: a layout.toml or a cabinet file (its boards are not looked at)"
        ),
    ] = None,
    pulse_ms: Annotated[
        int, typer.Option(min=100, max=1000, help="current through a coil, as its sheet says")
    ] = 400,
    again: Annotated[
        bool, typer.Option("--again", help="try channels once more behind which nothing was found")
    ] = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="begin anew: what was learnt is thrown away")
    ] = False,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
    lang: LangOption = None,
    answers: AnswersOption = None,
) -> None:
    """Door by door: pulse, say which opened, shut it by hand. Goes on where it was left."""
    from provisioning.learning import learn_step

    run(
        lambda job: learn_step(job, cabinet, pulse_ms=pulse_ms, again=again, forget=forget),
        data,
        as_json,
        lang,
        answers,
    )


@app.command()
def config(
    out: Annotated[Path, typer.Option(help="the station.toml to write")] = Path("station.toml"),
    base: Annotated[
        Path | None,
        typer.Option(help="settings to keep besides the wiring; without it those of --out"),
    ] = None,
    station_id: Annotated[
        str | None, typer.Option(help="the station's id at the hub; a paired folder knows it")
    ] = None,
    hub: Annotated[str | None, typer.Option(help="the hub's address")] = None,
    also: Annotated[
        list[str] | None, typer.Option("--set", help="one more setting: section.key=value")
    ] = None,
    diff: Annotated[bool, typer.Option("--diff", help="only say what would change")] = False,
    check: Annotated[bool, typer.Option("--check", help="only check the file at --out")] = False,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Write, compare or check station.toml from what was learnt; the old one is kept."""
    from provisioning.configuring import Choices, config_step

    choices = Choices(out, base, station_id, hub, also or (), diff, check)
    run(lambda job: config_step(job, choices), data, as_json, lang)


@app.command("test")
def try_doors(
    door: Annotated[
        list[str] | None,
        typer.Option(help="a door to try; without it all that did not do well yet"),
    ] = None,
    cycles: Annotated[int, typer.Option(min=1, max=20, help="how often each door opens")] = 3,
    technician: Annotated[str, typer.Option(help="your name, for the report")] = "",
    again: Annotated[
        bool, typer.Option("--again", help="try doors that did well before, too")
    ] = False,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
    lang: LangOption = None,
    answers: AnswersOption = None,
) -> None:
    """Open and shut every door n times, read every probe; within the duty of each coil."""
    from provisioning.cycling import try_step

    chosen = [label.upper() for label in door or ()]
    run(
        lambda job: try_step(job, cycles=cycles, technician=technician, labels=chosen, again=again),
        data,
        as_json,
        lang,
        answers,
    )


@app.command()
def report(
    out: Annotated[Path, typer.Option(help="where to write the report")] = Path("report.html"),
    verify: Annotated[
        Path | None,
        typer.Option(help="instead: say who signed this report, and whether it was changed"),
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="with --verify: the public key it must be signed with")
    ] = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Write the commissioning report, signed with the station's key; or --verify one."""
    from provisioning.report import report_step, verify_step

    run(
        lambda job: report_step(job, out) if verify is None else verify_step(job, verify, key),
        data,
        as_json,
        lang,
    )


@app.command()
def identify(
    door: Annotated[str | None, typer.Option(help="a door that was learnt")] = None,
    board: Annotated[str | None, typer.Option(help="or a board as scan printed it: bus0/1")] = None,
    channel: Annotated[int, typer.Option(min=0, max=63, help="with --board: which channel")] = 0,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Let a board show where it hangs by its light (WKLY); no lock is moved for it."""
    from provisioning.identify import identify_step

    run(lambda job: identify_step(job, door, board, channel), data, as_json, lang)


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
