"""Drills of disks that exist twice: a copied station, a hub put back."""

from typing import TYPE_CHECKING, Annotated

import typer

from linli.drill.commands.options import Ablate, AsJson, Seeds, Trace, finish, known_safeguard

if TYPE_CHECKING:
    from linli.world.copies.campaign import Kind


def clone(
    seeds: Seeds = 10,
    seed: Annotated[int, typer.Option(help="first seed: moment of the copy, cuts, people")] = 1,
    trace: Trace = False,
    ablate: Ablate = None,
    as_json: AsJson = False,
) -> None:
    """Copy a station's disk, let both machines live on and try every code at both; only one of them may open."""
    from linli.world.copies.campaign import CLONES

    _copies(CLONES, range(seed, seed + seeds), ablate, trace=trace, as_json=as_json)


def hub_restore(
    seeds: Seeds = 10,
    seed: Annotated[int, typer.Option(help="first seed: moment of the backup, cuts, people")] = 1,
    trace: Trace = False,
    ablate: Ablate = None,
    as_json: AsJson = False,
) -> None:
    """Lose the hub's database and put an older backup back; the station refills it, and no code comes back to life."""
    from linli.world.copies.campaign import RESTORES

    _copies(RESTORES, range(seed, seed + seeds), ablate, trace=trace, as_json=as_json)


def _copies(kind: "Kind", seeds: range, ablate: str | None, *, trace: bool, as_json: bool) -> None:
    from linli.world.copies.campaign import Campaign

    known_safeguard(ablate, kind.ablations)
    campaign = Campaign(kind, seeds, typer.echo, ablate, trace)
    tally = campaign.run()
    again = campaign.replay(seeds.start, len(seeds))
    typer.echo(
        f"{tally.runs} runs, {tally.violations} violations, seed {seeds.start}; again: {again}"
    )
    finish(tally, as_json=as_json)
