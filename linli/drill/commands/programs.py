"""Drills on real programs and on lying clocks."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from linli.drill.commands.options import (
    Ablate,
    AsJson,
    Seeds,
    Trace,
    finish,
    known_safeguard,
    leave,
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
    forked: Annotated[
        bool,
        typer.Option("--forked", help="thousands of short runs: programs forked, every failpoint"),
    ] = False,
    scene: Annotated[
        list[str] | None, typer.Option(help="with --forked: only this scene, e.g. pickup")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="with --forked: processes; as many as there are CPUs")
    ] = None,
    ablate: Ablate = None,
    trace: Trace = False,
    as_json: AsJson = False,
    port_base: Annotated[int, typer.Option(min=1024, max=60000, help="first port")] = 9100,
    keep: Annotated[
        Path | None,
        typer.Option(help="keep data and logs in this new folder, to look at a failure"),
    ] = None,
) -> None:
    """Kill -9 daemon and hub at named places of the journey; people go on; nothing may be lost or done twice."""
    if forked:
        only = (tuple(place or ()), tuple(scene or ()))
        _forked(range(seed, seed + seeds), only, jobs, ablate, trace=trace, as_json=as_json)
    if ablate or trace or jobs or scene:
        raise typer.BadParameter("--ablate, --trace, --scene and --jobs belong to --forked")
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


def _forked(
    seeds: range,
    only: tuple[tuple[str, ...], tuple[str, ...]],
    jobs: int | None,
    ablate: str | None,
    *,
    trace: bool,
    as_json: bool,
) -> NoReturn:
    """Run the short runs and leave with their exit code."""
    from linli.drill.forked.ablation import ABLATIONS
    from linli.drill.forked.campaign import Campaign, figures
    from linli.drill.forked.places import PLACES
    from linli.drill.forked.survey import SCENES

    known_safeguard(ablate, ABLATIONS)
    places, named = only
    _all_known(places, PLACES)
    _all_known(named, tuple(one.name for one in SCENES))
    scenes = tuple(one for one in SCENES if one.name in named) or SCENES
    signal.signal(signal.SIGTERM, leave)
    campaign = Campaign(
        seeds, jobs or os.cpu_count() or 1, typer.echo, places or PLACES, scenes, ablate, trace
    )
    tally = campaign.run()
    typer.echo(figures(tally.deaths))
    typer.echo(
        f"{tally.runs} runs, {tally.kills} kills at {len(tally.deaths)} places, "
        f"{len(tally.violations)} violations, seed {seeds.start}; "
        f"again: {campaign.replay(seeds.start, len(seeds))}"
    )
    finish(tally, as_json=as_json)


def _all_known(names: tuple[str, ...], known: tuple[str, ...]) -> None:
    if unknown := sorted(set(names) - set(known)):
        there_are = "\n  ".join(known)
        raise typer.BadParameter(f"there is no {unknown[0]!r}; there are\n  {there_are}")


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
