"""Schemathesis over every path of the hub, anonymous, with each role's token and signed as a station.

No 5xx, nothing undocumented. About ten examples an operation here, one where the caller is refused before anything
is read; `LINLI_SCHEMATHESIS_EXAMPLES=100` is the full proof, everywhere.
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
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from cloud.access.caller import ADMIN, OPERATOR, RESIDENT, ROLES, Caller
from cloud.api.assemble import DOCUMENT_PATH, PREFIX
from cloud.config import HubConfig, HubSection, LimitsSection
from cloud.orders.service import Wish
from cloud.seed import STATION_ID
from cloud.seed import seed as seed_town
from cloud.verify import violations_tx
from common.kit.clock import to_ms
from common.kit.identity import public_key
from common.kit.openapi import ANYONE
from tests.cloud.api.fuzzed_station import KEY, FuzzedStation
from tests.cloud.harness import HubUnderTest, MovableClock, ports, running_hub
from tests.parts import required

EXAMPLES = int(os.environ.get("LINLI_SCHEMATHESIS_EXAMPLES", "10" if required("campaign") else "4"))
WHOLE = EXAMPLES >= 100
SEED = 20260302
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
KINDS = 4  # right and wrong input, made-up and known ids (or an honest and a lying station)
SIGN_OUT = f"{PREFIX}/sessions/current"
GATEWAY = "/sync/"
BOTH = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
DESK_CALLER = Caller("test", "test", frozenset({OPERATOR}))


@dataclass(slots=True)
class Town:
    """A hub with something in it, on its own thread; `known` fills paths with ids that exist."""

    url: str
    tokens: dict[str, str]
    document: dict[str, object]
    known: dict[str, str]
    station: FuzzedStation
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)


async def _fill(running: HubUnderTest, folder: Path) -> dict[str, str]:
    rooms = running.hub.rooms
    await seed_town(rooms, ports(MovableClock()), folder)
    await rooms.db.write(
        lambda conn: rooms.gateway.register_station_tx(conn, STATION_ID, public_key(KEY))
    )
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
            url = running.hub.web.url
            document = (await running.ask(None, "GET", DOCUMENT_PATH)).json()
            station = FuzzedStation(url, STATION_ID, to_ms(MovableClock().wall()))
            started.set_result(Town(url, running.tokens, document, known, station))
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
    asked = 0
    with requests.Session() as session:
        for operation in _operations(town):
            ask = Ask(town, session, operation, role)
            if not (WHOLE or _is_heard(operation, role)):
                asked += ask.run(GenerationMode.POSITIVE, examples=1)
                continue
            for mode in BOTH if _has_input(operation) else BOTH[:1]:
                for known in ({}, town.known):
                    fixed = _paths(operation, known)
                    if fixed or not known:
                        asked += ask.run(mode, fixed)
    return asked


def _operations(town: Town) -> Iterator[Any]:
    for result in openapi.from_dict(town.document).get_all_operations():
        assert isinstance(result, Ok), result
        yield result.ok()


def _is_heard(operation: Any, role: str | None) -> bool:
    """Return whether this caller's input is read at all."""
    roles = set(operation.definition.raw.get("x-roles", ()))
    return bool(roles & {role, *ANYONE})


def _paths(operation: Any, known: dict[str, str]) -> dict[str, str]:
    names = [one.name for one in operation.path_parameters]
    return {name: known[name] for name in names} if set(names) <= set(known) else {}


def _has_input(operation: Any) -> bool:
    return any(operation.iter_parameters()) or bool(operation.body)


@dataclass(slots=True)
class Ask:
    """One operation, asked by one caller; a `station` signs."""

    town: Town
    session: requests.Session
    operation: Any
    role: str | None = None
    station: FuzzedStation | None = None
    asked: int = 0

    def run(
        self,
        mode: GenerationMode,
        fixed: dict[str, str] | None = None,
        *,
        examples: int = -(-EXAMPLES // KINDS),
    ) -> int:
        """Ask `examples` times; return how often that really was."""
        before = self.asked
        strategy = self.operation.as_strategy(generation_mode=mode, path_parameters=fixed or None)

        @seed(SEED)
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=strategy)
        def ask(case: Any) -> None:
            self._once(case, mode)

        ask()
        return self.asked - before

    def _once(self, case: Any, mode: GenerationMode) -> None:
        self.asked += 1
        checks = CHECKS
        if self.station is not None:
            if self.station.honest and mode is GenerationMode.POSITIVE:
                self.station.make_honest(case)
            if case.meta.is_negative_at(ParameterLocation.HEADER):
                checks = [
                    one for one in CHECKS if one is not negative_data_rejection
                ]  # overwritten
        answer = case.call_and_validate(
            base_url=self.town.url, session=self.session, headers=self._headers(),
            auth=self.station, checks=checks,
        )  # fmt: skip
        if self.station is not None and self.station.honest and answer.status_code == 200:
            self.station.heard(case.path, answer.content)
        self.town.answers[self.operation.label, answer.status_code] += 1

    def _headers(self) -> dict[str, str]:
        if self.role is None:
            return {}
        token = self.town.tokens[self.role]
        if self.operation.path == SIGN_OUT:  # ends the token it comes with: one to throw away
            token = _another_token(self.town, self.session, self.role)
        return {"Authorization": f"Bearer {token}"}


def _another_token(town: Town, session: requests.Session, role: str) -> str:
    admin = {"Authorization": f"Bearer {town.tokens['admin']}"}
    own = {"Authorization": f"Bearer {town.tokens[role]}"}
    account_id = session.get(f"{town.url}{PREFIX}/me", headers=own).json()["account_id"]
    path = f"{town.url}{PREFIX}/accounts/{account_id}/tokens"
    return str(session.post(path, headers=admin, json={"hours": 1}).json()["token"])


@pytest.mark.slow
@pytest.mark.timeout(60 + 30 * EXAMPLES)
@pytest.mark.parametrize("role", [None, *(ROLES if required("campaign") else (RESIDENT, ADMIN))])
def test_no_request_breaks_the_hub(sqlite_town: Town, role: str | None) -> None:
    assert _examine(sqlite_town, role) >= len(list(_operations(sqlite_town)))
    if role == "admin":
        _assert_deep(sqlite_town)


@pytest.mark.slow
@pytest.mark.timeout(90 + 30 * EXAMPLES)
def test_no_request_breaks_the_hub_on_postgresql(postgres_dsn: str, tmp_path: Path) -> None:
    with _town(postgres_dsn, tmp_path) as town:
        assert _examine(town, "admin") > 100
        _examine_gateway(town)
    _assert_deep(town)


@pytest.mark.slow
@pytest.mark.timeout(60 + 30 * EXAMPLES)
def test_no_signed_request_breaks_the_gateway(sqlite_town: Town) -> None:
    _examine_gateway(sqlite_town)
    labels = {one.label for one in _operations(sqlite_town) if one.path.startswith(GATEWAY)}
    assert len(labels) == 6
    reached = {label for label, status in sqlite_town.answers if status < 400}
    assert labels <= reached, "the fuzz got past signature, session and place"


def _examine_gateway(town: Town) -> None:
    """Ask the gateway signed: with the session and place of a greeted station, and with made-up ones."""
    town.station.greet()
    with requests.Session() as session:
        for operation in _operations(town):
            if operation.path.startswith(GATEWAY):
                for town.station.honest in (True, False):
                    for mode in BOTH:
                        Ask(town, session, operation, station=town.station).run(mode)


def _assert_deep(town: Town) -> None:
    """Most operations were answered with success at least once, or the examples prove little."""
    labels = {label for label, _ in town.answers}
    reached = {label for label, status in town.answers if status < 300}
    assert len(reached) > len(labels) * 0.6, sorted(labels - reached)
