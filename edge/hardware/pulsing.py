"""What every lock board has in common when it is told to open: sent at most once, and what may be said afterwards."""

from edge.hardware.bus import BusOwner
from edge.hardware.errors import DeviceRefusedError, NoReplyError, NotSentError
from edge.hardware.jobs import Priority
from edge.hardware.ports import PulseResult
from edge.hardware.speech import A, Q

MAX_PULSE_MS = 1000
"""The hard cap of a latch solenoid (reference hardware C.2)."""


async def send_pulse(bus: BusOwner[Q, A], unit: int, request: Q) -> PulseResult:
    """Send `request` once, ahead of everything; silence is UNCONFIRMED, for it may have been obeyed."""
    try:
        await bus.call(Priority.OPEN, unit, request)
    except NotSentError:
        return PulseResult.NOT_SENT
    except NoReplyError:
        return PulseResult.UNCONFIRMED
    except DeviceRefusedError:
        return PulseResult.REJECTED
    return PulseResult.ACKED
