"""`linli drill ablations` and `replays`: the table is kept and gone on with; failing seeds replay to the last entry."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from linli.drill import ablations
from linli.drill.ablations import HEAD, Noticed, Switch, row, switches, table
from linli.drill.cli import app
from linli.drill.clock_ablation import CLOCK_ABLATIONS
from linli.world.ablation import ABLATIONS, LEVELS
from linli.world.copies.ablations import CLONE, RESTORE
from linli.world.level2.ablation import SYNC_ABLATIONS
from tests.parts import ROOT, require

PAGE = ROOT / "docs/operations/ablations.md"


def test_every_switch_of_the_five_drills_is_measured() -> None:
    every = list(switches(days=1))
    count = sum(map(len, (ABLATIONS, SYNC_ABLATIONS, CLOCK_ABLATIONS, CLONE, RESTORE)))
    assert len({one.cells for one in every}) == len(every) == count
    assert LEVELS.keys() <= ABLATIONS.keys()


def test_a_table_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    into, said, asked = tmp_path / "table.md", list[str](), list[str]()

    def measure(switch: Switch, seeds: range, _days: int, _jobs: int) -> Noticed:
        asked.append(switch.name)
        return (
            Noticed(None, len(seeds), "") if switch.name == "b" else Noticed(3, 3, "lost | twice")
        )

    monkeypatch.setattr(ablations, "measure", measure)
    wanted = [Switch("sync", name) for name in ("a", "b", "c")]
    assert table(wanted[:2], range(1, 6), 1, 1, into, said.append) == 1
    assert table(wanted, range(1, 6), 1, 1, into, said.append) == 0
    assert asked == ["a", "b", "c"]
    lines = into.read_text(encoding="utf-8").splitlines()
    assert lines[:2] == list(HEAD)
    assert lines[2] == "| `a` | sync | 3 | 3 | lost / twice |"
    assert lines[3] == "| `b` | sync | **none** | 5 | |"
    assert len(lines) == 5


def test_the_page_tells_of_switches_there_are_and_twenty_were_caught() -> None:
    rows = [
        line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")
    ]
    known = {one.cells for one in switches(days=1)}
    caught = [line for line in rows if any(line.startswith(cells) for cells in known)]
    assert caught == rows
    assert len(rows) >= 20
    assert all(int(line.split("|")[4]) <= 200 for line in rows)


def test_a_row_of_a_quiet_safeguard_says_none() -> None:
    assert "**none**" in row(Switch("sync", "x"), Noticed(None, 200, ""))


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_one_row_is_measured() -> None:
    require("campaign")
    words = ["ablations", "--drill", "pickups", "--only", "one-owner", "--seeds", "1"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1].startswith("| `one-owner` | pickups --days 1 | 1 | 1 | ")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_failing_seeds_leave_the_same_trace() -> None:
    require("campaign")
    result = CliRunner().invoke(
        app, ["replays", "--seeds", "2", "--times", "3", "--jobs", "2", "--json"]
    )
    assert result.exit_code == 0, result.output
    record = json.loads(result.output.splitlines()[-1])
    assert (record["runs"], record["violations"]) == (6, 0)
    assert record["figures"] == {"seeds": 2, "traces": 2}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_seeds_that_do_not_fail_are_no_proof() -> None:
    require("campaign")
    words = [
        "replays",
        "--seeds",
        "1",
        "--times",
        "2",
        "--jobs",
        "1",
        "--ablate",
        "token-given-back",
    ]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1
    assert "only 0 seeds fail" in result.output
