"""What the keeper does: every post checks session, CSRF and repetition, acts, and redirects."""

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from aiohttp import web

from common.contract.error_keys import ERROR_KEYS
from common.kit.errors import InvalidError, LinliError, NotFoundError
from common.kit.web import read_form
from common.ui.i18n import Param
from edge.access.keepers import KeeperSession, SignInRefused
from edge.pickup.views import (
    DoorScan,
    NextReason,
    ParcelState,
    PutInStep,
    ScanRefused,
    ScanResult,
    UnknownParcel,
)
from edge.screen.forms import page, see_other
from edge.screen.keeper.pages import KeeperPages
from edge.screen.keeper.session import (
    COOKIE,
    LANG_COOKIE,
    Flash,
    Sessions,
    check_csrf,
    lang_of,
)
from edge.screen.services import Desk

Fields = dict[str, str]
Outcome = tuple[str, Flash | None]
"""Where to go next, and what to say there."""
Act = Callable[[web.Request, KeeperSession, Fields], Awaitable[Outcome]]
_YEAR_S = 365 * 86400


class KeeperActs:
    """The posts."""

    def __init__(self, desk: Desk, pages: KeeperPages, sessions: Sessions) -> None:
        """Act on `desk`."""
        self._desk, self._pages, self._sessions = desk, pages, sessions

    def add_to(self, app: web.Application) -> None:
        """Register the routes."""
        app.router.add_post("/sign-in", self.sign_in)
        app.router.add_post("/language", self.language)
        acts: dict[str, Act] = {
            "/scan": self._scan,
            "/put-in/next": self._put_in_next,
            "/put-in/cancel": self._put_in_cancel,
            "/put-in/again": self._again,
            "/put-in/settle": self._put_in_settle,
            "/undo": self._undo,
            "/parcels/{parcel_id}/hand-over": self._hand_over,
            "/parcels/{parcel_id}/remove": self._remove,
            "/parcels/{parcel_id}/take-back": self._take_back,
            "/doors/{label}/open": self._open_door,
            "/doors/{label}/mark": self._mark,
        }
        for path, act in acts.items():
            app.router.add_post(path, self._acting(act))
        app.router.add_post("/sign-out", self.sign_out)

    async def sign_in(self, request: web.Request) -> web.StreamResponse:
        """Check the PIN; a wrong one says no more than that."""
        fields, lang = await read_form(request), lang_of(request)
        try:
            answer = await self._desk.sign_in(
                fields.get("pin", "").strip(), self._sessions.tablet_of(request)
            )
        except InvalidError:
            answer = SignInRefused(wait_s=0)
        if isinstance(answer, SignInRefused):
            return page(self._pages.sign_in(lang, refused=True, wait_s=answer.wait_s))
        response = see_other("/")
        self._sessions.set_cookie(response, answer)
        return response

    async def sign_out(self, request: web.Request) -> web.StreamResponse:
        """Forget the session."""
        fields, who = await read_form(request), await self._sessions.of(request)
        response = see_other("/")
        if who is not None:
            check_csrf(who, fields)
            await self._desk.sign_out(who.token)
        response.del_cookie(COOKIE, path="/")
        return response

    async def language(self, request: web.Request) -> web.StreamResponse:
        """Keep the tablet's language."""
        fields = await read_form(request)
        response = see_other("/")
        response.set_cookie(
            LANG_COOKIE,
            fields.get("lang", "")[:8],
            max_age=_YEAR_S,
            samesite="Strict",
            httponly=True,
        )
        return response

    def _acting(self, act: Act) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handler(request: web.Request) -> web.StreamResponse:
            fields, who = await read_form(request), await self._sessions.of(request)
            if who is None:
                return see_other("/")
            check_csrf(who, fields)
            target, flash = "/", None
            if self._pages.once.take(fields.get("key", "")):
                try:
                    target, flash = await act(request, who, fields)
                except LinliError as error:
                    target, flash = _back(request), _sorry(error)
            if flash is not None:
                self._sessions.leave(who, flash)
            return see_other(target)

        return handler

    async def _scan(self, _request: web.Request, who: KeeperSession, fields: Fields) -> Outcome:
        text = fields.get("text", "").strip()
        if not text:
            return "/", None
        return _after_scan(await self._desk.scan(who.keeper_id, text))

    async def _put_in_next(
        self, _request: web.Request, who: KeeperSession, fields: Fields
    ) -> Outcome:
        try:
            reason = NextReason(fields.get("reason", ""))
        except ValueError as error:
            raise InvalidError("screen.bad_form", "no such reason") from error
        await self._desk.put_in_next(who.keeper_id, reason, fields.get("task"))
        return "/", None

    async def _put_in_cancel(
        self, _request: web.Request, who: KeeperSession, fields: Fields
    ) -> Outcome:
        await self._desk.put_in_cancel(who.keeper_id, fields.get("task"))
        return "/", Flash("info", "Put-in stopped")

    async def _again(self, _request: web.Request, who: KeeperSession, fields: Fields) -> Outcome:
        await self._desk.try_again(who.keeper_id, fields.get("task"))
        return "/", None

    async def _put_in_settle(
        self, _request: web.Request, who: KeeperSession, fields: Fields
    ) -> Outcome:
        await self._desk.put_in_settle(who.keeper_id, fields.get("task"))
        return "/", Flash("ok", "Noted: the parcel is in there")

    async def _undo(self, _request: web.Request, who: KeeperSession, _fields: Fields) -> Outcome:
        parcel = await self._desk.undo(who.keeper_id)
        return "/", Flash(
            "info", "Take parcel %(label)s out again and close the door", {"label": parcel.label}
        )

    async def _hand_over(self, request: web.Request, who: KeeperSession, fields: Fields) -> Outcome:
        parcel = await self._desk.hand_over(
            who.keeper_id, request.match_info["parcel_id"], _reason(fields)
        )
        named: dict[str, Param] = {"label": parcel.label}
        if parcel.state is ParcelState.HANDED_OVER:
            return "/", Flash("ok", "Parcel %(label)s is handed over", named)
        return "/", Flash("info", "Hand parcel %(label)s over", named)

    async def _remove(self, request: web.Request, who: KeeperSession, fields: Fields) -> Outcome:
        parcel = await self._desk.remove_overdue(
            who.keeper_id, request.match_info["parcel_id"], _reason(fields)
        )
        named: dict[str, Param] = {"label": parcel.label}
        if parcel.state is ParcelState.REMOVED:
            return "/overdue", Flash("ok", "Parcel %(label)s is taken out", named)
        return "/overdue", Flash("info", "Take parcel %(label)s out and close the door", named)

    async def _take_back(
        self, request: web.Request, who: KeeperSession, _fields: Fields
    ) -> Outcome:
        parcel = await self._desk.take_back(who.keeper_id, request.match_info["parcel_id"])
        return "/", Flash(
            "info", "Scan parcel %(label)s to put it into another door", {"label": parcel.label}
        )

    async def _open_door(self, request: web.Request, who: KeeperSession, fields: Fields) -> Outcome:
        label = _label(request)
        await self._desk.open_door(who.keeper_id, label, _reason(fields))
        return _page_of(label), Flash("info", "Door %(door)s is opening", {"door": label})

    async def _mark(self, request: web.Request, who: KeeperSession, fields: Fields) -> Outcome:
        label, off = _label(request), fields.get("out_of_service") == "yes"
        await self._desk.mark(who.keeper_id, label, off, _reason(fields))
        door: dict[str, Param] = {"door": label}
        said = (
            Flash("ok", "Door %(door)s is out of service", door)
            if off
            else Flash("ok", "Door %(door)s is back in service", door)
        )
        return _page_of(label), said


def _after_scan(result: ScanResult) -> Outcome:
    match result:
        case PutInStep():
            return "/", None
        case DoorScan(compartment=label):
            return _page_of(label), None
        case UnknownParcel(label=label):
            return "/", Flash(
                "warn",
                "Nobody here knows the label %(label)s. Put the parcel aside; the hub is told.",
                {"label": label[:40]},
            )
        case ScanRefused(key=key):
            return "/", Flash("warn", ERROR_KEYS.get(key, key))


def _label(request: web.Request) -> str:
    """Return the door the path names; NotFoundError for what cannot be one: it goes into a header."""
    label = request.match_info["label"]
    if not label.isprintable():
        raise NotFoundError("desk.door_unknown", f"there is no door {label!r}")
    return label


def _page_of(label: str) -> str:
    return f"/doors/{quote(label, safe='')}"


def _reason(fields: Fields) -> str:
    """Return the chosen reason with the keeper's note; InvalidError without one."""
    chosen, note = fields.get("reason", "").strip(), fields.get("note", "").strip()
    if not chosen:
        raise InvalidError("screen.reason_missing", "choose a reason")
    return f"{chosen}: {note}"[:200] if note else chosen[:200]


def _sorry(error: LinliError) -> Flash:
    return Flash("crit", ERROR_KEYS.get(error.key, error.detail))


def _back(request: web.Request) -> str:
    """Return the page the form stood on: a parcel's or door's own page, else the day."""
    for part in ("parcel_id", "label"):
        if part in request.match_info:
            return request.rel_url.raw_path.rsplit("/", 1)[0]
    return "/"
