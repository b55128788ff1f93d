"""What every sub-command of `linli provision` shares: its options, and how it ends."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from common.kit.errors import ConflictError, LinliError, RefusedError, exit_code
from common.kit.said import Said
from provisioning.job import Job, open_job
from provisioning.refusals import check_lang, of_system, say
from provisioning.talk import StopError

_BEFORE = "linli provision: "
EXIT_WRONG = 1
EXIT_UNAVAILABLE = 3
EXIT_STOPPED = 130  # as a shell reports a program that Ctrl-C ended
DataOption = Annotated[
    Path,
    typer.Option("--data", envvar="LINLI_DATA", help="the station's data folder; provision.json"),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="one JSON object a line, questions too; answers on stdin")
]
LangOption = Annotated[str | None, typer.Option("--lang", help="zh or en; without it as LANG says")]
AnswersOption = Annotated[
    Path | None, typer.Option("--answers", help="file with one answer a line instead of a person")
]
BenchOption = Annotated[
    str | None,
    typer.Option("--bench", help="hands at a simulated cabinet: the page of `linli sim run`"),
]
DEFAULT_DATA = Path("data")


def run(
    work: Callable[[Job], Coroutine[Any, Any, bool]],
    data: Path,
    as_json: bool,
    lang: str | None,
    answers: Path | None = None,
    bench: str | None = None,
) -> None:
    """Carry out one step and leave with its exit code; a refusal is said for people, and for a program too."""
    os.umask(0o077)

    async def main() -> bool:
        async with open_job(data, as_json=as_json, lang=lang, answers=answers, bench=bench) as job:
            return await work(job)

    try:
        check_lang(lang)
        fine = asyncio.run(main())
    except KeyboardInterrupt:
        stopped = StopError("provision.stopped", Said("stopped; what is known is kept"))
        say(stopped, lang, as_json=as_json, before="\n")
        raise typer.Exit(EXIT_STOPPED) from None
    except LinliError as error:
        say(error, lang, as_json=as_json, before=_BEFORE)
        wrong = isinstance(error, RefusedError | ConflictError)
        raise typer.Exit(EXIT_WRONG if wrong else exit_code(error)) from error
    except OSError as error:  # a disk that is full, a file that may not be written
        say(of_system(error, data), lang, as_json=as_json, before=_BEFORE)
        raise typer.Exit(EXIT_UNAVAILABLE) from error
    raise typer.Exit(0 if fine else EXIT_WRONG)
