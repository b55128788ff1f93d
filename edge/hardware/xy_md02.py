"""Driver of the XY-MD02 temperature and humidity probe: one method, no policy."""

from common.contract.words import Quality
from edge.hardware.bus import BusOwner
from edge.hardware.errors import DeviceRefusedError, NoReplyError, NotSentError
from edge.hardware.jobs import Priority
from edge.hardware.ports import ProbeReading
from firmware_protocols import xy_md02 as wire
from firmware_protocols.modbus_pdu import Reply, Request
from firmware_protocols.quality import Quality as WireQuality

_RETRIES = 2


class XyMd02Probe:
    """One probe in one zone."""

    def __init__(self, bus: BusOwner[Request, Reply], unit: int, zone: str) -> None:
        """Talk to `unit` over `bus`; it hangs in `zone`."""
        self.zone = zone
        self._bus = bus
        self._unit = unit

    async def read(self) -> ProbeReading:
        """Return one reading; silence is STALE, an impossible value or a refusal BAD, both without numbers."""
        try:
            reply = await self._bus.call(
                Priority.SENSOR, self._unit, wire.read_both(), retries=_RETRIES
            )
        except (NotSentError, NoReplyError):
            return ProbeReading(None, None, Quality.STALE)
        except DeviceRefusedError:
            return ProbeReading(None, None, Quality.BAD)
        seen = wire.measurement(reply)
        if seen.quality is WireQuality.BAD:
            return ProbeReading(None, None, Quality.BAD)
        return ProbeReading(seen.temperature_c, seen.humidity_pct, Quality.GOOD)
