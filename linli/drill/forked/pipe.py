"""A forked program and the pipe to it; what it asks, the parent answers, one question at a time.

The child is forked before it has a loop, a thread or an open database; everything is imported by then.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any, ClassVar

PipeEnd = Connection
"""What a forked program is given to speak through."""
HANGS_S = 60.0
"""A program that says nothing for so long of real time hangs."""


class DiedError(Exception):
    """The program at the other end was killed."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a child asks, at which of its seconds."""

    name: str
    at_s: float
    args: tuple[Any, ...]


class Asking:
    """A child's end: it waits for each answer, and no time passes meanwhile."""

    def __init__(self, pipe: PipeEnd, now_s: Callable[[], float]) -> None:
        """Ask through `pipe`."""
        self._pipe, self._now_s = pipe, now_s

    def __call__(self, name: str, *args: Any) -> Any:
        """Return the parent's answer."""
        self._pipe.send(Question(name, self._now_s(), args))
        return self._pipe.recv()

    def tell(self, name: str, *args: Any) -> None:
        """Say something that needs no answer."""
        self._pipe.send(Question(name, self._now_s(), args))


class Child:
    """A forked program; `end` it always."""

    _open: ClassVar[set[PipeEnd]] = set()

    def __init__(self, main: Callable[[PipeEnd], None]) -> None:
        """Fork; the child runs `main(pipe)` and never returns."""
        self._pipe, theirs = Pipe()
        sys.stdout.flush()
        self.pid = os.fork()
        if not self.pid:
            _live(main, theirs, [*Child._open, self._pipe])
        theirs.close()
        Child._open.add(self._pipe)

    def hear(self, within_s: float = HANGS_S) -> Any:
        """Return the next thing it says; DiedError once it is dead, TimeoutError when it is silent too long."""
        try:
            if not self._pipe.poll(within_s):
                os.kill(self.pid, signal.SIGKILL)
                raise TimeoutError(f"a program said nothing for {within_s:.0f} s")
            return self._pipe.recv()
        except (EOFError, ConnectionResetError) as error:
            raise DiedError from error

    @staticmethod
    def ready(children: "Sequence[Child]") -> "list[Child]":
        """Wait until some of them have something to say, or are dead; return those."""
        said = wait([one._pipe for one in children])  # noqa: SLF001 - our own
        return [one for one in children if one._pipe in said]  # noqa: SLF001 - our own

    def say(self, word: Any) -> None:
        """Tell it something; DiedError when nobody is there any more."""
        try:
            self._pipe.send(word)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise DiedError from error

    def end(self) -> bool:
        """Kill what still lives and clear it away; tell whether it had been killed by its own hand before."""
        os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        Child._open.discard(self._pipe)
        self._pipe.close()
        return os.WIFSIGNALED(status)


def _live(main: Callable[[PipeEnd], None], pipe: PipeEnd, others: list[PipeEnd]) -> None:
    """Be the child; leave without the parent's exit handlers."""
    code = 1
    try:
        for other in others:  # else nobody would notice the parent's end
            other.close()
        main(pipe)
        code = 0
    except (EOFError, BrokenPipeError):
        code = 0  # the parent has gone, while this one listened or told
    except BaseException:  # noqa: BLE001 - the last thing this process does
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
