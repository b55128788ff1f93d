"""Turns the keeper's day into HTML: the frame with its live regions and one panel at the right."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from functools import partial

from markupsafe import Markup

from common.kit.sse import Region
from common.ui.doormap import Cell, door_map_svg
from common.ui.i18n import Lang, Texts
from common.ui.templates import Renderer
from edge.access.keepers import KeeperSession
from edge.pickup.views import DeskKind, DeskStep, ParcelView
from edge.screen.keeper.devices import device_needs
from edge.screen.keeper.model import Loaded, attention, state_tag, wall_counts, zone_word
from edge.screen.keeper.session import Flash, csrf_of
from edge.screen.once import OnceKeys
from edge.screen.services import ScreenServices
from edge.screen.station import Station, head_key

_OFFLINE_AFTER_MIN = 1
"""A shorter gap is no news."""


@dataclass(frozen=True, slots=True)
class Panel:
    """What stands at the right: a template and what it needs."""

    template: str
    context: dict[str, object]
    live: bool = False


class KeeperPages:
    """Renders for one keeper in one language."""

    def __init__(self, services: ScreenServices, renderer: Renderer, once: OnceKeys) -> None:
        """Show the station's facts; forms carry keys of `once`."""
        self._services, self._renderer, self.once = services, renderer, once
        self.station = Station(services)

    def texts(self, lang: Lang) -> Texts:
        """Return the words of a language."""
        return self._renderer.catalogue.texts(lang)

    def sign_in(self, lang: Lang, *, refused: bool = False, wait_s: int = 0) -> Markup:
        """Return the sign-in page."""
        return self._render(
            "sign_in.html", lang, refused=refused, wait_s=wait_s, head=self.station.head(lang)
        )

    def desk(
        self, lang: Lang, who: KeeperSession, loaded: Loaded, panel: Panel, flash: Flash | None
    ) -> Markup:
        """Return the whole page with `panel` at the right."""
        parts = {
            region.element_id: region.html() for region in self.regions(lang, who, loaded, panel)
        }
        return self._render(
            "desk.html", lang, who=who, csrf=csrf_of(who), parts=parts, flash=flash, live=panel.live,
            here=panel.template.removesuffix(".html"),
            panel=parts.get("today") or self._panel(panel, lang, who),
            head=self.station.head(lang), overdue=len(loaded.overdue),
        )  # fmt: skip

    def regions(
        self, lang: Lang, who: KeeperSession, loaded: Loaded, panel: Panel
    ) -> Iterable[Region]:
        """Return the live regions; `today` only where the day is what the panel shows."""
        texts, head = self.texts(lang), self.station.head(lang)
        left_open_s = self._services.config.doors.left_open_s
        needs = (
            *device_needs(self._services.facts.devices(), texts),
            *attention(self.station, head, loaded, left_open_s, texts),
        )
        cells = self.station.cells()
        csrf = csrf_of(who)
        yield Region(
            "banner", head_key(head, texts),
            partial(self._render, "banner.html", lang, head=head, after=_OFFLINE_AFTER_MIN),
        )  # fmt: skip
        yield Region("wall", (cells, lang), partial(self._wall, lang, cells))
        yield Region(
            "work", (_work_key(loaded), lang),
            partial(self._render, "work.html", lang, loaded=loaded, csrf=csrf, kinds=DeskKind, steps=DeskStep),
        )  # fmt: skip
        if panel.live:
            yield Region("needs", needs, partial(self._render, "needs.html", lang, needs=needs))
            yield Region(
                "today", (loaded.parcels, lang),
                partial(self._render, "today.html", lang, loaded=loaded, rows=self.rows(loaded.parcels, texts)),
            )  # fmt: skip

    def rows(
        self, parcels: Iterable[ParcelView], texts: Texts
    ) -> list[tuple[ParcelView, str, tuple[str, str]]]:
        """Return parcels with the words of their zone and state."""
        return [(p, zone_word(p, texts), state_tag(p, texts)) for p in parcels]

    def _panel(self, panel: Panel, lang: Lang, who: KeeperSession) -> Markup:
        return self._render(panel.template, lang, csrf=csrf_of(who), **panel.context)

    def _wall(self, lang: Lang, cells: tuple[Cell, ...]) -> Markup:
        texts = self.texts(lang)
        drawn = door_map_svg(
            cells, self.station.screen, texts,
            label=texts.gettext("Doors"), link=lambda cell: f"/doors/{cell.label}",
        )  # fmt: skip
        return self._render("wall.html", lang, map=drawn, counts=wall_counts(self.station.doors()))

    def _render(self, template: str, lang: Lang, /, **context: object) -> Markup:
        return self._renderer.render(
            template, lang, key=self.once.fresh, build_id=self._services.build_id, **context
        )


def _work_key(loaded: Loaded) -> Hashable:
    hands = loaded.hands
    still = hands and (hands.task_id, hands.step, hands.compartment, hands.parcel)
    return (still, loaded.undo and (loaded.undo.parcel, loaded.undo.compartment))
