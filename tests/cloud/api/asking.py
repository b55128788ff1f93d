"""Schemathesis over the operations of a hub; importing it is not free, so only the tests that ask do."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

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

from cloud.api.assemble import PREFIX
from common.kit.openapi import ANYONE
from tests.cloud.api.fuzzed_station import FuzzedStation
from tests.cloud.api.fuzzed_town import EXAMPLES, GATEWAY, Town

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
BOTH = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


def examine(town: Town, role: str | None) -> int:
    """Ask every operation with made-up and with known ids, right and wrong; return how many requests."""
    asked = 0
    with requests.Session() as session:
        for operation in operations(town):
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


def operations(town: Town) -> Iterator[Any]:
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


def examine_gateway(town: Town) -> None:
    """Ask the gateway signed: with the session and place of a greeted station, and with made-up ones."""
    town.station.greet()
    with requests.Session() as session:
        for operation in operations(town):
            if operation.path.startswith(GATEWAY):
                for town.station.honest in (True, False):
                    for mode in BOTH:
                        Ask(town, session, operation, station=town.station).run(mode)
