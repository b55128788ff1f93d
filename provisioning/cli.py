"""`linli provision …`: bring a cabinet into service, in a plain terminal, in Chinese or English, or for a program.

Exit codes: 0 ok, 1 something is wrong at the cabinet, 2 usage or settings, 3 unavailable.
"""

from pathlib import Path
from typing import Annotated

import typer

from provisioning import upkeep_cli
from provisioning.job import Job
from provisioning.parts import Part
from provisioning.running import (
    DEFAULT_DATA,
    AnswersOption,
    BenchOption,
    DataOption,
    JsonOption,
    LangOption,
    run,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def _provision() -> None:
    """Commission a cabinet: scan, learn, test, config; it can be interrupted at any time and goes on."""


@app.command()
def scan(
    port: Annotated[
        list[str] | None,
        typer.Option(help="a serial port or tcp://host:port; without it every serial port"),
    ] = None,
    baud: Annotated[
        list[int] | None,
        typer.Option(min=300, max=921_600, help="speeds to try; without it those of the factories"),
    ] = None,
    units: Annotated[
        str | None, typer.Option(help="addresses to ask, e.g. 1-40; without it all")
    ] = None,
    look_ms: Annotated[
        int, typer.Option(min=30, max=2000, help="how long to wait for each address")
    ] = 80,
    at: Annotated[
        str | None,
        typer.Option("--as", help="the line of the record that is at this --port now, e.g. bus0"),
    ] = None,
    forget: Annotated[
        list[str] | None,
        typer.Option(help="a line that is gone, with all that was learnt on it, e.g. bus1"),
    ] = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Look what hangs on the lines: reads only, nothing moves. Writes provision.json, prints a table."""
    from provisioning.scanning import Told, scan_step, wanted

    told = Told(at, tuple(forget or ()))

    async def work(job: Job) -> bool:
        what = wanted(port or [], baud or [], units, look_ms / 1000)
        return await scan_step(job, what, told)

    run(work, data, as_json, lang)


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
    door: Annotated[
        list[str] | None,
        typer.Option(help="a door to learn anew, because it was answered wrongly"),
    ] = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
    lang: LangOption = None,
    answers: AnswersOption = None,
    bench: BenchOption = None,
) -> None:
    """Door by door: pulse, say which opened, shut it by hand. Goes on where it was left."""
    from provisioning.learning import learn_step

    anew = [label.upper() for label in door or ()]
    run(
        lambda job: learn_step(
            job, cabinet, pulse_ms=pulse_ms, again=again, forget=forget, anew=anew
        ),
        data,
        as_json,
        lang,
        answers,
        bench,
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
    again: Annotated[bool, typer.Option("--again", help="try what did well before, too")] = False,
    part: Annotated[
        list[Part] | None, typer.Option(help="only this; without it everything that is there")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            help="station.toml: also try its scale, printer, scanner, card reader and camera",
        ),
    ] = None,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
    lang: LangOption = None,
    answers: AnswersOption = None,
    bench: BenchOption = None,
) -> None:
    """Open and shut every door n times, read every probe, use every device once; within the duty of each coil."""
    from provisioning.cycling import try_step

    chosen = [label.upper() for label in door or ()]
    run(
        lambda job: try_step(
            job,
            cycles=cycles,
            technician=technician,
            labels=chosen,
            again=again,
            config=config,
            parts=part or (),
        ),
        data,
        as_json,
        lang,
        answers,
        bench,
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


app.registered_commands += upkeep_cli.app.registered_commands
