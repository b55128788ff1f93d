"""The command `linli`: one lazily imported sub-command for each program, so that the daemon loads only itself."""

import importlib
import sys
from dataclasses import dataclass

import typer
from typer.core import TyperGroup

from linli import __version__


@dataclass(frozen=True, slots=True)
class _Lazy:
    module: str
    help: str


_COMMANDS = {
    "demo": _Lazy(
        "linli.demo.cli", "Hub, simulated cabinet, station daemon and pages on this machine."
    ),
    "hub": _Lazy("cloud.cli", "The hub: serve, migrate, seed, verify, backup."),
    "edge": _Lazy("edge.cli", "The station daemon: run, check, pair."),
    "provision": _Lazy(
        "provisioning.cli", "The technician: scan, learn, test, configure a cabinet."
    ),
    "sim": _Lazy("device_sim.cli", "A cabinet without a cabinet: boards on a real wire."),
    "drill": _Lazy("linli.drill.cli", "Break things on purpose and count what was lost."),
    "bench": _Lazy("linli.bench.cli", "Measure against a floor of the same run."),
}


class _LazyGroup(TyperGroup):
    """Knows the names of the sub-commands and imports one when it is called or asked for help."""

    def list_commands(self, _ctx: object) -> list[str]:
        """Return the names in the order people meet them."""
        return list(_COMMANDS)

    def get_command(self, _ctx: object, name: str) -> object:  # type: ignore[override]
        """Import the program behind `name`."""
        if (lazy := _COMMANDS.get(name)) is None:
            return None
        command = typer.main.get_command(importlib.import_module(lazy.module).app)
        command.name = name
        command.help = lazy.help
        command.short_help = lazy.help
        return command

    def format_commands(self, _ctx: object, formatter: object) -> None:
        """List the sub-commands without importing them."""
        with formatter.section("Commands"):  # type: ignore[attr-defined]
            formatter.write_dl([(name, lazy.help) for name, lazy in _COMMANDS.items()])  # type: ignore[attr-defined]


app = typer.Typer(
    cls=_LazyGroup,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"linli {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True),
) -> None:
    """Linli 邻里: the last metre of a neighbourhood."""


def main() -> None:
    """Run the command; an expected error becomes one line and its exit code."""
    from common.kit.errors import ConfigError, LinliError

    try:
        app()
    except ConfigError as error:
        sys.stderr.write(f"linli: {error.detail}\n")
        sys.exit(2)
    except LinliError as error:
        sys.stderr.write(f"linli: {error.detail}\n")
        sys.exit(3)
    except OSError as error:  # the disk is full, read-only or somebody else's
        sys.stderr.write(f"linli: {error.filename or 'a file'}: {error.strerror or error}\n")
        sys.exit(3)
