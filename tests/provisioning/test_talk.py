"""What is said and asked: plain lines in two languages, JSON for programs, answers from pipes, files and nobody."""

import asyncio
import json
import os
from io import StringIO
from pathlib import Path

import pytest

from common.kit.clock import SystemClock
from common.ui.i18n import Catalogue, Lang
from common.ui.terminal import texts_of
from edge.hardware.lease import CoilPulses, LeaseSaid
from provisioning.coils import Coils
from provisioning.record import CoilPulse
from provisioning.talk import Keyboard, StopError, Talk


@pytest.mark.parametrize(
    ("lang", "env", "tag"),
    [
        (None, {"LANG": "zh_CN.UTF-8"}, Lang.ZH),
        (None, {"LANG": "en_GB.UTF-8"}, Lang.EN),
        (None, {"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, Lang.EN),
        (None, {"LANG": "C.UTF-8"}, Lang.EN),
        (None, {}, Lang.ZH),
        ("en", {"LANG": "zh_CN.UTF-8"}, Lang.EN),
        ("zh", {"LANG": "en_GB.UTF-8"}, Lang.ZH),
    ],
)
def test_the_terminals_language(lang: str | None, env: dict[str, str], tag: Lang) -> None:
    assert texts_of(lang, env).lang is tag


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_a_person_reads_sentences_and_a_program_objects(tmp_path: Path) -> None:
    answers = tmp_path / "answers"
    answers.write_text("# a remark\n\nA02\n", "utf-8")
    out = Terminal()
    person = Talk(Catalogue().texts(Lang.ZH), answers=answers, out=out)
    person.progress("address %(done)s of %(of)s", done=1, of=9)
    person.tell("no_such_label", "the drawing has no door %(label)s", label="Z9")
    assert asyncio.run(person.ask("shut_all", "Shut them all, then press Enter.", "ok")) == "ok"
    assert asyncio.run(person.ask("shut_all", "Shut them all, then press Enter.")) == "A02"
    with pytest.raises(StopError):
        asyncio.run(person.ask("shut_all", "Shut them all, then press Enter."))
    assert "图纸上没有 Z9" in out.getvalue()
    assert "\r\x1b[K图纸" in out.getvalue(), "the progress line is taken away first"
    out = Terminal()
    program = Talk(Catalogue().texts(Lang.ZH), as_json=True, answers=answers, out=out)
    program.progress("address %(done)s of %(of)s", done=1, of=9)
    program.line("Shut them all, then press Enter.")
    program.raw("a table")
    program.tell("summed_up", "", doors=2, missing=["A03"])
    asyncio.run(program.ask("which_door", "", "A01", channel=3))
    assert [json.loads(line) for line in out.getvalue().splitlines()] == [
        {"step": "summed_up", "doors": 2, "missing": ["A03"]},
        {"ask": "which_door", "default": "A01", "channel": 3},
    ]


def test_lists_and_nothing_are_shown() -> None:
    out = StringIO()
    talk = Talk(Catalogue().texts(Lang.EN), out=out)
    talk.tell("x", "%(a)s %(b)s %(c)s", a=[], b=None, c=["A", "B"])
    talk.progress("never in a pipe")
    assert out.getvalue() == "– – A, B\n"


def test_lines_come_one_by_one_from_a_pipe_and_from_a_file(tmp_path: Path) -> None:
    async def read(source: int) -> list[str | None]:
        keyboard = Keyboard(source)
        return [await keyboard.line() for _ in range(4)]

    ours, theirs = os.pipe()
    os.write(theirs, "A01\n\n门".encode())
    os.close(theirs)
    assert asyncio.run(read(ours)) == ["A01", "", "门", None]
    os.close(ours)
    file = tmp_path / "typed"
    file.write_text("a\nb\n", "utf-8")
    with file.open("rb") as typed:
        assert asyncio.run(read(typed.fileno())) == ["a", "b", None, None]


class Clock(SystemClock):
    """A clock that a test moves."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead_s = 0.0
        self.start_s = super().monotonic_s()

    def monotonic_s(self) -> float:
        return self.start_s + self.ahead_s


def test_a_coil_bears_six_pulses_a_minute_whoever_sent_them() -> None:
    clock = Clock()
    coils = Coils((), clock)
    said = LeaseSaid(bus="bus0", coils=(CoilPulses(unit=1, channel=0, ages_s=(5.0, 10.0, 15.0)),))
    coils.take_over("bus0", said)
    for _ in range(3):
        assert coils.rest_s("bus0", 1, 0) == 0
        coils.pulsed("bus0", 1, 0)
    assert coils.rest_s("bus0", 1, 0) == pytest.approx(45, abs=1)
    assert coils.rest_s("bus0", 1, 1) == 0
    assert coils.rest_s("bus1", 1, 0) == 0
    assert coils.cool_s("bus0") == pytest.approx(60, abs=1)
    assert coils.cool_s("bus1") == 0
    again = Coils(coils.rows, clock)  # the next run of the command knows it too
    assert again.rest_s("bus0", 1, 0) == pytest.approx(45, abs=1)
    clock.ahead_s = 61.0
    assert again.rest_s("bus0", 1, 0) == 0
    assert again.cool_s("bus0") == 0


def test_after_a_restart_of_the_computer_the_wall_counts() -> None:
    clock = Clock()
    row = CoilPulse(
        bus="b", unit=1, channel=0, boot_id="another", mono_ms=0,
        wall_ms=round(clock.wall().timestamp() * 1000) - 20_000,
    )  # fmt: skip
    assert Coils([row] * 6, clock).rest_s("b", 1, 0) == pytest.approx(40, abs=1)
