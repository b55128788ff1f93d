"""What drivers of lock boards that time their pulse themselves have in common: the boards of the lock makers."""

from abc import ABC, abstractmethod
from typing import Generic

from edge.hardware.bus import BusOwner
from edge.hardware.jobs import Priority
from edge.hardware.ports import PulseResult
from edge.hardware.pulsing import send_pulse
from edge.hardware.speech import A, Q


class SelfTimedBoard(ABC, Generic[Q, A]):
    """One lock board; its driver says which request opens a lock and which reads the contacts."""

    def __init__(self, bus: BusOwner[Q, A], unit: int) -> None:
        """Talk to board `unit` over `bus`."""
        self.unit = unit
        self._bus = bus

    def expect_pulse(self) -> None:
        """Keep the line free of background reads for a moment."""
        self._bus.expect_pulse()

    async def pulse(self, channel: int, ms: int) -> PulseResult:  # noqa: ARG002 - the board has a length of its own
        """Give lock `channel` the board's own pulse; sent at most once."""
        return await send_pulse(self._bus, self.addressed(channel), self.opening(channel))

    async def all_off(self) -> None:
        """Send nothing: no coil stays under current longer than the board's own pulse."""

    def addressed(self, channel: int) -> int:  # noqa: ARG002 - most boards have one address
        """Return the address that the frame for lock `channel` bears."""
        return self.unit

    @abstractmethod
    def opening(self, channel: int) -> Q:
        """Return the request that gives lock `channel` its pulse."""

    @abstractmethod
    async def read_doors(self, *, urgent: bool = False) -> tuple[bool | None, ...]:
        """Return all contacts, channel 0 first; None where the board cannot tell or has no such channel."""

    async def look(self, request: Q, *, urgent: bool) -> A:
        """Ask for states; `urgent`: for somebody who waits, and also of a board that rests."""
        priority = Priority.DOOR if urgent else Priority.SNAPSHOT
        return await self._bus.call(priority, self.unit, request, probe=urgent)
