"""The bench's hands on devices with a port of their own: hold a code before the scanner, lay something on the scale."""

import logging
from typing import Self

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from device_sim.bodies import body_of
from device_sim.cabinet import Cabinet
from device_sim.card_device import CardDevice
from device_sim.printer_device import PrinterDevice
from device_sim.scanner_device import ScannerDevice
from firmware_protocols.escpos import Paper, Status

log = logging.getLogger(__name__)


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = Field(default=None, description="which one, where there are several")


class PrintedSetting(BaseModel):
    """A printed code that sets a zone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zone: int = Field(ge=0, le=0xFFFF)
    value: int = Field(ge=0, le=0xFF)


class ScanAct(_Body):
    """Body of POST /scanner: a text, or a printed setting code."""

    text: str | None = Field(default=None, min_length=1, max_length=2000)
    setting: PrintedSetting | None = None
    times: int = Field(default=1, ge=1, le=50, description="how often it is read while it is held")
    woven: bool = Field(default=False, description="the next answer falls into the middle of it")

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.text is None) == (self.setting is None):
            raise ValueError("give either `text` or `setting`")
        return self


class LoadAct(_Body):
    """Body of POST /scale: what lies on it from now."""

    load_g: float = Field(ge=-500_000, le=500_000, allow_inf_nan=False)
    moving_s: float = Field(default=1.0, ge=0, le=3600, description="how long it swings")
    drift_g_per_s: float = Field(
        default=0.0, ge=-1000, le=1000, description="what it creeps without saying so"
    )


class CardAct(_Body):
    """Body of POST /card: a card is held from now."""

    card: str = Field(pattern="^[0-9A-Fa-f]{10}$")
    for_s: float = Field(default=1.0, gt=0, le=60)


class PrinterAct(_Body):
    """Body of POST /printer: what state it is in from now."""

    paper: Paper = Paper.OK
    cover_open: bool = False
    error: bool = False
    off_line: bool = False


class FillAct(BaseModel):
    """Body of POST /fill: a box is full, or was emptied."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(max_length=20)
    full: bool


_SCAN = TypeAdapter(ScanAct)
_FILL = TypeAdapter(FillAct)
_CARD = TypeAdapter(CardAct)
_PRINTER = TypeAdapter(PrinterAct)
_LOAD = TypeAdapter(LoadAct)


class SerialBench:
    """The handlers."""

    def __init__(self, cabinet: Cabinet) -> None:
        """Act on the devices of `cabinet`."""
        self._cabinet, self._devices = cabinet, cabinet.serial

    def add_to(self, app: web.Application) -> None:
        """Register the routes."""
        app.router.add_post("/scanner", self.scan)
        app.router.add_post("/scale", self.load)
        app.router.add_post("/card", self.hold_card)
        app.router.add_post("/printer", self.printer)
        app.router.add_get("/printer", self.printed)
        app.router.add_post("/fill", self.fill)

    async def scan(self, request: web.Request) -> web.Response:
        """POST /scanner: hold a code before it; `read` tells whether it looked, `zones` how it is set."""
        act = await body_of(request, _SCAN)
        name, scanner = self._devices.find(ScannerDevice, act.name)
        now_s = self._cabinet.settle_now()
        if act.setting is not None:
            said = scanner.show_setting(act.setting.zone, act.setting.value)
        elif act.woven:
            scanner.weave((act.text or "").encode())
            said = None
        else:
            said = scanner.show((act.text or "").encode(), times=act.times)
        read = self._devices.say(name, said, now_s)
        zones = {f"{zone:04x}": value for zone, value in scanner.zones.items()}
        return web.json_response({"read": read, "zones": zones})

    async def load(self, request: web.Request) -> web.Response:
        """POST /scale: lay something on it; `shown_g` is what it shows at once."""
        act = await body_of(request, _LOAD)
        scale = self._cabinet.scales.find(act.name)
        now_s = self._cabinet.settle_now()
        scale.put(act.load_g, now_s, moving_s=act.moving_s, drift_g_per_s=act.drift_g_per_s)
        now = scale.weight(now_s)
        return web.json_response({"shown_g": now.gross_mg / 1000, "stable": now.is_stable})

    async def hold_card(self, request: web.Request) -> web.Response:
        """POST /card: hold a card before the reader."""
        act = await body_of(request, _CARD)
        _, reader = self._devices.find(CardDevice, act.name)
        reader.hold(act.card, self._cabinet.settle_now() + act.for_s)
        return web.json_response({"card": act.card.upper()})

    async def printer(self, request: web.Request) -> web.Response:
        """POST /printer: take its paper, open its cover, or make it ready again."""
        act = await body_of(request, _PRINTER)
        _, printer = self._devices.find(PrinterDevice, act.name)
        printer.become(Status(act.off_line, act.cover_open, act.error, act.paper))
        return await self.printed(request)

    async def printed(self, _request: web.Request) -> web.Response:
        """GET /printer: what has come out of it, as text."""
        _, printer = self._devices.find(PrinterDevice)
        return web.json_response({"printed": printer.printed.decode("gb18030", errors="replace")})

    async def fill(self, request: web.Request) -> web.Response:
        """POST /fill: let a recycling box be full or empty."""
        act = await body_of(request, _FILL)
        self._cabinet.fill(act.name, full=act.full)
        return web.json_response({"full": act.full})
