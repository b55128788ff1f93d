"""What is said to the technician and asked of her: plain lines in her language, or one JSON object a line.

Answers come from the keyboard, from a program at standard input, or from a file with one answer a line.
"""

import asyncio
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

from common.kit.errors import UnavailableError
from common.kit.said import Said
from common.ui.i18n import Param, Texts
from provisioning.hands import BenchHands

_READ_BYTES = 4096
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class StopError(UnavailableError):
    """Nobody answers any more: what was learnt is kept."""


class Keyboard:
    """Lines of standard input, read without holding up the loop: the wire goes on while a person thinks."""

    def __init__(self, source: int) -> None:
        """Read from this file descriptor."""
        self._source, self._buffer, self._ended = source, b"", False

    async def line(self) -> str | None:
        """Return the next line without its end; None when there will be none."""
        while b"\n" not in self._buffer and not self._ended:
            data = await self._some()
            self._ended = not data
            self._buffer += data
        if not self._buffer:
            return None
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode(errors="replace").strip()

    async def _some(self) -> bytes:
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            if not ready.done():
                ready.set_result(None)

        try:
            loop.add_reader(self._source, wake)
        except PermissionError:  # an ordinary file is always ready
            return os.read(self._source, _READ_BYTES)
        try:
            await ready
        finally:
            loop.remove_reader(self._source)
        return os.read(self._source, _READ_BYTES)


class Talk:
    """One conversation."""

    def __init__(
        self,
        texts: Texts,
        *,
        as_json: bool = False,
        answers: Path | None = None,
        out: TextIO = sys.stdout,
        source: int = 0,
        hands: BenchHands | None = None,
    ) -> None:
        """`answers`: a file with one answer a line; empty lines count, lines with # do not. `hands` come first."""
        self._hands = hands
        self.texts, self.as_json = texts, as_json
        self._out, self._keyboard = out, Keyboard(source)
        self._answers = None if answers is None else _answers(answers)
        self._progress = False

    def tell(self, step: str, text: str, /, **params: object) -> None:
        """Say what happened: a sentence for a person, `step` and its parameters for a program."""
        if self.as_json:
            self._line(json.dumps({"step": step} | params, ensure_ascii=False))
            return
        self._line(self._filled(text, params))

    def line(self, text: str, /, **params: object) -> None:
        """Say something that only a person needs."""
        if not self.as_json:
            self._line(self._filled(text, params))

    def raw(self, text: str) -> None:
        """Print a line that is nobody's language: a table, a path."""
        if not self.as_json:
            self._line(text)

    def progress(self, text: str, /, **params: object) -> None:
        """Show how far it is, on a line that the next one replaces; nothing for programs and pipes."""
        if self.as_json or not self._out.isatty():
            return
        self._progress = True
        self._out.write("\r\x1b[K" + _harmless(self._filled(text, params)))
        self._out.flush()

    async def ask(self, key: str, text: str, /, default: str = "", **params: object) -> str:
        """Return the answer, `default` for an empty one; StopError when there is nobody to ask."""
        if self.as_json:
            asked = {"ask": key, "default": default} | params
            self._line(json.dumps(asked, ensure_ascii=False))
        else:
            said = _harmless(self._filled(text, params))
            self._end_progress()
            self._out.write(said + (f" [{default}] " if default else " "))
            self._out.flush()
        answer = await self._answer(key, str(params.get("label", "")))
        return answer or default

    async def _answer(self, key: str, label: str) -> str:
        given: str | None
        if self._hands is not None:
            given = await self._hands.answer(key, label)
            self.raw(given)
        elif self._answers is not None:
            given = next(self._answers, None)
            if not self.as_json:
                self._line(given or "")
        else:
            given = await self._keyboard.line()
        if given is None:
            raise StopError(
                "provision.stopped", "no answer came; what is known is kept, go on when you like"
            )
        return given

    def _filled(self, text: str, params: Mapping[str, object]) -> str:
        shown = {name: self._shown(value) for name, value in params.items()}
        return self.texts.gettext(text, **shown)

    def _shown(self, value: object) -> Param:
        """Return a parameter as a person reads it: a sentence in her language, a list with commas."""
        if isinstance(value, Said):
            return self.texts.say(value)
        return value if isinstance(value, str | int | float) else _joined(value)

    def _line(self, text: str) -> None:
        self._end_progress()
        self._out.write((text if self.as_json else _harmless(text)) + "\n")
        self._out.flush()

    def _end_progress(self) -> None:
        if self._progress:
            self._out.write("\r\x1b[K")
            self._progress = False


def _joined(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "–"
    return "–" if value is None else str(value)


def _harmless(text: str) -> str:
    """Take out what would steer the terminal: names come from files and from the wire."""
    return _STEERING.sub("?", text)


def _answers(path: Path) -> Iterator[str]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.lstrip().startswith("#"):
            yield line.strip()
