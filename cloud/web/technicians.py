"""A technician's certificate at the desk: made by a form, shown once as QR code and text, ended by another form."""

from aiohttp import web

from cloud.access.caller import DESK
from cloud.stations.technicians import HOURS_MAX
from cloud.web.forms import Fields, number_of, path_id, text_of
from cloud.web.frame import Frame, Outcome, page, see_other, sorry_flash, to_sign_in
from cloud.web.qr import qr_svg
from cloud.web.session import Flash, Who, lang_of
from common.kit.clock import from_ms
from common.kit.errors import LinliError
from common.kit.web import read_form


class TechnicianPages:
    """The two forms of a station's page."""

    def __init__(self, frame: Frame) -> None:
        """Stand on `frame`."""
        self._frame = frame

    def add_to(self, app: web.Application) -> None:
        """Register the routes."""
        base = "/stations/{station_id}/technician"
        app.router.add_post(base, self.certify)
        app.router.add_post(f"{base}/revoke", self._frame.acting(self._revoke))

    async def certify(self, request: web.Request) -> web.StreamResponse:
        """Sign and show; the answer carries the certificate and is never redirected to, never kept."""
        frame, lang = self._frame, lang_of(request)
        station_id = path_id(request, "station_id")
        fields, who = await read_form(request), await frame.sessions.of(request)
        if who is None:
            return to_sign_in(request)
        if not who.caller.roles & DESK:
            return frame.sorry(lang, 403, "access.role", who)
        try:
            who.check_csrf(fields)
            made = await frame.ports.stations.technicians.certify(
                station_id, text_of(fields, "technician", most=60),
                number_of(fields, "hours", least=1, most=HOURS_MAX), who.caller.name,
            )  # fmt: skip
        except LinliError as error:
            if error.status != web.HTTPUnprocessableEntity.status_code:
                return frame.sorry(lang, error.status, error.key, who)
            frame.sessions.keep(who, sorry_flash(error))
            return see_other(f"/stations/{station_id}#technician")
        picture = qr_svg(made.text, frame.texts(lang).gettext("Certificate"))
        body = frame.desk_page(
            "certificate.html", lang, who, made=made, picture=picture, here="stations",
            path=f"/stations/{station_id}", until=from_ms(made.expires_at_ms),
        )  # fmt: skip
        response = page(body)
        response.headers["Cache-Control"] = "no-store"
        return response

    async def _revoke(self, request: web.Request, who: Who, _fields: Fields) -> Outcome:
        station_id = path_id(request, "station_id")
        await self._frame.ports.stations.technicians.revoke(station_id, who.caller.name)
        said = Flash("info", "Certificates issued so far end when the station has heard of it")
        return f"/stations/{station_id}#technician", said
