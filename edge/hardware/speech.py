"""What a line speaks, as its owner sees it: which requests are reads, how long an answer takes, what may leave.

Q is a request of that protocol, A an answer. Modbus and the frames of the lock board makers each fill this in;
the rules of the wire stand in `bus.py` and are the same for all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from edge.config import BusSection
from edge.hardware.line import Line

Q = TypeVar("Q")
A = TypeVar("A")
Q_co = TypeVar("Q_co", covariant=True)
Q_contra = TypeVar("Q_contra", contravariant=True)
A_co = TypeVar("A_co", covariant=True)


class Link(Protocol[Q_contra, A_co]):
    """One opened line: request in, its checked answer out."""

    @property
    def connected(self) -> bool:
        """Tell whether the line is open."""

    @property
    def echoed(self) -> bool:
        """Tell whether the last request came straight back."""

    @property
    def stray_bytes(self) -> int:
        """Return how much was heard since the last request that is neither its echo nor its answer."""

    def expect_echo(self) -> None:
        """Treat the adapter as one that hears itself."""

    async def open(self) -> None:
        """Open the line; LinliError or OSError says why not."""

    async def transact(self, unit: int, request: Q_contra, timeout_s: float) -> A_co:
        """Send once and return the answer; NotSentError, NoReplyError, FrameRefusedError."""

    def close(self) -> None:
        """Close the line."""


@dataclass(frozen=True, slots=True)
class BoardRule(Generic[Q]):
    """What may be sent to one device: the outbound allow-list of its kind."""

    allows: Callable[[Q], bool]
    all_off: Q | None
    """The frame that drops every relay; None: the board's own timer does."""
    reads: Callable[[Q], bool] | None = None
    """Which reads it bears; None: all."""


Rules = Mapping[int, BoardRule[Q]]
"""Unit → what it may be told; a unit that is not in here is only read."""


class Speech(Protocol[Q, A]):
    """What the owner must know of the protocol of its line."""

    @property
    def units(self) -> range:
        """Return every address that a board may have."""

    @property
    def openings_look_like_reads(self) -> bool:
        """Tell whether the answer to an opening could be taken for the answer to a read."""

    @property
    def echo_test(self) -> Q:
        """Return a read that is sent to an address that nobody has."""

    def is_read(self, request: Q) -> bool:
        """Tell whether nothing can move by it, so that it may be repeated and sent to any address."""

    def patience_s(self, request: Q) -> float:
        """Return how long a sound board may take for its answer; 0: as the settings of the line say."""

    def refusal(self, answer: A) -> int | None:
        """Return the board's reason when it answered that it did not obey."""

    def link(
        self,
        section: BusSection,
        line: Line,
        rules: Rules[Q],
        *,
        on_bytes: Callable[[], None],
        on_lost: Callable[[], None],
    ) -> Link[Q, A]:
        """Return the link, not yet open; `on_lost` is called when the port goes away by itself."""


def may_leave(speech: Speech[Q, A], rules: Rules[Q], unit: int, request: Q) -> bool:
    """Tell whether a frame is on the allow-list: a read that the board bears, or what the kind of `unit` allows."""
    if unit not in speech.units:
        return False
    rule = rules.get(unit)
    if speech.is_read(request):
        return rule is None or rule.reads is None or rule.reads(request)
    return rule is not None and rule.allows(request)
