"""Drills on real programs and on lying clocks."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from linli.drill.commands.options import (
    Ablate,
    AsJson,
    Seeds,
    finish,
    known_safeguard,
    until_stopped,
)


def kill(
    seeds: Seeds = 1,
    seed: Annotated[
        int, typer.Option(help="first seed: passings and tempers are drawn from it")
    ] = 1,
    place: Annotated[
        list[str] | None, typer.Option(help="only this place, e.g. daemon/doors.pulse_sent")
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="three places a program in one journey")
    ] = False,
    as_json: AsJson = False,
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
    tally = asyncio.run(until_stopped(drill.run()))
    replay = " --fast" if fast else "".join(f" --place {one}" for one in place or ())
    typer.echo(
        f"{tally.runs} runs, {len(tally.violations)} violations, seed {seed}; "
        f"again: linli drill kill --seed {seed} --seeds {seeds}{replay}"
    )
    finish(tally, as_json=as_json)


def clock(
    seeds: Seeds = 5,
    seed: Annotated[int, typer.Option(help="first seed: lies and restarts are drawn from it")] = 1,
    ablate: Ablate = None,
    as_json: AsJson = False,
) -> None:
    """Let the clocks of hub and station jump by years in the simulated world; no code may end or come back by it."""
    from linli.drill.clock import ClockDrill
    from linli.drill.clock_ablation import CLOCK_ABLATIONS

    known_safeguard(ablate, CLOCK_ABLATIONS)
    drill = ClockDrill(range(seed, seed + seeds), typer.echo, ablate)
    tally = drill.run()
    typer.echo(
        f"{tally.runs} runs, {len(tally.violations)} violations; again: {drill.replay(seed, seeds)}"
    )
    finish(tally, as_json=as_json)
