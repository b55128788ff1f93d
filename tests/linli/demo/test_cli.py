"""`linli demo --fresh` deletes a demo's data, and only when nothing runs on it; what a check's end is to a script."""

import sys
from pathlib import Path

import pytest

from common.kit.errors import ConfigError, UnavailableError
from common.kit.folder import hold
from linli.cli import main
from linli.demo import cli
from linli.demo.check import CheckError
from linli.demo.cli import forget
from linli.demo.ports import Ports


def test_data_of_a_running_demo_stays(tmp_path: Path) -> None:
    held = hold(tmp_path, "linli-demo", key="demo.running", who="`linli demo`")
    with pytest.raises(UnavailableError) as refused:
        forget(tmp_path)
    assert refused.value.key == "demo.running"
    assert tmp_path.exists()
    held.close()
    forget(tmp_path)
    assert not tmp_path.exists()


def test_a_folder_that_is_no_demo_stays(tmp_path: Path) -> None:
    (tmp_path / "letters").write_text("dear")
    with pytest.raises(ConfigError):
        forget(tmp_path)
    assert (tmp_path / "letters").exists()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CheckError("check.pulses", "2 pulses where 1 was asked for"), 1),
        (UnavailableError("demo.ended", "the hub ended by itself"), 3),
    ],
)
def test_a_violated_check_is_no_unavailable_program(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    code: int,
) -> None:
    async def fails(*_words: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr(cli, "_demo", fails)
    monkeypatch.setattr(Ports, "require_free", lambda _ports: None)  # nothing listens here
    words = ["linli", "demo", "--check", "--data", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == code
    assert str(error) in capsys.readouterr().err
