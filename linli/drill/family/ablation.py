"""Safeguards of codes that were given away, switched off from outside: the drill must notice each."""

import importlib
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from edge.pickup import kin, withdrawn
from linli.world.ablation import Patches

_store = importlib.import_module("edge.pickup.store")  # it belongs to its room


def _siblings_stay() -> Patches:
    return [(kin, "opened_by_another", lambda *_: False)]


def _children_stay() -> Patches:
    terms = _store.terms

    def alone(conn: sqlite3.Connection, grant_id: str) -> Any:
        found = terms(conn, grant_id)
        own = conn.execute(
            "SELECT state FROM replica_grant WHERE grant_id = ?", (grant_id,)
        ).fetchone()
        is_revoked = own is not None and own["state"] == "revoked"
        return replace(found, revoked=is_revoked) if found else None

    return [(_store, "terms", alone)]


def _sheet_holds() -> Patches:
    return [(withdrawn, "withdraw_tx", lambda _conn, grant_ids, **_: tuple(grant_ids))]


ABLATIONS: dict[str, Callable[[], Patches]] = {
    "siblings-stay": _siblings_stay,
    "children-stay": _children_stay,
    "sheet-holds": _sheet_holds,
}
