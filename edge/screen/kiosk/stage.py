"""Turns the kiosk's state into HTML: the whole page once, then regions as they change."""

from collections.abc import Hashable, Iterable

from markupsafe import Markup

from common.kit.sse import Region
from common.ui.doormap import door_map_svg, door_place
from common.ui.i18n import Texts
from common.ui.templates import Renderer
from edge.pickup.views import SessionView, Step
from edge.screen.kiosk.state import KioskState
from edge.screen.services import ScreenServices
from edge.screen.station import Station, head_key


class KioskPage:
    """Renders the resident's screen in the language chosen."""

    def __init__(self, services: ScreenServices, state: KioskState, renderer: Renderer) -> None:
        """Show `state` and the station's facts."""
        self._services, self._state, self._renderer = services, state, renderer
        self._station = Station(services)

    def whole(self) -> Markup:
        """Return the page, at whatever step the station is."""
        head = self._station.head(self._texts().lang)
        parts = {"stage": self.stage(), "top": self._top(), "foot": self._foot()}
        return self._render("kiosk.html", head=head, **parts)

    def regions(self) -> Iterable[Region]:
        """Return the live regions with what decides whether each is sent again."""
        texts = self._texts()
        head = self._station.head(texts.lang)
        yield Region("top", head_key(head, texts), self._top)
        yield Region("foot", (head.help_phone, texts.lang, self._state.large), self._foot)
        yield Region("stage", self._stage_key(), self.stage)

    def stage(self) -> Markup:
        """Return the middle of the page."""
        view = self._state.view()
        if view.session is None:
            return self._render("code.html", view=view, **self._common())
        return self._render(
            "door.html" if view.session.step is not Step.DONE else "done.html",
            view=view,
            session=view.session,
            **self._common(),
            **self._where(view.session),
        )

    def _where(self, session: SessionView) -> dict[str, Markup | str]:
        texts = self._texts()
        cells = self._station.cells(yours=session.compartment, yours_open=session.step is Step.OPEN)
        place = door_place(cells, self._station.screen, session.compartment, texts)
        label = f"{session.compartment}: {place}"
        return {
            "place": place,
            "map": door_map_svg(cells, self._station.screen, texts, label=label),
        }

    def _common(self) -> dict[str, object]:
        return {
            "key": self._state.once.fresh,
            "head": self._station.head(self._texts().lang),
            "can_scan": self._services.scans.can_scan,
        }

    def _top(self) -> Markup:
        return self._render("top.html", head=self._station.head(self._texts().lang))

    def _foot(self) -> Markup:
        return self._render(
            "foot.html",
            head=self._station.head(self._texts().lang),
            other=self._texts().lang.other,
        )

    def _stage_key(self) -> Hashable:
        view = self._state.view()
        session = view.session
        still = session and (
            session.session_id, session.step, session.index, session.pulses_left,
            session.reopens_left, session.reopen_left_s > 0, session.door_left_open,
            session.compartment,
        )  # fmt: skip
        disk, why = self._services.facts.disk(), self._services.facts.link().why
        now = (view.notice, view.part, view.locked_s > 0, view.digits, view.wiped, view.warn)
        return (still, *now, disk, why, self._services.scans.can_scan)

    def _texts(self) -> Texts:
        return self._renderer.catalogue.texts(self._state.lang)

    def _render(self, template: str, /, **context: object) -> Markup:
        return self._renderer.render(
            template,
            self._state.lang,
            large=self._state.large,
            build_id=self._services.build_id,
            idle_s=round(self._services.config.pickup.idle_s),
            **context,
        )
