"""Drills that live days and weeks of people, of the line and of both programs."""

import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from linli.drill.commands.options import (
    Ablate,
    AsJson,
    Seeds,
    Times,
    finish,
    known_safeguard,
    leave,
)
from linli.world.weeks import Week

OfHub = Annotated[
    int, typer.Option(min=1, max=2, help="1: a model of the hub in memory; 2: the hub's own rooms")
]


def pickups(
    seeds: Seeds = 10,
    seed: Annotated[int, typer.Option(help="first seed: people, faults and schedule")] = 1,
    days: Annotated[int, typer.Option(min=1, max=31, help="virtual days before all heals")] = 7,
    week: Annotated[
        Week, typer.Option(help="6 to 11 orders a day, 0 to 2, or the cable cut throughout")
    ] = Week.BUSY,
    level: Annotated[
        int,
        typer.Option(min=1, max=2, help="1: a model of the hub in memory; 2: the hub's own rooms"),
    ] = 1,
    times: Times = 1,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="processes; as many as there are CPUs")
    ] = None,
    ablate: Ablate = None,
    as_json: AsJson = False,
) -> None:
    """Live virtual weeks of one station with everything failing; an oracle knows what was promised."""
    from linli.drill.pickups import Pickups
    from linli.world.ablation import ABLATIONS
    from linli.world.scenario import Level

    known_safeguard(ablate, ABLATIONS)
    signal.signal(signal.SIGTERM, leave)
    work = range(seed, seed + seeds)
    jobs = jobs or os.cpu_count() or 1
    drill = Pickups(work, days, jobs, ablate, typer.echo, week, Level(level), times)
    tally = drill.run()
    again = f"{drill.replay(seed)} --seeds {seeds}"
    typer.echo(f"{tally.runs} runs, {tally.violations} violations, seed {seed}; again: {again}")
    finish(tally, as_json=as_json)


def sync(
    seeds: Seeds = 5,
    seed: Annotated[int, typer.Option(help="first seed: what is told and what breaks")] = 1,
    times: Times = 1,
    ablate: Ablate = None,
    trace: Annotated[
        bool, typer.Option("--trace", help="print the last entries, also of good seeds")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Break the line, both programs and both databases; then every fact has arrived once and every row agrees."""
    from linli.drill.sync import SyncDrill, replay
    from linli.world.level2.ablation import SYNC_ABLATIONS

    known_safeguard(ablate, SYNC_ABLATIONS)
    signal.signal(signal.SIGTERM, leave)
    tally = SyncDrill(range(seed, seed + seeds), times, ablate, trace, typer.echo).run()
    again = f"{replay(seed, ablate).replace('--seeds 1', f'--seeds {seeds}')}"
    typer.echo(f"{tally.runs} runs, {tally.violations} violations, seed {seed}; again: {again}")
    finish(tally, as_json=as_json)


def ablations(
    seeds: Annotated[int, typer.Option(min=1, help="most seeds a safeguard is given")] = 200,
    seed: Annotated[int, typer.Option(help="first seed")] = 1,
    days: Annotated[int, typer.Option(min=1, max=28, help="virtual days of drill pickups")] = 1,
    only: Annotated[list[str] | None, typer.Option(help="only this safeguard")] = None,
    drill: Annotated[
        list[str] | None,
        typer.Option(help="only those of pickups, sync, clock, clone or hub-restore"),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="processes of drill pickups")] = 1,
    into: Annotated[
        Path | None, typer.Option(help="keep the table here; rows that are there stay as they are")
    ] = None,
) -> None:
    """Switch each safeguard of five drills off in turn and print which seed notices, as a table."""
    from linli.drill.ablations import switches, table

    every = list(switches(days))
    for asked, known in (
        (only, {one.name for one in every}),
        (drill, {one.drill for one in every}),
    ):
        if unknown := set(asked or ()) - known:
            raise typer.BadParameter(f"there is no {', '.join(sorted(unknown))}")
    wanted = [
        one for one in every if (not only or one.name in only) and (not drill or one.drill in drill)
    ]
    signal.signal(signal.SIGTERM, leave)
    unseen = table(wanted, range(seed, seed + seeds), days, jobs, into, typer.echo)
    raise typer.Exit(1 if unseen else 0)


def replays(
    seeds: Annotated[int, typer.Option(min=1, help="failing seeds")] = 20,
    seed: Annotated[int, typer.Option(help="where to begin to look for them")] = 1,
    times: Annotated[int, typer.Option(min=2, help="lives of each")] = 100,
    days: Annotated[int, typer.Option(min=1, max=28, help="virtual days of a seed")] = 1,
    ablate: Annotated[
        str, typer.Option(help="the safeguard whose absence makes them fail")
    ] = "used-mark",
    level: OfHub = 1,
    jobs: Annotated[int, typer.Option(min=1, help="processes")] = 2,
    as_json: AsJson = False,
) -> None:
    """Live failing seeds of drill pickups again and again: every life must leave the same trace."""
    from linli.drill.replays import Replays
    from linli.world.ablation import ABLATIONS
    from linli.world.scenario import Level

    known_safeguard(ablate, ABLATIONS)
    signal.signal(signal.SIGTERM, leave)
    tally = Replays(seeds, times, seed, ablate, days, jobs, Level(level), typer.echo).run()
    again = f"linli drill replays --seed {seed} --seeds {seeds} --times {times} --ablate {ablate}"
    typer.echo(f"{len(tally.traces)} seeds, {tally.violations} violations; again: {again}")
    finish(tally, as_json=as_json)
