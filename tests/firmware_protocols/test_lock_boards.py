"""The facts of every kind, and what a board cannot be told."""

import pytest

from firmware_protocols.lock_boards import LOCK_BOARDS, LockKind, misfit, sensor_misfit
from tests.parts import ROOT


def test_what_fits() -> None:
    assert misfit("waveshare_8ch_d", unit=1, channel=7, pulse_ms=400) is None
    assert misfit("wkly", unit=0, channel=23, pulse_ms=450) is None, "its pulse is its own"
    assert sensor_misfit("wkly", unit=31, channel=0) is None


@pytest.mark.parametrize(
    ("kind", "unit", "channel", "pulse_ms", "said"),
    [
        ("waveshare_16ch", 0, 0, 400, "1 to 247, not 0"),
        ("wkly", 32, 0, 400, "0 to 31, not 32"),
        ("waveshare_32ch", 1, 32, 400, "0 to 31, not 32"),
        ("wkly", 1, -1, None, "0 to 23, not -1"),
        ("r421a08", 1, 0, 400, "steps of 1000 ms, not 400; set it if the lock bears that"),
        ("waveshare_16ch", 1, 0, 250, "steps of 100 ms, not 250"),
    ],
)
def test_what_does_not(
    kind: LockKind, unit: int, channel: int, pulse_ms: int | None, said: str
) -> None:
    assert said in (misfit(kind, unit=unit, channel=channel, pulse_ms=pulse_ms) or "")


@pytest.mark.parametrize(
    ("kind", "unit", "channel", "said"),
    [
        ("waveshare_16ch", 1, 0, "no door inputs"),
        ("wkly", 99, 0, "0 to 31, not 99"),
        ("waveshare_8ch_d", 1, 8, "inputs 0 to 7, not 8"),
    ],
)
def test_an_input_that_is_not_there(kind: LockKind, unit: int, channel: int, said: str) -> None:
    assert said in (sensor_misfit(kind, unit=unit, channel=channel) or "")


@pytest.mark.parametrize("kind", LOCK_BOARDS)
def test_every_kind_has_a_page_that_names_it(kind: LockKind) -> None:
    facts = LOCK_BOARDS[kind]
    page = (ROOT / "docs/hardware" / facts.page).read_text(encoding="utf-8")
    assert f'board_kind = "{kind}"' in page
    if facts.doubt:
        assert "**Experimental**" in page
    assert bool(facts.pulse.step_ms) is not bool(facts.pulse.own_ms)
