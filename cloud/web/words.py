"""States in people's words, each with the kind of tag that shows it: colour, glyph and word together."""

from cloud.orders.machine import CancelState, CaseKind, OrderState, ParcelState
from cloud.orders.reading import Payment
from cloud.stations.views import ZoneView
from common.contract.words import CommandState
from common.ui.i18n import Lang, Texts

Tag = tuple[str, str]
"""Kind of a tag (`ok`, `warn`, `crit`, `info`, `fix`, or empty for no news) and its word."""


def order_tag(state: OrderState, texts: Texts) -> Tag:
    """Return an order's state."""
    _ = texts.gettext
    return {
        OrderState.PLACED: ("", _("not paid yet")),
        OrderState.EXPIRED: ("", _("not paid in time")),
        OrderState.CANCELLED: ("", _("cancelled")),
        OrderState.CONFIRMED: ("info", _("paid")),
        OrderState.LOCKED: ("info", _("being prepared")),
        OrderState.PACKED: ("info", _("packed")),
        OrderState.DEPARTED: ("info", _("on the truck")),
        OrderState.ARRIVED: ("info", _("at the station")),
        OrderState.READY: ("ok", _("ready to collect")),
        OrderState.PARTLY_COLLECTED: ("warn", _("partly collected")),
        OrderState.COLLECTED: ("ok", _("collected")),
        OrderState.OVERDUE: ("warn", _("overdue")),
    }[state]


def parcel_tag(state: ParcelState, texts: Texts) -> Tag:
    """Return a parcel's state."""
    _ = texts.gettext
    return {
        ParcelState.LOCKED: ("", _("to be packed")),
        ParcelState.PACKED: ("info", _("packed")),
        ParcelState.DEPARTED: ("info", _("on the truck")),
        ParcelState.ARRIVED: ("info", _("at the station")),
        ParcelState.DEPOSITED: ("ok", _("in the compartment")),
        ParcelState.OVERDUE: ("warn", _("overdue")),
        ParcelState.REMOVED: ("warn", _("removed")),
        ParcelState.COLLECTED: ("ok", _("collected")),
        ParcelState.CANCELLED: ("", _("cancelled")),
    }[state]


def payment_word(payment: Payment, texts: Texts) -> str:
    """Return how an order stands with its money."""
    _ = texts.gettext
    return {
        Payment.UNPAID: _("not paid"),
        Payment.PAID: _("paid"),
        Payment.PART_REFUNDED: _("partly refunded"),
        Payment.REFUNDED: _("refunded"),
    }[payment]


def cancel_tag(cancel: CancelState, texts: Texts) -> Tag | None:
    """Return what became of a wish to cancel, None when there is none."""
    _ = texts.gettext
    return {
        CancelState.NONE: None,
        CancelState.PENDING: ("warn", _("cancel pending: waits for the station")),
        CancelState.DONE: ("", _("cancelled")),
        CancelState.LOST: ("warn", _("cancel came too late: already collected")),
    }[cancel]


def command_tag(state: CommandState, texts: Texts) -> Tag:
    """Return what became of a command."""
    _ = texts.gettext
    return {
        CommandState.HELD: ("warn", _("waits for a second person")),
        CommandState.QUEUED: ("", _("queued")),
        CommandState.DELIVERED: ("info", _("delivered")),
        CommandState.STARTED: ("info", _("started")),
        CommandState.SUCCEEDED: ("ok", _("succeeded")),
        CommandState.FAILED: ("crit", _("failed")),
        CommandState.EXPIRED: ("warn", _("expired")),
        CommandState.UNKNOWN: ("warn", _("no answer")),
    }[state]


def grant_tag(state: str, revoke_state: str, texts: Texts) -> Tag:
    """Return how a pickup code stands; a revoke counts when the station has applied it, not before."""
    _ = texts.gettext
    if revoke_state == "pending":
        return ("warn", _("revoke pending: valid until the station has applied it"))
    words = {
        "waiting": ("", _("issued, valid once the goods are inside")),
        "active": ("ok", _("valid")),
        "opened": ("info", _("in use")),
        "done": ("ok", _("used")),
        "revoked": ("crit", _("revoked")),
        "expired": ("warn", _("expired")),
    }
    return words[state]


def delegate_tag(state: str, revoke_state: str, texts: Texts) -> Tag:
    """Return how a pickup given to somebody else stands, in the words of its owner."""
    _ = texts.gettext
    if revoke_state == "pending":
        return ("warn", _("being taken back"))
    words = {
        "waiting": ("", _("valid once the goods are inside")),
        "active": ("ok", _("can collect")),
        "opened": ("info", _("door opened")),
        "done": ("", _("over")),
        "revoked": ("", _("taken back")),
        "expired": ("warn", _("expired")),
    }
    return words[state]


def case_word(kind: str, texts: Texts) -> str:
    """Return what a case is about; ValueError for a kind that is none."""
    _ = texts.gettext
    return {
        CaseKind.LABEL_UNKNOWN: _("unknown label scanned"),
        CaseKind.LABEL_OF_OTHER_STATION: _("label of another station scanned"),
        CaseKind.PARCEL_UNKNOWN: _("unknown parcel reported"),
        CaseKind.PARCEL_OF_OTHER_STATION: _("parcel of another station reported"),
        CaseKind.FACT_DOES_NOT_FIT: _("report does not fit the parcel"),
        CaseKind.CANCELLED_GOODS_OUT: _("cancelled, goods on the way"),
        CaseKind.CANCEL_LOST: _("cancelled too late, collected"),
        CaseKind.COLLECTED_AFTER_REFUND: _("collected after the refund"),
    }[CaseKind(kind)]


def story_word(kind: str, texts: Texts) -> str:
    """Return a line of an order's story."""
    _ = texts.gettext
    words = {
        "placed": _("Order placed"),
        "expired": _("Not paid in time, goods back on sale"),
        "cancelled": _("Cancelled"),
        "confirmed": _("Paid"),
        "locked": _("Parcels and pickup code made"),
        "packed": _("Packed"),
        "departed": _("On the truck"),
        "arrived": _("Arrived at the station"),
        "ready": _("In the compartment, ready to collect"),
        "partly_collected": _("Partly collected"),
        "collected": _("Collected"),
        "overdue": _("Overdue"),
        "code_renewed": _("New pickup code made"),
        "given": _("Somebody else may collect too"),
        "taken_back": _("A given code was taken back"),
        "collected_for_you": _("Collected by whom you gave a code"),
        "cancel_requested": _("Cancel requested"),
        "cancel_lost": _("Cancel came too late: already collected"),
        "refunded": _("Refunded"),
        "put_in": _("Put into the compartment"),
        "put_in_undone": _("Taken out again by the keeper"),
        "handed_over": _("Handed over by the keeper"),
        "removed": _("Taken out by the keeper"),
    }
    return words.get(kind, kind)


def zone_name(zone: ZoneView, texts: Texts) -> str:
    """Return a zone's name in the reader's language, as its station says it; else its class in words."""
    said = zone.name_zh if texts.lang is Lang.ZH else zone.name_en
    return said or zone_word(zone.zone, texts)


def zone_word(zone: str, texts: Texts) -> str:
    """Return a zone's or a parcel's temperature class in words; a zone of another name keeps it."""
    _ = texts.gettext
    words = {"ambient": _("ambient"), "chilled": _("chilled"), "frozen": _("frozen")}
    return words.get(zone, zone)


def device_word(name: str, texts: Texts) -> str | None:
    """Return what a device with a port of its own is called, None for a line."""
    _ = texts.gettext
    return {
        "scale": _("Scale"),
        "scanner": _("Scanner"),
        "printer": _("Printer"),
        "card_reader": _("Card reader"),
    }.get(name)


def alarm_words(kind: str, texts: Texts) -> tuple[str, bool]:
    """Return what an alarm of a station means, and whether it is severe."""
    _ = texts.gettext
    known = {
        "fenced": (_("Two computers have this station's key; one was turned away"), True),
        "taken_over": (_("Another disk speaks for the station after the first fell silent"), True),
        "readmitted": (_("The desk let another computer speak for the station"), False),
        "fork": (_("The station forgot what it had reported: its disk is older"), True),
        "foreign": (_("The station reported codes or commands of another station"), True),
        "hole.facts": (_("Facts of the station are missing for good"), True),
        "calibration.lost": (_("The station lost the offset of a probe: calibrate again"), True),
        "hole.telemetry": (_("Measurements of the station are missing"), False),
    }
    return known.get(kind, (_("The program found a mistake of its own: %(kind)s", kind=kind), True))
