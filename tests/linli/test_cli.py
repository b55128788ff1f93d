"""The command line wholly: every sub-command explains itself and offers nothing that is not Linli's."""

from collections.abc import Iterator

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from linli.cli import app


def _paths(command: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, TyperGroup):
        context = typer.Context(command)
        for name in command.list_commands(context):
            yield from _paths(command.get_command(context, name), (*path, name))


PATHS = list(_paths(typer.main.get_command(app)))


def test_the_walk_finds_the_programs_and_what_they_do() -> None:
    assert {("demo",), ("hub", "serve"), ("edge", "run"), ("sim", "run")} <= set(PATHS)


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_help_offers_no_shell_completion(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*path, "--help"])
    assert shown.exit_code == 0, shown.output
    assert "Usage:" in shown.output
    assert "completion" not in shown.output
