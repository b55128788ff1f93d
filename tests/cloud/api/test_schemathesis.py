"""Schemathesis over every path of the hub, anonymous, with each role's token and signed as a station.

No 5xx, nothing undocumented. About ten examples an operation here, one where the caller is refused before anything
is read; `LINLI_SCHEMATHESIS_EXAMPLES=100` is the full proof, everywhere.
"""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from cloud.access.caller import ADMIN, RESIDENT, ROLES
from tests.cloud.api.fuzzed_town import EXAMPLES, GATEWAY, Town, served_town
from tests.parts import require, required


@pytest.fixture(scope="module")
def sqlite_town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("town")
    with served_town(f"sqlite:///{folder / 'hub.db'}", folder) as town:
        yield town


@pytest.fixture(scope="module")
def asking() -> ModuleType:
    """Import schemathesis here: every process that only collects tests does without it."""
    from tests.cloud.api import asking

    return asking


@pytest.mark.slow
@pytest.mark.timeout(60 + 30 * EXAMPLES)
def test_no_signed_request_breaks_the_gateway(asking: ModuleType, sqlite_town: Town) -> None:
    """Comes first: an admin who tries everything revokes the station's key as well."""
    asking.examine_gateway(sqlite_town)
    labels = {one.label for one in asking.operations(sqlite_town) if one.path.startswith(GATEWAY)}
    assert len(labels) == 6
    reached = {label for label, status in sqlite_town.answers if status < 400}
    assert labels <= reached, "the fuzz got past signature, session and place"


@pytest.mark.slow
@pytest.mark.timeout(60 + 30 * EXAMPLES)
@pytest.mark.parametrize("role", [None, *(ROLES if required("campaign") else (RESIDENT, ADMIN))])
def test_no_request_breaks_the_hub(asking: ModuleType, sqlite_town: Town, role: str | None) -> None:
    assert asking.examine(sqlite_town, role) >= len(list(asking.operations(sqlite_town)))
    if role == "admin":
        _assert_deep(sqlite_town)


@pytest.mark.slow
@pytest.mark.timeout(90 + 30 * EXAMPLES)
def test_no_request_breaks_the_hub_on_postgresql(
    asking: ModuleType, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    require("campaign")
    postgres_dsn = request.getfixturevalue("postgres_dsn")
    with served_town(postgres_dsn, tmp_path) as town:
        asking.examine_gateway(town)
        assert asking.examine(town, "admin") > 100
    _assert_deep(town)


def _assert_deep(town: Town) -> None:
    """Most operations were answered with success at least once, or the examples prove little."""
    labels = {label for label, _ in town.answers}
    reached = {label for label, status in town.answers if status < 300}
    assert len(reached) > len(labels) * 0.6, sorted(labels - reached)
