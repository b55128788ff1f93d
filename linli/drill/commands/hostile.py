"""Drills of one station and whoever comes to it: families, a robot at the keypad, a hub that has turned."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from linli.drill.commands.options import (
    Ablate,
    AsJson,
    Seeds,
    finish,
    known_safeguard,
    until_stopped,
)

if TYPE_CHECKING:
    from linli.drill.alone import MakeCase
    from linli.world.ablation import Patches


def guessing(
    seeds: Seeds = 1,
    seed: Annotated[int, typer.Option(help="first seed: guesses, plugs pulled, visits")] = 1,
    guesses: Annotated[
        int, typer.Option(min=100, help="codes the robot types in its virtual day")
    ] = 10_000,
    ablate: Ablate = None,
    as_json: AsJson = False,
) -> None:
    """Let a robot guess codes at the keypad for a day, plug in hand; right codes must pass all the same."""
    from linli.drill.guessing.ablation import ABLATIONS
    from linli.drill.guessing.siege import Siege

    _alone(
        "guessing", partial(Siege, guesses=guesses), ABLATIONS, range(seed, seed + seeds), ablate,
        as_json=as_json, options=f" --guesses {guesses}",
    )  # fmt: skip


def family(
    seeds: Seeds = 1,
    seed: Annotated[int, typer.Option(help="first seed: who comes, when power goes")] = 1,
    ablate: Ablate = None,
    as_json: AsJson = False,
) -> None:
    """Give parcels away to several people, pull the plug while they come: one parcel must be opened once."""
    from linli.drill.family.ablation import ABLATIONS
    from linli.drill.family.case import Case

    _alone("family", Case, ABLATIONS, range(seed, seed + seeds), ablate, as_json=as_json)


def evil_hub(
    seeds: Seeds = 1,
    seed: Annotated[int, typer.Option(help="first seed: tricks, times, restarts")] = 1,
    ablate: Ablate = None,
    as_json: AsJson = False,
) -> None:
    """Let a hub with its valid key send hostile commands for hours; the cabinet's log of pulses is the judge."""
    from linli.drill.evilhub.ablation import ABLATIONS
    from linli.drill.evilhub.case import Case

    _alone("evil-hub", Case, ABLATIONS, range(seed, seed + seeds), ablate, as_json=as_json)


def impostor(
    seeds: Seeds = 1,
    seed: Annotated[int, typer.Option(help="first seed: the order of the tricks, and times")] = 1,
    ablate: Ablate = None,
    as_json: AsJson = False,
) -> None:
    """Let false hubs, stolen papers and old invitations try their luck at a TLS port, with real handshakes."""
    from linli.drill.impostor.ablation import ABLATIONS
    from linli.drill.impostor.campaign import Campaign

    known_safeguard(ablate, ABLATIONS)
    campaign = Campaign(range(seed, seed + seeds), ablate, typer.echo)
    tally = asyncio.run(until_stopped(campaign.run()))
    typer.echo(
        f"{tally.runs} runs, {tally.figures['tricks']} tricks, {len(tally.violations)} violations; "
        f"again: {campaign.replay(seed, seeds)}"
    )
    finish(tally, as_json=as_json)


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

    known_safeguard(ablate, ablations)
    campaign = Campaign(name, make, seeds, ablations, ablate, typer.echo, options)
    tally = campaign.run()
    typer.echo(tally.line())
    typer.echo(
        f"{tally.runs} runs, {len(tally.violations)} violations; "
        f"again: {campaign.replay(seeds.start, len(seeds))}"
    )
    finish(tally, as_json=as_json)
