"""Drills of the wire: noise on a line, adapters that are pulled."""

import os
from typing import Annotated

import typer

from linli.drill.commands.options import Ablate, AsJson, Seeds, Trace, finish, known_safeguard


def bus_noise(
    seeds: Seeds = 10,
    seed: Annotated[
        int, typer.Option(help="first seed: kinds of board take turns, faults are drawn")
    ] = 1,
    frames: Annotated[
        int, typer.Option(min=100, help="frames the daemon sends in each seed")
    ] = 3000,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="processes; as many as there are CPUs")
    ] = None,
    ablate: Ablate = None,
    trace: Trace = False,
    as_json: AsJson = False,
) -> None:
    """Damage, delay and forge frames on the wire of every kind of board; no door may open or be believed wrongly."""
    from linli.drill.busnoise.ablation import ABLATIONS
    from linli.drill.busnoise.campaign import Campaign

    known_safeguard(ablate, ABLATIONS)
    campaign = Campaign(
        range(seed, seed + seeds), frames, jobs or os.cpu_count() or 1, ablate, trace, typer.echo
    )
    tally = campaign.run()
    figures = tally.figures
    typer.echo(
        f"{tally.runs} runs, {figures['frames']} frames, {figures['hit']} noisy or rogue, "
        f"{figures['asked']} openings, {len(tally.violations)} violations, "
        f"{tally.cpu_s:.0f} s of CPU; again: {campaign.replay(seed, seeds)}"
    )
    finish(tally, as_json=as_json)
