"""Safeguards of copies and restores, switched off from outside: each drill must notice each of its own."""

from collections.abc import Callable, Mapping
from typing import Any

from cloud.stations.copies import Copies
from cloud.sync import sessions
from edge.sync import fence, lanes
from linli.world.ablation import Patches


def _lease() -> Patches:
    return [(sessions, "_may_take_over", lambda *_: True)]


def _process() -> Patches:
    def same_boot(state: Any, hello: Any) -> bool:
        return bool(state.hello_id == hello.hello_id and state.install_id == hello.install_id)

    return [(sessions, "_is_same", same_boot)]


def _doors() -> Patches:
    return [(fence, "why_tx", lambda _conn: fence.Why.NONE)]


def _older() -> Patches:
    return [(fence, "is_older_tx", lambda _conn, _facts: False)]


def _withdraw() -> Patches:
    return [(Copies, "forked_tx", lambda *_: None)]


def _retention() -> Patches:
    return [(lanes, "RETENTION_MS", 0), (lanes, "RETENTION_ROWS", 0)]


def _generation() -> Patches:
    return [(sessions, "_generation", lambda _conn, state, _hello: int(state.gen))]


CLONE: Mapping[str, Callable[[], Patches]] = {
    "lease": _lease,
    "process": _process,
    "doors": _doors,
    "older-disk": _older,
    "withdraw": _withdraw,
}
RESTORE: Mapping[str, Callable[[], Patches]] = {
    "retention": _retention,
    "generation": _generation,
}
