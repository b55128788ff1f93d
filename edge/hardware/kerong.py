"""Drivers of the KERONG lock boards CU16 and CU48: one method per device command, no policy.

A busy board may not answer an opening although the lock opened: UNCONFIRMED is usual and the hook decides.
"""

from edge.hardware.jobs import Priority
from edge.hardware.self_timed import SelfTimedBoard
from edge.hardware.speech import BoardRule
from firmware_protocols import kerong_cu16, kerong_cu48


class KerongCu16(SelfTimedBoard[kerong_cu16.Request, kerong_cu16.Answer]):
    """One board with 16 locks."""

    def opening(self, channel: int) -> kerong_cu16.Request:
        """Return the frame of one lock."""
        return kerong_cu16.open_one(channel)

    async def read_doors(self, *, urgent: bool = False) -> tuple[bool | None, ...]:
        """Return all hooks, channel 0 first: open is what is not locked."""
        return kerong_cu16.doors(await self._status(urgent=urgent))

    async def read_goods(self) -> tuple[bool | None, ...]:
        """Return all beams, channel 0 first: something lies there. Without beams fitted it means nothing."""
        return kerong_cu16.goods(await self._status(urgent=False))

    async def read_pulse_ms(self) -> int:
        """Return the length of the board's pulse, a setting of up to 60 s."""
        request = kerong_cu16.read_pulse()
        return kerong_cu16.pulse_ms(await self._bus.call(Priority.SENSOR, self.unit, request))

    async def _status(self, *, urgent: bool) -> kerong_cu16.Answer:
        return await self.look(kerong_cu16.read_all(), urgent=urgent)


class KerongCu48(SelfTimedBoard[kerong_cu48.Request, kerong_cu48.Answer]):
    """One board with 48 locks; experimental."""

    def opening(self, channel: int) -> kerong_cu48.Request:
        """Return the frame of one lock."""
        return kerong_cu48.open_one(channel)

    async def read_doors(self, *, urgent: bool = False) -> tuple[bool | None, ...]:
        """Return all hooks, channel 0 first: open is what is not locked."""
        request = kerong_cu48.read_all()
        return kerong_cu48.doors(await self.look(request, urgent=urgent))


def cu16_rule() -> BoardRule[kerong_cu16.Request]:
    """Return the allow-list: one lock's pulse; no "all", no delay, no setting."""
    allowed = frozenset(kerong_cu16.open_one(n) for n in range(kerong_cu16.CHANNELS))
    return BoardRule(allowed.__contains__, None)


def cu48_rule() -> BoardRule[kerong_cu48.Request]:
    """Return the allow-list: one lock's pulse."""
    allowed = frozenset(kerong_cu48.open_one(n) for n in range(kerong_cu48.CHANNELS))
    return BoardRule(allowed.__contains__, None)
