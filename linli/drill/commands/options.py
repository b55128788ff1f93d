"""What the drills' commands have in common: options, the last line, the exit code."""

import asyncio
import signal
from collections.abc import Collection, Coroutine
from typing import Annotated, NoReturn, Protocol, TypeVar

import typer

T = TypeVar("T")
Seeds = Annotated[int, typer.Option(min=1, help="how many seeds, counted up from --seed")]
Times = Annotated[
    int, typer.Option(min=1, help="live each seed so often: every trace must be the same")
]
Ablate = Annotated[
    str | None, typer.Option(help="switch this safeguard off: the drill must notice")
]
Trace = Annotated[bool, typer.Option("--trace", help="let the programs' logs through")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object on the last line")]


class Tally(Protocol):
    """What a campaign came to."""

    @property
    def violations(self) -> object:
        """Return them, or how many there were: nothing means that all was kept."""

    def as_json(self) -> str:
        """Return the one line of `--json` (DESIGN section 8)."""


def known_safeguard(ablate: str | None, known: Collection[str]) -> None:
    """Refuse a safeguard that is none, naming those that are."""
    if ablate is not None and ablate not in known:
        names = "\n  ".join(known)
        raise typer.BadParameter(f"no such safeguard; there are\n  {names}")


def finish(tally: Tally, *, as_json: bool) -> NoReturn:
    """Leave with exit code 1 when something was violated."""
    if as_json:
        typer.echo(tally.as_json())
    raise typer.Exit(1 if tally.violations else 0)


def leave(*_: object) -> None:
    """End as Ctrl-C does, so that no process of ours is left behind."""
    raise SystemExit(143)


async def until_stopped(job: Coroutine[None, None, T]) -> T:
    """Run `job`; SIGTERM ends it in order, as Ctrl-C does, so that no program is left behind."""
    running = asyncio.current_task()
    assert running is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    return await job
