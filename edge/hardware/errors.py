"""What may go wrong on a bus, by what the caller must conclude: nothing left, nobody knows, the device said no."""

from common.kit.errors import LinliError, UnavailableError


class NotSentError(UnavailableError):
    """Nothing left this machine: the port is away or the unit's breaker is open. Nothing moved."""


class NoReplyError(UnavailableError):
    """The frame left and no answer came that belongs to it: it may have been obeyed."""


class DeviceRefusedError(UnavailableError):
    """The device answered with a Modbus exception: it did not obey."""


class FrameRefusedError(LinliError):
    """The outbound allow-list stopped a frame before the wire: a defect of ours, never a fault of the bus."""


def unit_resting(bus: str, unit: int) -> NotSentError:
    """Return why nothing is sent to a unit whose breaker is open."""
    return NotSentError(
        "bus.unit_away",
        f"bus {bus}: unit {unit} has not answered lately and is asked again soon",
        bus=bus,
        unit=unit,
    )


def refusal_unproven(bus: str, unit: int) -> NoReplyError:
    """Return why a "no" is not believed."""
    detail = f"bus {bus}: a refusal of unit {unit} may belong to an earlier request"
    return NoReplyError("bus.no_reply", detail, bus=bus, unit=unit)


def device_refused(bus: str, unit: int, request: object, code: int) -> DeviceRefusedError:
    """Return that a device did not obey."""
    return DeviceRefusedError(
        "bus.device_refused",
        f"bus {bus}: unit {unit} refused {request} with code {code}",
        bus=bus,
        unit=unit,
        code=code,
    )
