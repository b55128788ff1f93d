"""One served hub for all browser tests of the pages."""

from collections.abc import Iterator

import pytest

from tests.cloud.web.served import ServedHub, served_hub


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedHub]:
    with served_hub(tmp_path_factory.mktemp("hub")) as found:
        yield found
