"""What a station reported, as a sentence for operators; the type stays beside it for those who search logs."""

from collections.abc import Callable, Mapping

import orjson
from pydantic import ValidationError

from cloud.sync.gateway import StoredEvent
from cloud.web.words import Tag, command_tag, device_word, zone_word
from common.contract import events as e
from common.contract.base import Message
from common.contract.calibration import ProbeCalibrated, StationProbes
from common.contract.damage import StorageDamaged
from common.contract.instruments import InstrumentAlarm
from common.contract.papers import MaintenanceStarted, RevocationApplied
from common.contract.words import ActorKind, CommandState, KeypadLevel
from common.ui.i18n import Texts

Say = Callable[[Message, Texts], Tag]


def say(event: StoredEvent, texts: Texts, zone_names: Mapping[str, str]) -> Tag:
    """Return kind and sentence of an event; one of a newer station is shown by its type."""
    known = e.EVENT_TYPES.get(event.type)
    if known is None:
        return ("", event.type)
    try:
        body = known[1].model_validate_json(event.body)
    except ValidationError:
        return ("", event.type)
    if isinstance(body, e.ClimateOverLimit):
        return _climate(body, zone_names.get(body.zone) or zone_word(body.zone, texts), texts)
    if isinstance(body, InstrumentAlarm):
        return _alarm(body, texts)
    if isinstance(body, ProbeCalibrated | StationProbes):
        return _probes(body, texts)
    if isinstance(body, RevocationApplied | MaintenanceStarted):
        return _paper(body, texts)
    return _sentence(body, texts)


def temperatures(event: StoredEvent) -> tuple[str, int, int, tuple[float | None, ...]] | None:
    """Return zone, start (ms), period (s) and readings of a block, None for any other event."""
    if event.type != "climate.block":
        return None
    try:
        block = orjson.loads(event.body)
        readings = tuple(block["temperatures_c"])
        return str(block["zone"]), int(block["started_at_ms"]), int(block["period_s"]), readings
    except (ValueError, KeyError, TypeError):
        return None


def _sentence(body: Message, texts: Texts) -> Tag:
    _ = texts.gettext
    match body:
        case e.DoorChanged():
            return _door(body, texts)
        case e.GrantStateChanged() | e.GrantActivated():
            return _grant(body, texts)
        case e.CommandResult():
            kind, word = command_tag(CommandState(body.state), texts)
            return (kind, _("Remote opening: %(state)s", state=word))
        case e.BusStateChanged():
            return _bus(body, texts)
        case e.StorageLevelChanged() | StorageDamaged():
            return _storage(body, texts)
        case e.StationStarted():
            return ("info", _("Station started, version %(version)s", version=body.app_version))
        case e.KeypadLocked() | e.KeypadLevelChanged():
            return _keypad(body, texts)
        case e.ReplicaApplied():
            return ("", _("Applied everything up to op %(op)s", op=body.op))
        case e.BlobDropped() | e.TelemetryGap():
            return _lost(body, texts)
        case _:
            return _compartment(body, texts)


def _keypad(body: e.KeypadLocked | e.KeypadLevelChanged, texts: Texts) -> Tag:
    _, tries = texts.gettext, body.failures_24h
    if isinstance(body, e.KeypadLocked):
        wait = texts.duration(body.wait_s)
        return ("warn", _("Keypad locked for %(duration)s after wrong codes", duration=wait))
    return {
        KeypadLevel.NORMAL: ("ok", _("The keypad takes codes as usual again")),
        KeypadLevel.STEP_UP: (
            "crit",
            _("%(n)s wrong codes in a day: the keypad asks for the phone number too", n=tries),
        ),
        KeypadLevel.OFF: ("crit", _("%(n)s wrong codes in a day: the keypad is off", n=tries)),
    }[body.level]


def _compartment(body: Message, texts: Texts) -> Tag:
    _ = texts.gettext
    match body:
        case e.ParcelPutIn():
            return ("ok", _("Parcel put into %(door)s", door=body.compartment))
        case e.ParcelPutInUndone():
            return ("", _("Put-in into %(door)s undone", door=body.compartment))
        case e.ParcelCollected():
            return ("ok", _("Parcel collected from %(door)s", door=body.compartment))
        case e.ParcelHandedOver():
            return ("ok", _("Parcel handed over by the keeper: %(reason)s", reason=body.reason))
        case e.ParcelRemoved():
            door, reason = body.compartment, body.reason
            return ("warn", _("Parcel taken out of %(door)s: %(reason)s", door=door, reason=reason))
        case e.ParcelUnknownScanned():
            return ("warn", _("Unknown label %(label)s scanned", label=body.label))
        case _:
            return _doorway(body, texts)


def _doorway(body: Message, texts: Texts) -> Tag:
    _ = texts.gettext
    match body:
        case e.DoorLeftOpen():
            left = texts.duration(body.open_for_s)
            said = _("Door %(door)s open for %(duration)s", door=body.compartment, duration=left)
            return ("warn", said)
        case e.DoorUnexpected(open=True):
            return ("crit", _("Door %(door)s opened and nobody asked", door=body.compartment))
        case e.DoorUnexpected():
            return ("", _("Door %(door)s closed", door=body.compartment))
        case e.CompartmentMarked(out_of_service=True):
            return ("fix", _("Door %(door)s is out of service", door=body.compartment))
        case e.CompartmentMarked():
            return ("ok", _("Door %(door)s is back in service", door=body.compartment))
        case _:
            return ("", e.type_of(body))


def _door(body: e.DoorChanged, texts: Texts) -> Tag:
    _, door = texts.gettext, body.compartment
    kind, said = {
        "queued": ("", _("Door %(door)s: opening asked for", door=door)),
        "pulsing": ("info", _("Door %(door)s: pulse %(n)s", door=door, n=body.pulse_number)),
        "open": ("ok", _("Door %(door)s open", door=door)),
        "closed": ("", _("Door %(door)s closed", door=door)),
        "failed_open": ("crit", _("Door %(door)s did not open", door=door)),
        "indeterminate": ("warn", _("Door %(door)s: not known whether it opened", door=door)),
        "bus_down": ("crit", _("Door %(door)s cannot be reached", door=door)),
        "expired": ("warn", _("Door %(door)s: opening came too late", door=door)),
    }[body.state]
    return (kind, f"{said} · {_purpose(body, texts)}")


def _purpose(body: e.DoorChanged, texts: Texts) -> str:
    _ = texts.gettext
    if body.actor_kind is ActorKind.TECHNICIAN:
        return _("technician %(name)s: %(reason)s", name=body.actor_id, reason=body.reason)
    return {
        "pickup": _("pickup"),
        "put_in": _("put-in"),
        "inspection": _("keeper"),
        "remote": _("opened from afar"),
    }[body.purpose.value]


def _paper(body: RevocationApplied | MaintenanceStarted, texts: Texts) -> Tag:
    _ = texts.gettext
    if isinstance(body, MaintenanceStarted):
        name = body.technician
        return ("warn", _("%(name)s uses a technician's certificate", name=name))
    codes = len(body.grant_ids)
    return ("ok", _("Withdrawn by a sheet scanned at the cabinet: %(n)s codes", n=codes))


def _grant(body: e.GrantStateChanged | e.GrantActivated, texts: Texts) -> Tag:
    _ = texts.gettext
    state = "activated" if isinstance(body, e.GrantActivated) else body.state
    return {
        "activated": ("ok", _("Pickup code valid from now on")),
        "issued": ("", _("Pickup code valid again")),
        "opening": ("info", _("Pickup code accepted")),
        "opened": ("ok", _("Pickup code used: door seen open")),
        "done": ("ok", _("Pickup finished")),
        "revoked": ("", _("Pickup code revoked")),
        "expired": ("warn", _("Pickup code expired")),
    }[state]


def _climate(body: e.ClimateOverLimit, zone: str, texts: Texts) -> Tag:
    _ = texts.gettext
    now = texts.celsius(body.temperature_c)
    if body.over:
        limit = texts.celsius(body.limit_c)
        said = _(
            "%(zone)s over its limit: %(now)s, limit %(limit)s", zone=zone, now=now, limit=limit
        )
        return ("crit", said)
    return ("ok", _("%(zone)s within its limits again: %(now)s", zone=zone, now=now))


def _alarm(body: InstrumentAlarm, texts: Texts) -> Tag:
    _, name = texts.gettext, body.instrument
    said = {
        "high_alarm": _("too warm"),
        "low_alarm": _("too cold"),
        "door_alarm": _("a door stands open"),
        "probe_fault": _("a probe is broken"),
        "haccp": _("HACCP alarm"),
        "no_power": _("takes no power"),
    }.get(body.role, _("alarm"))
    if body.raised:
        return ("crit", _("%(name)s reports: %(said)s", name=name, said=said))
    return ("ok", _("%(name)s no longer reports: %(said)s", name=name, said=said))


def _probes(body: ProbeCalibrated | StationProbes, texts: Texts) -> Tag:
    _ = texts.gettext
    if isinstance(body, StationProbes):
        corrected = sum(one.offset_k != 0 for one in body.probes)
        return ("", texts.ngettext(
            "The station corrects %(n)s probe", "The station corrects %(n)s probes", corrected,
        ))  # fmt: skip
    probe, name = body.probe, body.by
    if body.kind == "withdrawn":
        return ("fix", _("Offset of probe %(probe)s withdrawn by %(name)s", probe=probe, name=name))
    offset = f"{body.offset_k:+.2f}"
    return (
        "fix",
        _("Probe %(probe)s calibrated by %(name)s: %(offset)s K", probe=probe, name=name, offset=offset),
    )  # fmt: skip


def _lost(body: e.BlobDropped | e.TelemetryGap, texts: Texts) -> Tag:
    _ = texts.gettext
    if isinstance(body, e.TelemetryGap):
        return ("warn", _("%(count)s blocks of readings dropped", count=body.count))
    size = body.size_bytes
    return ("warn", _("A photo was lost before it was sent (%(bytes)s bytes)", bytes=size))


def _storage(body: e.StorageLevelChanged | StorageDamaged, texts: Texts) -> Tag:
    _ = texts.gettext
    if isinstance(body, StorageDamaged):
        return _damaged(body, texts)
    if body.level == "ok":
        return ("ok", _("The disk has room again"))
    if body.level == "low":
        return ("warn", _("The disk fills up: %(n)s MiB left", n=body.free_mib))
    return (
        "crit",
        _("The disk is nearly full, nothing is put in: %(n)s MiB left", n=body.free_mib),
    )


def _damaged(body: StorageDamaged, texts: Texts) -> Tag:
    _ = texts.gettext
    if body.outcome == "exact":
        return ("warn", _("The station's disk was damaged, nothing is lost; change the disk"))
    if body.outcome == "tail":
        return ("warn", _("The moment before the power failed may be missing"))
    lost = sum(stretch.count or 0 for stretch in body.lost)
    more = "" if all(stretch.count for stretch in body.lost) else "+"
    return (
        "crit",
        _(
            "The station's disk was damaged: %(events)s events lost, %(grants)s codes only by staff,"
            " %(doors)s doors to look into; change the disk",
            events=f"{lost}{more}",
            grants=body.grants_held,
            doors=len(body.doors_unknown),
        ),
    )


def _bus(body: e.BusStateChanged, texts: Texts) -> Tag:
    _ = texts.gettext
    if (device := device_word(body.bus, texts)) is not None:
        if body.up:
            return ("ok", _("%(device)s works again", device=device))
        return ("crit", _("%(device)s does not answer", device=device))
    name = body.bus if body.unit is None else f"{body.bus} / {body.unit}"
    if body.up:
        return ("ok", _("Line %(name)s works again", name=name))
    return ("crit", _("Line %(name)s does not answer", name=name))
