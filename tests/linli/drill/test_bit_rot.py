"""Bits that turn over by themselves: no silent wrong answer, and the drill finds one when a safeguard is off."""

from collections.abc import Sequence

import pytest

from linli.drill.rot.campaign import Ablation, Campaign, Tally

KEPT = (
    3483,  # two bits whose sums cancel out
    185,  # a lane's row is lost, and the hub has heard everything since the copy
)


def _campaign(seeds: Sequence[int], without: Ablation | None = None) -> tuple[Tally, list[str]]:
    said: list[str] = []
    return Campaign(seeds, said.append, without).run(), said


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_no_answer_is_silently_wrong() -> None:
    tally, said = _campaign((*range(1, 60), *KEPT))
    assert tally.violations == [], said
    assert tally.runs == 61
    assert {"exact", "rebuilt", "unharmed"} <= set(tally.outcomes)
    assert tally.slowest_s < 60


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("without", list(Ablation))
def test_a_safeguard_that_is_off_is_noticed(without: Ablation) -> None:
    tally, said = _campaign(range(1, 31), without)
    assert tally.violations
    assert any("replay: linli drill bit-rot --seed" in line for line in said)
