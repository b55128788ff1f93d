"""Drills of the station's disk: power cuts, turning bits, no room."""

import logging
from typing import Annotated

import typer

from common.kit.errors import UnavailableError
from linli.drill.commands.options import AsJson, Seeds, finish, known_safeguard


def power_cut(
    seeds: Annotated[int, typer.Option(min=1, help="how many images, one a seed")] = 500,
    seed: Annotated[int, typer.Option(min=0, help="first seed")] = 1,
    fast: Annotated[bool, typer.Option("--fast", help="a short journey of the station")] = False,
    ablate: Annotated[
        str | None,
        typer.Option(help="lying-disk or synchronous-normal: the drill must then find losses"),
    ] = None,
    as_json: AsJson = False,
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
    known_safeguard(ablate, list(Ablation))
    without = Ablation(ablate) if ablate is not None else None
    logging.getLogger().addHandler(logging.NullHandler())  # the town's own words are no news here
    campaign = Campaign(range(seed, seed + seeds), typer.echo, fast, without)
    tally = campaign.run()
    typer.echo(
        f"{tally.runs} images, {tally.violations} violations, seed {seed}; "
        f"again: {campaign.replay(seed, seeds)}"
    )
    finish(tally, as_json=as_json)


def bit_rot(
    seeds: Annotated[int, typer.Option(min=1, help="how many damages, one a seed")] = 200,
    seed: Annotated[int, typer.Option(help="first seed: image, files, bits or blocks")] = 1,
    ablate: Annotated[
        str | None,
        typer.Option(help="page-sums or log-read: the drill must then find wrong answers"),
    ] = None,
    trace: Annotated[bool, typer.Option("--trace", help="say where and what came of it")] = False,
    as_json: AsJson = False,
) -> None:
    """Let a station's bits turn over or its blocks fail between two runs; each answer is right or declared lost."""
    from linli.drill.rot.campaign import Ablation, Campaign

    known_safeguard(ablate, list(Ablation))
    without = Ablation(ablate) if ablate is not None else None
    tally = Campaign(range(seed, seed + seeds), typer.echo, without, trace).run()
    replay = f" --ablate {ablate}" if ablate else ""
    typer.echo(
        f"{tally.runs} damages, {len(tally.violations)} violations, slowest start {tally.slowest_s:.2f} s, "
        f"seed {seed}; again: linli drill bit-rot --seed {seed} --seeds {seeds}{replay}"
    )
    finish(tally, as_json=as_json)


def disk_full(
    seeds: Seeds = 3,
    seed: Annotated[int, typer.Option(help="first seed: order and amounts of filling")] = 1,
    ablate: Annotated[
        str | None, typer.Option(help="reserve: the drill must then see a pickup fail")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fill the station's disk, a real small one, to its last byte; pickups go on and no fact is dropped. Needs root."""
    from linli.drill.full import DiskFull

    known_safeguard(ablate, ["reserve"])
    tally = DiskFull(range(seed, seed + seeds), typer.echo, without_reserve=bool(ablate)).run()
    replay = f" --ablate {ablate}" if ablate else ""
    typer.echo(
        f"{tally.runs} runs, {len(tally.violations)} violations, {tally.pickups} pickups on a full disk, "
        f"seed {seed}; again: linli drill disk-full --seed {seed} --seeds {seeds}{replay}"
    )
    finish(tally, as_json=as_json)
