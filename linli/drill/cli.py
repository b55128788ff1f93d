"""`linli drill …`: exit 0 when nothing was violated, 1 when something was, 2 usage, 3 unavailable."""

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from common.kit.errors import UnavailableError
from linli.world.weeks import Week

if TYPE_CHECKING:
    from linli.drill.alone import MakeCase
    from linli.world.ablation import Patches

if TYPE_CHECKING:
    from linli.world.copies.campaign import Kind

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


@app.command("power-cut")
def power_cut(
    seeds: Annotated[int, typer.Option(min=1, help="how many images, one a seed")] = 500,
    seed: Annotated[int, typer.Option(min=0, help="first seed")] = 1,
    fast: Annotated[bool, typer.Option("--fast", help="a short journey of the station")] = False,
    ablate: Annotated[
        str | None,
        typer.Option(help="lying-disk or synchronous-normal: the drill must then find losses"),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="one JSON object on the last line")
    ] = False,
) -> None:
    """Cut the power at any write of the station's databases; what it had acknowledged must be there, and whole."""
    try:
        from linli.drill.powercut.campaign import Ablation, Campaign
    except ModuleNotFoundError as error:
        if error.name != "apsw":
            raise
        raise UnavailableError(
            "drill.apsw", "this drill needs apsw: `make setup` or `pip install apsw` brings it"
        ) from error
    try:
        without = Ablation(ablate) if ablate is not None else None
    except ValueError as error:
        raise typer.BadParameter(f"{error}; there are {', '.join(Ablation)}") from error
    logging.getLogger().addHandler(logging.NullHandler())  # the town's own words are no news here
    campaign = Campaign(range(seed, seed + seeds), typer.echo, fast, without)
    tally = campaign.run()
    typer.echo(
        f"{tally.runs} images, {tally.violations} violations, seed {seed}; "
        f"again: {campaign.replay(seed, seeds)}"
    )
    if as_json:
        typer.echo(tally.as_json())
    raise typer.Exit(1 if tally.violations else 0)


@app.command("bit-rot")
def bit_rot(
    seeds: Annotated[int, typer.Option(min=1, help="how many damages, one a seed")] = 200,
    seed: Annotated[int, typer.Option(help="first seed: image, files and bits")] = 1,
    ablate: Annotated[
        str | None,
        typer.Option(help="page-sums or log-read: the drill must then find wrong answers"),
    ] = None,
    trace: Annotated[
        bool, typer.Option("--trace", help="say which bits and what came of it")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="one JSON object on the last line")
    ] = False,
) -> None:
    """Turn bits of a station's files over between two runs; each answer is right or declared lost."""
    from linli.drill.rot.campaign import Ablation, Campaign

    try:
        without = Ablation(ablate) if ablate is not None else None
    except ValueError as error:
        raise typer.BadParameter(f"{error}; there are {', '.join(Ablation)}") from error
    tally = Campaign(range(seed, seed + seeds), typer.echo, without, trace).run()
    replay = f" --ablate {ablate}" if ablate else ""
    typer.echo(
        f"{tally.runs} damages, {len(tally.violations)} violations, slowest start {tally.slowest_s:.2f} s, "
        f"seed {seed}; again: linli drill bit-rot --seed {seed} --seeds {seeds}{replay}"
    )
    if as_json:
        typer.echo(tally.as_json())
    raise typer.Exit(1 if tally.violations else 0)


@app.command("disk-full")
def disk_full(
    seeds: Annotated[int, typer.Option(min=1, help="how many seeds, counted up from --seed")] = 3,
    seed: Annotated[int, typer.Option(help="first seed: order and amounts of filling")] = 1,
    ablate: Annotated[
        str | None, typer.Option(help="reserve: the drill must then see a pickup fail")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="one JSON object on the last line")
    ] = False,
) -> None:
    """Fill the station's disk, a real small one, to its last byte; pickups go on and no fact is dropped. Needs root."""
    from linli.drill.full import DiskFull

    if ablate not in (None, "reserve"):
        raise typer.BadParameter("there is only: reserve")
    tally = DiskFull(range(seed, seed + seeds), typer.echo, without_reserve=bool(ablate)).run()
    replay = f" --ablate {ablate}" if ablate else ""
    typer.echo(
        f"{tally.runs} runs, {len(tally.violations)} violations, {tally.pickups} pickups on a full disk, "
        f"seed {seed}; again: linli drill disk-full --seed {seed} --seeds {seeds}{replay}"
    )
    if as_json:
        typer.echo(tally.as_json())
    raise typer.Exit(1 if tally.violations else 0)


@app.command()
def pickups(
    seeds: Annotated[int, typer.Option(min=1, help="how many seeds, counted up from --seed")] = 10,
    seed: Annotated[int, typer.Option(help="first seed: people, faults and schedule")] = 1,
    days: Annotated[int, typer.Option(min=1, max=28, help="virtual days before all heals")] = 7,
    week: Annotated[
        Week, typer.Option(help="6 to 11 orders a day, 0 to 2, or the cable cut throughout")
    ] = Week.BUSY,
    times: Annotated[
        int, typer.Option(min=1, help="live each seed so often: every trace must be the same")
    ] = 1,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="processes; as many as there are CPUs")
    ] = None,
    ablate: Annotated[
        str | None, typer.Option(help="switch this safeguard off: the drill must notice")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="one JSON object on the last line")
    ] = False,
) -> None:
    """Live virtual weeks of one station with everything failing; an oracle knows what was promised."""
    import os

    from linli.drill.pickups import Pickups, replay
    from linli.world.ablation import ABLATIONS

    if ablate is not None and ablate not in ABLATIONS:
        known = "\n  ".join(ABLATIONS)
        raise typer.BadParameter(f"no such safeguard; there are\n  {known}")
    signal.signal(signal.SIGTERM, _leave)
    work = range(seed, seed + seeds)
    jobs = jobs or os.cpu_count() or 1
    tally = Pickups(work, days, jobs, ablate, typer.echo, week, times).run()
    again = f"{replay(seed, days, ablate, week)} --seeds {seeds}"
    typer.echo(f"{tally.runs} runs, {tally.violations} violations, seed {seed}; again: {again}")
    if as_json:
        typer.echo(tally.as_json())
    raise typer.Exit(1 if tally.violations else 0)


@app.command()
def sync(
    seeds: Annotated[int, typer.Option(min=1, help="how many seeds, counted up from --seed")] = 5,
    seed: Annotated[int, typer.Option(help="first seed: what is told and what breaks")] = 1,
    times: Annotated[
        int, typer.Option(min=1, help="live each seed so often: every trace must be the same")
    ] = 1,
    ablate: Annotated[
        str | None, typer.Option(help="switch this safeguard off: the drill must notice")
    ] = None,
    trace: Annotated[
        bool, typer.Option("--trace", help="print the last entries, also of good seeds")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="one JSON object on the last line")
    ] = False,
) -> None:
    """Break the line, both programs and both databases; then every fact has arrived once and every row agrees."""
    from linli.drill.sync import SyncDrill, replay
    from linli.world.level2.ablation import SYNC_ABLATIONS

    if ablate is not None and ablate not in SYNC_ABLATIONS:
        known = "\n  ".join(SYNC_ABLATIONS)
        raise typer.BadParameter(f"no such safeguard; there are\n  {known}")
    signal.signal(signal.SIGTERM, _leave)
    tally = SyncDrill(range(seed, seed + seeds), times, ablate, trace, typer.echo).run()
    again = f"{replay(seed, ablate).replace('--seeds 1', f'--seeds {seeds}')}"
    typer.echo(f"{tally.runs} runs, {tally.violations} violations, seed {seed}; again: {again}")
    if as_json:
        typer.echo(tally.as_json())
    raise typer.Exit(1 if tally.violations else 0)


@app.command()
def ablations(
    seeds: Annotated[int, typer.Option(min=1, help="most seeds a safeguard is given")] = 200,
    seed: Annotated[int, typer.Option(help="first seed")] = 1,
    days: Annotated[int, typer.Option(min=1, max=28, help="virtual days of a seed")] = 1,
    only: Annotated[list[str] | None, typer.Option(help="only this safeguard")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="processes")] = 1,
) -> None:
    """Switch each safeguard off in turn and print which seed of `drill pickups` notices, as a table."""
    from linli.drill.pickups import table
    from linli.world.ablation import ABLATIONS

    names = only or list(ABLATIONS)
    if unknown := set(names) - ABLATIONS.keys():
        raise typer.BadParameter(f"no such safeguard: {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, _leave)
    unseen = table(names, range(seed, seed + seeds), days, jobs, typer.echo)
    raise typer.Exit(1 if unseen else 0)


@app.command()
def guessing(
    seeds: Annotated[int, typer.Option(min=1, help="how many seeds, counted up from --seed")] = 1,
    seed: Annotated[int, typer.Option(help="first seed: guesses, plugs pulled, visits")] = 1,
    guesses: Annotated[
        int, typer.Option(min=100, help="codes the robot types in its virtual day")
    ] = 10_000,
    ablate: Annotated[
        str | None, typer.Option(help="switch this safeguard off: the drill must notice")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="one JSON object on the last line")
    ] = False,
) -> None:
    """Let a robot guess codes at the keypad for a day, plug in hand; right codes must pass all the same."""
    from linli.drill.guessing.ablation import ABLATIONS
    from linli.drill.guessing.siege import Siege

    _alone(
        "guessing", partial(Siege, guesses=guesses), ABLATIONS, range(seed, seed + seeds), ablate,
        as_json=as_json, options=f" --guesses {guesses}",
    )  # fmt: skip


@app.command("evil-hub")
def evil_hub(
    seeds: Annotated[int, typer.Option(min=1, help="how many seeds, counted up from --seed")] = 1,
    seed: Annotated[int, typer.Option(help="first seed: tricks, times, restarts")] = 1,
    ablate: Annotated[
        str | None, typer.Option(help="switch this safeguard off: the drill must notice")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="one JSON object on the last line")
    ] = False,
) -> None:
    """Let a hub with its valid key send hostile commands for hours; the cabinet's log of pulses is the judge."""
    from linli.drill.evilhub.ablation import ABLATIONS
    from linli.drill.evilhub.case import Case

    _alone("evil-hub", Case, ABLATIONS, range(seed, seed + seeds), ablate, as_json=as_json)


def _alone(
    name: str,
    make: "MakeCase",
    ablations: "Mapping[str, Callable[[], Patches]]",
    seeds: range,
    ablate: str | None,
    *,
    as_json: bool,
    options: str = "",
) -> None:
    """Run a campaign of a lone station and leave with its exit code."""
    from linli.drill.alone import Campaign

    if ablate is not None and ablate not in ablations:
        known = "\n  ".join(ablations)
        raise typer.BadParameter(f"no such safeguard; there are\n  {known}")
    campaign = Campaign(name, make, seeds, ablations, ablate, typer.echo, options)
    tally = campaign.run()
    typer.echo(tally.line())
    typer.echo(
        f"{tally.runs} runs, {len(tally.violations)} violations; "
        f"again: {campaign.replay(seeds.start, len(seeds))}"
    )
    if as_json:
        typer.echo(tally.as_json())
    raise typer.Exit(1 if tally.violations else 0)


@app.command()
def clone(
    seeds: Annotated[int, typer.Option(min=1, help="how many seeds, counted up from --seed")] = 10,
    seed: Annotated[int, typer.Option(help="first seed: moment of the copy, cuts, people")] = 1,
    trace: Annotated[bool, typer.Option("--trace", help="let the programs' logs through")] = False,
    ablate: Annotated[
        str | None, typer.Option(help="switch this safeguard off: the drill must notice")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="one JSON object on the last line")
    ] = False,
) -> None:
    """Copy a station's disk, let both machines live on and try every code at both; only one of them may open."""
    from linli.world.copies.campaign import CLONES

    _copies(CLONES, range(seed, seed + seeds), ablate, trace=trace, as_json=as_json)


@app.command("hub-restore")
def hub_restore(
    seeds: Annotated[int, typer.Option(min=1, help="how many seeds, counted up from --seed")] = 10,
    seed: Annotated[int, typer.Option(help="first seed: moment of the backup, cuts, people")] = 1,
    trace: Annotated[bool, typer.Option("--trace", help="let the programs' logs through")] = False,
    ablate: Annotated[
        str | None, typer.Option(help="switch this safeguard off: the drill must notice")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="one JSON object on the last line")
    ] = False,
) -> None:
    """Lose the hub's database and put an older backup back; the station refills it, and no code comes back to life."""
    from linli.world.copies.campaign import RESTORES

    _copies(RESTORES, range(seed, seed + seeds), ablate, trace=trace, as_json=as_json)


def _copies(kind: "Kind", seeds: range, ablate: str | None, *, trace: bool, as_json: bool) -> None:
    from linli.world.copies.campaign import Campaign

    if ablate is not None and ablate not in kind.ablations:
        known = "\n  ".join(kind.ablations)
        raise typer.BadParameter(f"no such safeguard; there are\n  {known}")
    campaign = Campaign(kind, seeds, typer.echo, ablate, trace)
    tally = campaign.run()
    again = campaign.replay(seeds.start, len(seeds))
    typer.echo(
        f"{tally.runs} runs, {tally.violations} violations, seed {seeds.start}; again: {again}"
    )
    if as_json:
        typer.echo(tally.as_json())
    raise typer.Exit(1 if tally.violations else 0)


def _leave(*_: object) -> None:
    """End as Ctrl-C does, so that no process of ours is left behind."""
    raise SystemExit(143)


async def _until_stopped(job: Coroutine[None, None, T]) -> T:
    """Run `job`; SIGTERM ends it in order, as Ctrl-C does, so that no program is left behind."""
    running = asyncio.current_task()
    assert running is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    return await job
