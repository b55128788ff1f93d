"""The bench: control API and page of the simulated cabinet (GET /state, POST /faults, POST /doors/{label}).

For testers on the same machine; limits, headers and problem details are the kit's.
"""

import logging
from enum import StrEnum

from aiohttp import web
from pydantic import BaseModel, ConfigDict, TypeAdapter

from common.kit.errors import NotFoundError
from common.kit.web import Limits, make_app
from device_sim.bench_page import BenchPage
from device_sim.bodies import body_of, json_of
from device_sim.cabinet import Cabinet
from device_sim.faults import Fault
from device_sim.serial_bench import SerialBench

LIMITS = Limits(body_bytes=16 * 1024, connections=64)

_log = logging.getLogger(__name__)


class Action(StrEnum):
    """What hands can do to a door."""

    PUSH = "push"
    PULL = "pull"
    JAM = "jam"
    FREE = "free"
    PUT = "put"
    TAKE = "take"


class DoorAct(BaseModel):
    """Body of POST /doors/{label}."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Action


_FAULT: TypeAdapter[Fault] = TypeAdapter(Fault)
_DOOR_ACT = TypeAdapter(DoorAct)


def make_bench(cabinet: Cabinet) -> web.Application:
    """Return the application; every route works on `cabinet` alone."""
    bench, page = _Bench(cabinet), BenchPage(cabinet.config)
    app = make_app(limits=LIMITS)
    app.add_routes(
        [
            web.get("/", page.page),
            web.get("/state", bench.state),
            web.get("/faults", bench.faults),
            web.post("/faults", bench.lay_fault),
            web.delete("/faults", bench.clear_faults),
            web.post("/faults/lift", bench.lift_fault),
            web.post("/doors/{label}", bench.act),
            web.get("/static/{name}", page.static),
        ]
    )
    SerialBench(cabinet).add_to(app)
    return app


class _Bench:
    """The handlers of the API."""

    def __init__(self, cabinet: Cabinet) -> None:
        self._cabinet = cabinet

    async def state(self, _request: web.Request) -> web.Response:
        """GET /state: doors, every pulse with its time, temperatures."""
        return json_of(self._cabinet.state())

    async def faults(self, _request: web.Request) -> web.Response:
        """GET /faults: the faults that lie on the cabinet now."""
        self._cabinet.settle_now()
        body = {"faults": [fault.model_dump() for fault in self._cabinet.faults.active()]}
        return web.json_response(body)

    async def lay_fault(self, request: web.Request) -> web.Response:
        """POST /faults: lay one on; 404 for a target that is not there, 422 for an unknown kind."""
        fault = await body_of(request, _FAULT)
        self._cabinet.lay(fault)
        _log.info("fault laid on: %s %s", fault.kind, fault.target)
        return json_of(fault, status=201)

    async def lift_fault(self, request: web.Request) -> web.Response:
        """POST /faults/lift: take off the fault of the body; 404 when it does not lie on the cabinet."""
        fault = await body_of(request, _FAULT)
        self._cabinet.settle_now()
        if fault not in self._cabinet.faults.active():
            raise NotFoundError("sim.no_such_fault", "this fault does not lie on the cabinet")
        self._cabinet.lift(fault)
        return web.Response(status=204)

    async def clear_faults(self, _request: web.Request) -> web.Response:
        """DELETE /faults: take all off."""
        self._cabinet.lift_all()
        return web.Response(status=204)

    async def act(self, request: web.Request) -> web.Response:
        """POST /doors/{label}: hands on a door; `moved` tells whether it gave way."""
        act = await body_of(request, _DOOR_ACT)
        label = request.match_info["label"]
        moved = False
        match act.action:
            case Action.PUSH:
                moved = self._cabinet.push(label)
            case Action.PULL:
                moved = self._cabinet.pull(label)
            case Action.JAM:
                self._cabinet.jam(label)
            case Action.FREE:
                self._cabinet.free(label)
            case Action.PUT | Action.TAKE:
                moved = self._cabinet.set_goods(label, there=act.action is Action.PUT)
        door = next(door for door in self._cabinet.state().doors if door.label == label)
        return web.json_response({"moved": moved, **door.model_dump()})
