"""The counting around mutmut: what is drawn, what nothing could notice, and that the lists name what is there."""

import fnmatch
from pathlib import Path

import pytest

from tests.parts import ROOT
from tests.proof.mutants import (
    Known,
    Score,
    Verdict,
    draw,
    files,
    folds,
    only_named,
    only_words,
    rooms,
    score,
    selection,
)
from tests.proof.mutants import _settings as settings


def verdict(
    was: str, now: str, status: str = "survived", name: str = "edge.a.x_f__mutmut_1"
) -> Verdict:
    return Verdict(name, status, was, now)


def test_a_seed_draws_the_same_and_another_one_other_mutants() -> None:
    names = [f"m{number}" for number in range(1000)]
    assert draw(names, 50, "1 doors") == draw(names, 50, "1 doors")
    assert draw(names, 50, "1 doors") != draw(names, 50, "2 doors")
    assert draw(names, 5000, "1 doors") == sorted(names)
    assert len(set(draw(names, 50, "1 doors"))) == 50


@pytest.mark.parametrize(
    ("was", "now", "same"),
    [
        ('"SELECT a FROM b"', '"select a from b"', True),
        ("\"SELECT a FROM b WHERE c = 'x'\"", "\"SELECT A FROM B WHERE C = 'X'\"", False),
        ('"SELECT a"', '"XXSELECT aXX"', False),
        ('raise X("key.one", "text")', 'raise X("KEY.ONE", "text")', False),
        ('a=row["a_ms"],', 'a=row["A_MS"],', True),
        ('a=row["state"] == "open",', 'a=row["state"] == "OPEN",', False),
        ('a=event["a_ms"],', 'a=event["A_MS"],', False),
    ],
)
def test_only_the_case_that_nothing_tells_apart_is_equivalent(
    was: str, now: str, same: bool
) -> None:
    assert folds(verdict(was, now)) is same


def test_names_of_the_hubs_rows_are_not_folded() -> None:
    assert not folds(verdict('row["a"]', 'row["A"]', name="cloud.a.x_f__mutmut_1"))


@pytest.mark.parametrize(
    ("was", "now", "words"),
    [
        (
            'raise ConflictError("a.b", "no door here")',
            'raise ConflictError("a.b", "XXno door hereXX")',
            True,
        ),
        (
            'raise ConflictError("a.b", f"no {x} here")',
            'raise ConflictError("a.b", f"NO {X} HERE")',
            True,
        ),
        ('raise ConflictError("a.b", "no door")', 'raise ConflictError("a.b", None)', True),
        ('raise ConflictError("a.b", "no door")', 'raise ConflictError(None, "no door")', False),
        ('raise ConflictError("a.b", "no door")', 'raise ConflictError("A.B", "no door")', False),
        (
            'raise HubAway("no answer", reached=True)',
            'raise HubAway("no answer", reached=False)',
            False,
        ),
        ('tell("no door here")', 'tell("XXno door hereXX")', False),
    ],
)
def test_words_of_an_error_are_told_apart_from_its_key(was: str, now: str, words: bool) -> None:
    assert only_words(verdict(was, now)) is words


@pytest.mark.parametrize(
    ("now", "same"),
    [
        ('group.create_task(self.a(), name="XXbXX")', True),
        ("group.create_task(self.a(), name=None)", True),
        ("group.create_task(self.a(), )", True),
        ('group.create_task(None, name="b")', False),
        ('group.create_task(name="b")', False),
    ],
)
def test_the_name_of_a_task_is_nothing_to_a_test(now: str, same: bool) -> None:
    assert only_named(verdict('group.create_task(self.a(), name="b")', now)) is same


def test_a_score_leaves_out_what_nothing_could_notice(tmp_path: Path) -> None:
    listed = tmp_path / "equivalent.toml"
    listed.write_text(
        '[[mutant]]\nfunction = "edge.a.x_f"\nwas = "a = 1"\nnow = "a = 2"\nwhy = "never read"\n'
    )
    found = [
        verdict("", "", "killed"),
        verdict("", "", "timeout"),
        verdict("a = 1", "a = 2"),
        verdict("b = 1", "b = 2"),
        verdict("c = 1", "c = 2", "no tests"),
        verdict("d = 1", "d = 2", "not checked"),
        verdict('XError("a.b", "no door")', 'XError("a.b", None)'),
    ]
    counted = score(["x"] * 9, iter(found), Known(listed))
    assert (len(counted.killed), len(counted.equivalent), len(counted.survived)) == (2, 1, 2)
    assert (len(counted.words), len(counted.unasked)) == (1, 1)
    assert (counted.made, counted.percent) == (9, 50.0)
    assert Score(made=0).percent == 100.0


def test_every_pattern_names_modules_that_mutmut_changes() -> None:
    changed = settings()["mutmut"]["only_mutate"]
    for room, patterns in rooms().items():
        for pattern in patterns:
            assert files([pattern]), (room, pattern)
        for path in files(patterns):
            assert any(fnmatch.fnmatch(str(path), one) for one in changed), path
    asked = settings()["linli"]["asked"]
    assert asked.keys() == rooms().keys()
    for place in [*selection(), *(place for room in asked.values() for place in room)]:
        assert (ROOT / place).exists(), place


def test_every_equivalent_mutant_is_of_a_line_that_is_there_and_has_its_reason() -> None:
    for one in Known().listed:
        module, _, function = one["function"].rpartition(".")
        source = " ".join((ROOT / f"{module.replace('.', '/')}.py").read_text("utf-8").split())
        assert function.split("ǁ")[-1].removeprefix("x_") in source, one
        assert one["was"] in source, one
        assert len(one["why"]) > 20, one
