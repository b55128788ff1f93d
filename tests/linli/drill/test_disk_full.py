"""A real small disk filled to the last byte: pickups go on; without the reserve the drill sees them fail."""

import pytest

from common.kit.errors import UnavailableError
from linli.drill.full import DiskFull, Tally


def _run(**options: bool) -> Tally:
    try:
        return DiskFull(range(1, 2), lambda _: None, **options).run()
    except UnavailableError as error:
        if error.key != "drill.small_disk":
            raise
        pytest.skip(error.detail)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_pickups_go_on_to_the_last_byte_and_after() -> None:
    tally = _run()
    assert tally.violations == []
    assert tally.pickups == 2
    assert tally.levels == {"ok", "low", "critical", "full"}


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_without_the_reserve_a_pickup_fails() -> None:
    assert any(
        "a pickup on a full disk fails" in said for _, said in _run(without_reserve=True).violations
    )
