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
