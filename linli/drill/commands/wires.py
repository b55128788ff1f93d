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


def unplug(
    seeds: Seeds = 1,
    seed: Annotated[int, typer.Option(help="first seed: doors and moments are drawn from it")] = 1,
    cycles: Annotated[int, typer.Option(min=1, help="how often the adapter is pulled")] = 20,
    ablate: Ablate = None,
    as_json: AsJson = False,
) -> None:
    """Pull the adapter of a real serial port, put it back under another number: back within 5 s, nothing doubled."""
    from linli.drill.unplug import ABLATIONS, UnplugDrill

    known_safeguard(ablate, ABLATIONS)
    drill = UnplugDrill(range(seed, seed + seeds), cycles, typer.echo, ablate)
    tally = drill.run()
    figures = " ".join(f"{key}={value}" for key, value in tally.figures().items())
    typer.echo(
        f"{tally.runs} runs, {len(tally.violations)} violations, {figures}; "
        f"again: {drill.replay(seed, seeds)}"
    )
    finish(tally, as_json=as_json)
