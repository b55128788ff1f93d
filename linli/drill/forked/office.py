"""Buyer and staff at the hub as apps are: unanswered they repeat with the same key, after a lost answer they look."""

import json
from collections.abc import Callable
from typing import Any

from linli.drill.forked.hubside import INVITE, PAIR, REDEEM, Request
from linli.drill.forked.table import Table
from linli.journey.story import Basket, Bought

_LOST = "idempotency.interrupted"
_TRIES, _BETWEEN_S, _AWAY_S = 12, 0.2, 1.0
STEPS = ("packed", "departed", "arrived")


class Office:
    """The people at the hub, with a table for their clock."""

    def __init__(self, table: Table, stream: str) -> None:
        """Draw the keys of requests from `stream`."""
        self._table, self._stream, self._keys = table, stream, 0
        access = table.ground.access
        self.buyer, self.person_id = access.residents[0]["token"], access.residents[0]["person_id"]
        self.admin, self.operator = table.ground.tokens
        self.station_id = access.station_id

    def get(self, path: str, token: str | None = None) -> Any:
        """Read below /api/v1."""
        return self._send("GET", path, None, token or self.admin, {})

    def post(
        self,
        path: str,
        body: object,
        token: str | None = None,
        is_done: Callable[[], bool] | None = None,
    ) -> Any:
        """Post once, whatever dies; None when its answer was lost and `is_done` says that it took effect.

        A refusal is a violation: nobody here asks for what may be refused.
        """
        for _ in range(_TRIES):
            self._keys += 1
            more = {"Idempotency-Key": f"{self._stream}-{self._keys}"}
            found = self._send("POST", path, body, token or self.admin, more)
            if not isinstance(found, dict) or found.get("key") != _LOST:
                return found
            if is_done is not None and is_done():
                return None
        self._table.on_violated(f"POST {path} comes to no end")
        return None

    def buy(self, basket: Basket) -> Bought:
        """Place, pay and lock one order, each once."""
        order_id = self.place(basket)
        self.pay(order_id)
        self.post(
            f"/orders/{order_id}/lock", {}, is_done=lambda: bool(self.order(order_id)["parcels"])
        )
        locked = self.order(order_id)
        parcels = locked["parcels"]
        return Bought(
            order_id,
            tuple(one["parcel_id"] for one in parcels),
            tuple(one["label"] for one in parcels),
            str(locked["pickup"]["code"]),
        )

    def place(self, basket: Basket) -> str:
        """Place one order; return its id."""
        known = self._newest()
        wish = {
            "person_id": self.person_id,
            "station_id": self.station_id,
            "lines": [{"sku": sku, "qty": qty} for sku, qty in basket],
        }
        self.post("/orders", wish, self.buyer, lambda: self._newest() != known)
        return str(self._newest())

    def pay(self, order_id: str) -> None:
        """Pay it."""
        path = f"/orders/{order_id}/pay"
        self.post(path, {}, self.buyer, lambda: self.order(order_id)["state"] != "placed")

    def deliver(self, bought: Bought) -> None:
        """Take every parcel through packed, departed and arrived."""
        for step in STEPS:
            for parcel_id in bought.parcel_ids:
                path = f"/parcels/{parcel_id}/custody"
                self.post(
                    path,
                    {"to": step},
                    is_done=lambda p=path, s=step: s in self._states(p),  # type: ignore[misc]
                )

    def order(self, order_id: str) -> Any:
        """Return an order as its buyer sees it."""
        return self.get(f"/orders/{order_id}", self.buyer)

    def pair(self) -> Any:
        """Pair the station anew with its own key, as `linli hub pair` does."""
        return self._send(PAIR, "", None, "", {})

    def invite(self) -> Any:
        """Invite the station to pair, as `linli hub invite` does; the invitation before is void."""
        return self._send(INVITE, "", None, "", {})

    def redeem(self, secret: str) -> Any:
        """Let the station redeem an invitation with its own key; unanswered it asks again with the same one."""
        return self._send(REDEEM, "", {"secret": secret}, "", {})

    def wait(self, seconds: float) -> None:
        """Let time pass at the hub as well."""
        self._table.let_pass(seconds)
        self.get("/rounds")

    def _states(self, path: str) -> list[str]:
        return [one["to_state"] for one in self.get(path)["custody"]]

    def _newest(self) -> str | None:
        orders = self.get("/orders?limit=1", self.buyer)["orders"]
        return str(orders[0]["order_id"]) if orders else None

    def _send(self, method: str, path: str, body: object, token: str, more: dict[str, str]) -> Any:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **more}
        data = json.dumps(body).encode() if body is not None else None
        for _ in range(_TRIES):
            self._table.let_pass(_BETWEEN_S)
            found = self._table.on_hub(Request(method, f"/api/v1{path}", headers, data))
            if found is None:
                self._table.let_pass(_AWAY_S)
                continue
            answer = json.loads(found.body)
            if found.status >= 400 and answer.get("key") != _LOST:
                self._table.on_violated(f"{method} {path}: {found.status} {answer}")
            return answer
        self._table.on_violated(f"the hub does not answer {method} {path}")
        return {}
