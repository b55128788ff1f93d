"""The sheets for a station that cannot be reached: codes to be scanned there, so that revoked ones open nothing."""

from aiohttp import web

from cloud.orders.service import Orders
from cloud.web.fleet import station_name, station_tag
from cloud.web.forms import path_id
from cloud.web.frame import Frame
from cloud.web.qr import qr_svg
from cloud.web.session import Who
from common.kit.clock import from_ms
from common.ui.i18n import Lang


class WithdrawalPages:
    """The page of one station's sheets."""

    def __init__(self, frame: Frame) -> None:
        """Stand on `frame`."""
        self._frame = frame

    async def look(self, request: web.Request, who: Who, lang: Lang) -> str:
        """Return every sheet that still matters, each with its orders; to be shown on a phone or printed."""
        station_id, ports = path_id(request, "station_id"), self._frame.ports
        station = (await ports.stations.detail(station_id)).station
        texts = self._frame.texts(lang)
        sheets = [
            (
                one,
                qr_svg(one.text, texts.gettext("Sheet to scan at the cabinet")),
                [(order_id, await self._number(ports.orders, order_id, who)) for order_id in one.order_ids],
                from_ms(one.expires_at_ms),
            )
            for one in await ports.stations.capsules.of(station_id)
        ]  # fmt: skip
        return self._frame.desk_page(
            "withdrawals.html", lang, who, sheets=sheets, here="stations",
            name=station_name(station, texts), path=f"/stations/{station_id}",
            tag=station_tag(station, self._frame.now_ms(), texts)[1],
            heard=from_ms(station.last_heard_ms) if station.last_heard_ms is not None else None,
        )  # fmt: skip

    @staticmethod
    async def _number(orders: Orders, order_id: str, who: Who) -> str:
        return (await orders.view(order_id, who.caller)).number
