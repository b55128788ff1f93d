"""What the desk does: every form acts once, through the same rooms as the JSON interface, and redirects."""

import re

from aiohttp import web

from cloud.access.service import audit_tx
from cloud.orders.service import CustodyStep, Wish
from cloud.web.forms import Fields, is_id, number_of, path_id, text_of
from cloud.web.frame import Frame, Outcome
from cloud.web.session import Flash, Who
from common.contract.words import CommandState
from common.kit.errors import InvalidError

_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,15}")
_SKU = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_QTY = "qty-"
_MOST_PIECES = 99


class Acts:
    """The forms of the desk."""

    def __init__(self, frame: Frame) -> None:
        """Act on the rooms of `frame`."""
        self._frame, self._ports = frame, frame.ports

    def add_to(self, app: web.Application) -> None:
        """Register the routes."""
        for path, act in (
            ("/stations/{station_id}/doors/{label}/open", self._open_door),
            ("/stations/{station_id}/commands/{command_id}/confirm", self._confirm),
            ("/stations/{station_id}/doors/{label}/service", self._service),
            ("/stations/{station_id}/keepers", self._keeper),
            ("/stations/{station_id}/readmit", self._readmit),
            ("/stations/{station_id}/revoke-key", self._revoke_key),
            ("/orders/new", self._place),
            ("/orders/{order_id}/pay", self._pay),
            ("/orders/{order_id}/lock", self._lock),
            ("/orders/{order_id}/cancel", self._cancel),
            ("/orders/{order_id}/revoke", self._revoke),
            ("/orders/{order_id}/code", self._renew_code),
            ("/orders/{order_id}/parcels/{parcel_id}/custody", self._custody),
            ("/cases/{case_id}/close", self._close_case),
            ("/rounds/open", self._open_round),
            ("/rounds/{round_id}/close", self._close_round),
        ):
            app.router.add_post(path, self._frame.acting(act))

    async def _open_door(self, request: web.Request, who: Who, fields: Fields) -> Outcome:
        station_id, label = _door_of(request)
        if fields.get("typed", "").strip().upper() != label.upper():
            raise InvalidError("web.label_differs", "the typed label is not the door's")
        asked = await self._ports.stations.command_open_door(
            station_id,
            label=label,
            reason=text_of(fields, "reason", least=3),
            issued_by=who.caller.name,
            expires_in_s=number_of(fields, "expires_in_s", least=10, most=300),
        )
        said = Flash("info", "The station is asked to open door %(door)s", {"door": label})
        if asked.state is CommandState.HELD:
            text = "Door %(door)s waits: another person of the desk has to confirm it on this page"
            said = Flash("warn", text, {"door": label})
        return f"/stations/{station_id}?door={label}#commands", said

    async def _confirm(self, request: web.Request, who: Who, _fields: Fields) -> Outcome:
        station_id, command_id = path_id(request, "station_id"), path_id(request, "command_id")
        sent = await self._ports.stations.commands.confirm(command_id, who.caller.name)
        said = Flash(
            "info", "The station is asked to open door %(door)s", {"door": sent.compartment}
        )
        return f"/stations/{station_id}#commands", said

    async def _service(self, request: web.Request, who: Who, fields: Fields) -> Outcome:
        station_id, label = _door_of(request)
        off = fields.get("out_of_service") == "yes"
        reason = text_of(fields, "reason", least=3)
        await self._ports.stations.sites.set_service(
            station_id, label, out_of_service=off, reason=reason
        )
        await self._note(
            who, "compartment.service", f"{station_id}/{label}: {off} {reason}", request
        )
        said = (
            Flash("info", "Door %(door)s goes out of service when the station has applied it", {"door": label})
            if off
            else Flash("info", "Door %(door)s comes back when the station has applied it", {"door": label})
        )  # fmt: skip
        return f"/stations/{station_id}?door={label}#door", said

    async def _keeper(self, request: web.Request, who: Who, fields: Fields) -> Outcome:
        station_id = path_id(request, "station_id")
        name = text_of(fields, "display_name", most=40)
        pin = fields.get("pin", "").strip()
        keeper = await self._ports.stations.set_keeper(station_id, display_name=name, pin=pin)
        await self._note(who, "keeper.written", f"{station_id}/{keeper.keeper_id}", request)
        said = Flash("ok", "Keeper %(name)s may sign in at the station", {"name": name})
        return f"/stations/{station_id}#keepers", said

    async def _readmit(self, request: web.Request, who: Who, fields: Fields) -> Outcome:
        station_id, daemon = path_id(request, "station_id"), fields.get("daemon", "")
        if not is_id(daemon):
            raise InvalidError("web.bad_form", "the form names no daemon")
        await self._ports.stations.readmit(station_id, daemon, who.caller.name)
        said = Flash("info", "This computer speaks for the station within a minute")
        return f"/stations/{station_id}#claims", said

    async def _revoke_key(self, request: web.Request, who: Who, fields: Fields) -> Outcome:
        station_id = path_id(request, "station_id")
        reason = text_of(fields, "reason", least=3)
        await self._ports.stations.revoke_key(station_id, reason, who.caller.name)
        said = Flash(
            "warn", "The key is revoked; nobody speaks for this station until it is paired anew"
        )
        return f"/stations/{station_id}", said

    async def _place(self, _request: web.Request, _who: Who, fields: Fields) -> Outcome:
        lines = [
            (name.removeprefix(_QTY), number_of(fields, name, least=1, most=_MOST_PIECES))
            for name, value in sorted(fields.items())
            if name.startswith(_QTY) and value.strip() not in ("", "0")
        ]
        if not lines:
            raise InvalidError("order.empty", "choose at least one piece of something")
        person_id, station_id = fields.get("person_id", ""), fields.get("station_id", "")
        if not (
            is_id(person_id) and is_id(station_id) and all(_SKU.fullmatch(s) for s, _ in lines)
        ):
            raise InvalidError("web.bad_form", "person, station or article is none")
        order_id = await self._ports.orders.place(Wish(person_id, station_id, lines))
        return f"/orders/{order_id}", Flash("ok", "Order placed. Next: pay, then lock.")

    async def _pay(self, request: web.Request, _who: Who, _fields: Fields) -> Outcome:
        order_id = path_id(request, "order_id")
        await self._ports.orders.pay(order_id)
        return f"/orders/{order_id}", Flash("ok", "Paid at the sandbox provider")

    async def _lock(self, request: web.Request, _who: Who, _fields: Fields) -> Outcome:
        order_id = path_id(request, "order_id")
        await self._ports.orders.lock(order_id)
        return f"/orders/{order_id}", Flash("ok", "Locked: parcels and pickup code are made")

    async def _cancel(self, request: web.Request, who: Who, _fields: Fields) -> Outcome:
        order_id = path_id(request, "order_id")
        await self._ports.orders.cancel(order_id, who.caller.name)
        return f"/orders/{order_id}", Flash("info", "Cancel requested")

    async def _revoke(self, request: web.Request, who: Who, _fields: Fields) -> Outcome:
        order_id = path_id(request, "order_id")
        view = await self._ports.orders.view(order_id, who.caller)
        if view.pickup is None:
            raise InvalidError("grant.not_found", "the order has no code yet")
        await self._ports.stations.grants.revoke(view.pickup.grant_id, who.caller.name)
        return f"/orders/{order_id}", Flash(
            "info", "Revoke asked for: the code stays valid until the station has applied it"
        )

    async def _renew_code(self, request: web.Request, who: Who, _fields: Fields) -> Outcome:
        order_id = path_id(request, "order_id")
        await self._ports.orders.renew_code(order_id, who.caller.name)
        return f"/orders/{order_id}", Flash(
            "ok", "A new code is made. It works when the station has heard of it."
        )

    async def _custody(self, request: web.Request, who: Who, fields: Fields) -> Outcome:
        order_id = path_id(request, "order_id")
        try:
            step = CustodyStep(fields.get("to", ""))
        except ValueError as error:
            raise InvalidError("web.bad_form", "no such step") from error
        parcel_id = path_id(request, "parcel_id")
        await self._ports.orders.hand_on(parcel_id, step, caller=who.caller)
        return f"/orders/{order_id}", None

    async def _close_case(self, request: web.Request, who: Who, fields: Fields) -> Outcome:
        note = text_of(fields, "note", least=3, most=400)
        await self._ports.orders.close_case(path_id(request, "case_id"), note, who.caller.name)
        return "/cases", Flash("ok", "The case is closed")

    async def _open_round(self, _request: web.Request, _who: Who, fields: Fields) -> Outcome:
        await self._ports.orders.open_round(text_of(fields, "name", most=60))
        return "/orders", Flash("ok", "The round is open")

    async def _close_round(self, request: web.Request, _who: Who, _fields: Fields) -> Outcome:
        await self._ports.orders.close_round(path_id(request, "round_id"))
        return "/orders", Flash("ok", "The round is closed, every paid order is locked")

    async def _note(self, who: Who, what: str, about: str, request: web.Request) -> None:
        clock, origin = self._ports.clock, request.remote or ""
        await self._ports.db.write(
            lambda c: audit_tx(
                c, clock=clock, who=who.caller.name, what=what, about=about[:200], origin=origin
            )
        )


def _door_of(request: web.Request) -> tuple[str, str]:
    label = request.match_info["label"]
    if not _LABEL.fullmatch(label):
        raise InvalidError("compartment.not_found", "no such label")
    return path_id(request, "station_id"), label
