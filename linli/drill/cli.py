"""`linli drill …`: exit 0 when nothing was violated, 1 when something was, 2 usage, 3 unavailable."""

import asyncio
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, TypeVar

import typer

T = TypeVar("T")
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def _drill() -> None:
    """Break things on purpose and count what was lost."""


@app.command()
def kill(
    seeds: Annotated[int, typer.Option(min=1, help="how many seeds, counted up from --seed")] = 1,
    seed: Annotated[
        int, typer.Option(help="first seed: passings and tempers are drawn from it")
    ] = 1,
    place: Annotated[
        list[str] | None, typer.Option(help="only this place, e.g. daemon/doors.pulse_sent")
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="three places a program in one journey")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="one JSON object on the last line")
    ] = False,
    port_base: Annotated[int, typer.Option(min=1024, max=60000, help="first port")] = 9100,
    keep: Annotated[
        Path | None,
        typer.Option(help="keep data and logs in this new folder, to look at a failure"),
    ] = None,
) -> None:
    """Kill -9 daemon and hub at named places of the journey; people go on; nothing may be lost or done twice."""
    from linli.drill.kill import Drill
    from linli.drill.places import MEDLEY, PLACES, chosen

    try:
        places = chosen(tuple(place or ())) or ((MEDLEY,) if fast else PLACES)
    except KeyError as error:
        known = "\n  ".join(one.title for one in PLACES)
        raise typer.BadParameter(f"no such place: {error}; there are\n  {known}") from error
    if keep is not None and keep.exists():
        raise typer.BadParameter(f"{keep} is there already")
    drill = Drill(places, range(seed, seed + seeds), port_base, typer.echo, keep)
    tally = asyncio.run(_until_stopped(drill.run()))
    replay = " --fast" if fast else "".join(f" --place {one}" for one in place or ())
    typer.echo(
        f"{tally.runs} runs, {len(tally.violations)} violations, seed {seed}; "
        f"again: linli drill kill --seed {seed} --seeds {seeds}{replay}"
    )
    if as_json:
        typer.echo(tally.as_json())
    raise typer.Exit(1 if tally.violations else 0)


@app.command()
def clock(
    seeds: Annotated[int, typer.Option(min=1, help="how many seeds, counted up from --seed")] = 5,
    seed: Annotated[int, typer.Option(help="first seed: lies and restarts are drawn from it")] = 1,
    as_json: Annotated[
        bool, typer.Option("--json", help="one JSON object on the last line")
    ] = False,
) -> None:
    """Let the clocks of hub and station jump by years in the simulated world; no code may end or come back by it."""
    from linli.drill.clock import ClockDrill

    tally = ClockDrill(range(seed, seed + seeds), typer.echo).run()
    typer.echo(
        f"{tally.runs} runs, {len(tally.violations)} violations; "
        f"again: linli drill clock --seed {seed} --seeds {seeds}"
    )
    if as_json:
        typer.echo(tally.as_json())
    raise typer.Exit(1 if tally.violations else 0)


async def _until_stopped(job: Coroutine[None, None, T]) -> T:
    """Run `job`; SIGTERM ends it in order, as Ctrl-C does, so that no program is left behind."""
    running = asyncio.current_task()
    assert running is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    return await job
