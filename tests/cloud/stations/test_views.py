"""How fresh a station's last word is."""

import pytest

from cloud.stations.schemas import cursor_of
from cloud.stations.views import Connectivity, connectivity
from common.kit.errors import InvalidError


@pytest.mark.parametrize(
    ("age_s", "state"),
    [
        (0, Connectivity.ONLINE),
        (90, Connectivity.ONLINE),
        (91, Connectivity.LATE),
        (900, Connectivity.LATE),
        (901, Connectivity.OFFLINE),
    ],
)
def test_age_makes_connectivity(age_s: int, state: Connectivity) -> None:
    assert connectivity(1_000_000, 1_000_000 + age_s * 1000) is state


def test_a_station_never_heard_of_is_not_offline() -> None:
    assert connectivity(None, 5) is Connectivity.NEVER


@pytest.mark.parametrize(
    "text", ["", "1", "1.facts.2", "1.money.2.3", "1.facts.2.3.4", "-1.facts.2.3"]
)
def test_a_cursor_nobody_gave_is_refused(text: str) -> None:
    with pytest.raises(InvalidError):
        cursor_of(text)
