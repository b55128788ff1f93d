"""Schemathesis over every path of the hub, anonymous and with each role's token: no 5xx, nothing undocumented.

About ten examples an operation here; `LINLI_SCHEMATHESIS_EXAMPLES=100` is the full proof.
"""

import asyncio
import os
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode, openapi
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from cloud.access.caller import OPERATOR, ROLES, Caller
from cloud.api.assemble import api_document
from cloud.config import HubConfig, HubSection, LimitsSection
from cloud.orders.service import Wish
from cloud.seed import STATION_ID
from cloud.seed import seed as seed_town
from cloud.verify import violations_tx
from tests.cloud.harness import HubUnderTest, MovableClock, ports, running_hub

EXAMPLES = int(os.environ.get("LINLI_SCHEMATHESIS_EXAMPLES", "10"))
SEED = 20260302
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
KINDS = 4  # right and wrong input, made-up and known ids
BOTH = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
DESK_CALLER = Caller("test", "test", frozenset({OPERATOR}))


@dataclass(slots=True)
class Town:
    """A hub with something in it, on its own thread; `known` fills paths with ids that exist."""

    url: str
    tokens: dict[str, str]
    document: dict[str, object]
    known: dict[str, str]
    running: HubUnderTest
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)


async def _fill(running: HubUnderTest, folder: Path) -> dict[str, str]:
    rooms = running.hub.rooms
    await seed_town(rooms, ports(MovableClock()), folder)
    wish = Wish(running.person_id, STATION_ID, (("MILK-1L", 1), ("RICE-5KG", 1)))
    order_id = await rooms.orders.place(wish)
    await rooms.orders.pay(order_id)
    await rooms.orders.lock(order_id)
    view = await rooms.orders.view(order_id, DESK_CALLER)
    accounts = {one.login: one.account_id for one in await rooms.access.accounts()}
    return {
        "order_id": order_id,
        "parcel_id": view.parcels[0].parcel_id,
        "person_id": running.person_id,
        "station_id": STATION_ID,
        "sku": "MILK-1L",
        "label": "A01",
        "round_id": view.round_id,
        "account_id": accounts["driver"],
    }


@contextmanager
def _town(url: str, folder: Path) -> Iterator[Town]:
    """Run the hub on a thread of its own: schemathesis asks from this one."""
    started: Future[Town] = Future()
    stop: Future[asyncio.Event] = Future()
    config = HubConfig(
        hub=HubSection(data=folder, port=0, database_url=url),
        limits=LimitsSection(requests_per_minute=10_000_000),
    )

    async def main() -> None:
        ending = asyncio.Event()
        stop.set_result(ending)
        async with running_hub(config, MovableClock()) as running:
            known = await _fill(running, folder)
            document = api_document(running.hub.rooms.routes())
            started.set_result(Town(running.hub.web.url, running.tokens, document, known, running))
            await ending.wait()
            assert await running.hub.db.read(violations_tx) == []

    loop = asyncio.new_event_loop()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            loop.run_until_complete(main())
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            failed.append(error)
            if not started.done():
                started.set_exception(error)
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield started.result(timeout=60)
    finally:
        loop.call_soon_threadsafe(stop.result(timeout=5).set)
        thread.join()
    assert failed == []


@pytest.fixture(scope="module")
def sqlite_town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("town")
    with _town(f"sqlite:///{folder / 'hub.db'}", folder) as town:
        yield town


def _examine(town: Town, role: str | None) -> int:
    """Ask every operation with made-up and with known ids, right and wrong; return how many requests."""
    schema = openapi.from_dict(town.document)
    headers = {} if role is None else {"Authorization": f"Bearer {town.tokens[role]}"}
    asked = 0
    session = requests.Session()
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        operation = result.ok()
        if operation.path == "/api/v1/sessions/current" and role is not None:
            continue  # ends the very token in use; test_routes.py asks it
        for mode in BOTH:
            for known in ({}, town.known):
                fixed = _paths(operation, known)
                if known and not fixed:
                    continue
                if mode is GenerationMode.NEGATIVE and not _has_input(operation):
                    continue
                asked += _ask(town, session, operation, mode, fixed, headers)
    session.close()
    return asked


def _paths(operation: Any, known: dict[str, str]) -> dict[str, str]:
    names = [one.name for one in operation.path_parameters]
    return {name: known[name] for name in names} if set(names) <= set(known) else {}


def _has_input(operation: Any) -> bool:
    return any(operation.iter_parameters()) or bool(operation.body)


def _ask(
    town: Town,
    session: requests.Session,
    operation: Any,
    mode: GenerationMode,
    fixed: dict[str, str],
    headers: dict[str, str],
) -> int:
    asked = 0
    strategy = operation.as_strategy(generation_mode=mode, path_parameters=fixed or None)

    @seed(SEED)
    @settings(
        max_examples=-(-EXAMPLES // KINDS),
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def ask(case: Any) -> None:
        nonlocal asked
        asked += 1
        answer = case.call_and_validate(
            base_url=town.url, session=session, headers=headers, checks=CHECKS
        )
        town.answers[operation.label, answer.status_code] += 1

    ask()
    return asked


@pytest.mark.slow
@pytest.mark.timeout(60 + 30 * EXAMPLES)
@pytest.mark.parametrize("role", [None, *ROLES])
def test_no_request_breaks_the_hub(sqlite_town: Town, role: str | None) -> None:
    assert _examine(sqlite_town, role) > 100


@pytest.mark.slow
@pytest.mark.timeout(90 + 30 * EXAMPLES)
def test_no_request_breaks_the_hub_on_postgresql(postgres_dsn: str, tmp_path: Path) -> None:
    with _town(postgres_dsn, tmp_path) as town:
        assert _examine(town, "admin") > 100
    _assert_deep(town)


@pytest.mark.slow
@pytest.mark.timeout(60 + 30 * EXAMPLES)
def test_the_requests_reach_past_the_guard(sqlite_town: Town) -> None:
    if not sqlite_town.answers:
        _examine(sqlite_town, "admin")
    _assert_deep(sqlite_town)


def _assert_deep(town: Town) -> None:
    """Most operations were answered with success at least once, or the examples prove little."""
    labels = {label for label, _ in town.answers}
    reached = {label for label, status in town.answers if status < 300}
    assert len(reached) > len(labels) * 0.6, sorted(labels - reached)
