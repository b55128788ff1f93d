"""`linli drill …`: exit 0 when nothing was violated, 1 when something was, 2 usage, 3 unavailable."""

import typer

from linli.drill.commands import copies, disk, hostile, programs, weeks, wires

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def _drill() -> None:
    """Break things on purpose and count what was lost."""


for _command in (
    programs.kill, programs.clock, disk.power_cut, disk.bit_rot, disk.disk_full,
    weeks.pickups, weeks.sync, weeks.ablations, weeks.replays, copies.clone, copies.hub_restore,
    wires.bus_noise, wires.unplug, hostile.guessing, hostile.family, hostile.evil_hub, hostile.impostor,
):  # fmt: skip
    app.command()(_command)
