"""The oracle: a model of its own of parcels, doors and rights, held against what the cabinet's witness saw.

It reads no database. What it cannot know (a door that nobody could see) it leaves open, in favour of the station.
"""

from collections.abc import Callable, Collection

from linli.world.custody import Act, Order, Parcel, Place, Used
from linli.world.trace import Trace

QUEUE_S = 75.0
"""How long an act may wait for its pulse: the station's queue, and the clocks' grain."""
REMOTE_S = 480.0
"""A command lives a minute by a clock that may be five minutes wrong."""
_GRACE_MS = 120_000
_CERTAIN_S = 4.0
_PULSES = 3
_BURST, _BURST_WINDOW_S = 4, 3600.0
_REFILL_S = 600.0
_DAY_FAILURES, _DAY_S = 19, 90_000.0


class Oracle:
    """Judges as things happen; `violations` are sentences."""

    def __init__(
        self, trace: Trace, now: Callable[[], float], station_ms: Callable[[], int]
    ) -> None:
        """`station_ms` is the station's own idea of the time."""
        self.trace, self._now, self._station_ms = trace, now, station_ms
        self.violations: list[str] = []
        self.orders: list[Order] = []
        self.inside: dict[str, Parcel] = {}
        self._acts: list[Act] = []
        self._open: dict[str, tuple[float, bool]] = {}
        self._pulsed_last: dict[str, Order | None] = {}
        """Label → whose code moved it last; None: staff, and what is taken then no code is used up by."""
        self._taken: dict[str, list[Parcel]] = {}
        """Label → what was taken since its door opened."""
        self._blind = False
        self._attempts: list[float] = []
        self._checked: list[float] = []
        self.openings: dict[str, list[float]] = {}
        """Label → when its door physically opened."""
        self.verdicts: dict[str, int] = {}
        self._forgotten_s = 0.0
        """How much waiting cold boots may have made the limiter forget."""

    def violate(self, what: str) -> None:
        """Write down that a promise was broken."""
        self.trace.note(round(self._now(), 3), "VIOLATION", what)
        self.violations.append(f"{self._now():.1f} s: {what}")

    def act(
        self, who: str, doors: Collection[str] | None, order: Order | None = None,
        *, again: bool = False, lasting: bool = False,
    ) -> Act:  # fmt: skip
        """Note that somebody asks for a door."""
        now_s = self._now()
        until_s = now_s + (REMOTE_S if lasting else 2 * QUEUE_S)
        made = Act(who, doors, now_s, until_s, order, again, lasting)
        self._acts = [one for one in self._acts if not one.spent and one.until_s >= now_s]
        self._acts.append(made)
        return made

    def void(self, act: Act) -> None:
        """The station said no."""
        act.spent = True

    def granted(self, act: Act, doors: Collection[str] | None = None) -> None:
        """The station said yes, to these doors."""
        act.until_s = self._now() + QUEUE_S
        if doors is not None:
            act.doors = doors

    def station_died(self) -> None:
        """Nothing that was asked of a dead daemon may move a door any more."""
        self.blinded()
        for act in self._acts:
            act.spent = act.spent or not act.lasting

    def booted_cold(self, forgets_s: float) -> None:
        """The station's counter of powered time goes on from its last checkpoint."""
        self._forgotten_s += forgets_s

    def blinded(self) -> None:
        """The station may have missed what its doors do just now."""
        for label, (since_s, _) in self._open.items():
            self._open[label] = (since_s, False)

    def set_blind(self, blind: bool) -> None:
        """While blind, whatever a door does may go unseen."""
        self._blind = blind
        self.blinded()

    def pulsed(self, label: str) -> None:
        """A coil got current: somebody must have asked for exactly this door."""
        now_s, inside = self._now(), self.inside.get(label)
        self.trace.note(round(now_s, 3), "pulse", label)
        fits = [
            one
            for one in self._acts
            if not one.spent
            and one.since_s <= now_s <= one.until_s
            and (label in one.doors if one.doors is not None else inside is None)
        ]
        if not fits:
            lies = f" ({inside.label} lies there)" if inside else ""
            self.violate(f"door {label} was pulsed{lies}, asked for by nobody")
            return
        act = min(fits, key=lambda one: (one.doors is None, one.until_s))
        act.spent = True
        self._pulsed_last[label] = act.order
        if act.order is not None:
            self._pulsed_for(act, act.order, inside, label)

    def _pulsed_for(self, act: Act, order: Order, inside: Parcel | None, label: str) -> None:
        if inside is None:
            return
        if inside.order is not order:
            self.violate(f"{act.who} got door {label} with {inside.label} of somebody else")
        elif not act.again and inside.used is Used.NO:
            inside.pulses += 1
            if inside.pulses > _PULSES:
                self.violate(f"door {label} was pulsed {inside.pulses} times for {inside.label}")

    def allowed_again(self, label: str) -> None:
        """Staff has seen to this door: three more pulses."""
        if (inside := self.inside.get(label)) is not None:
            inside.pulses = 0

    def moved(self, label: str, *, open_: bool, blind: bool) -> None:
        """A door opened or shut."""
        now_s = self._now()
        self.trace.note(round(now_s, 3), "open" if open_ else "shut", label)
        if open_:
            self._open[label] = (now_s, not (blind or self._blind))
            self.openings.setdefault(label, []).append(now_s)
            return
        since_s, clear = self._open.pop(label, (now_s, False))
        seen = clear and not blind and now_s - since_s >= _CERTAIN_S
        for parcel in self._taken.pop(label, ()):
            own = self._pulsed_last.get(label) is parcel.order
            if parcel.used is Used.MAYBE and seen and own:
                parcel.used = Used.YES

    def puts(self, parcel: Parcel, label: str) -> None:
        """The keeper lays a parcel behind a door."""
        if (there := self.inside.get(label)) is not None:
            self.violate(f"{parcel.label} was sent to {label}, where {there.label} lies")
            return
        self.inside[label] = parcel
        parcel.place, parcel.door, parcel.stored = Place.DOOR, label, False
        parcel.pulses = 0
        parcel.puts += 1
        parcel.order.laid_ms = parcel.order.laid_ms or self._station_ms()

    def stored(self, parcel: Parcel) -> None:
        """The station acknowledged the put-in."""
        if not parcel.stored:
            parcel.stored = True
            first = parcel.order.first_put_ms
            parcel.order.first_put_ms = first or self._station_ms()
            self.trace.note(round(self._now(), 3), "stored", parcel.label, parcel.door)
            if parcel.order.is_ready:
                parcel.order.ready.set()
                parcel.order.ready_s = self._now()

    def takes(self, order: Order | None, label: str, place: Place) -> Parcel | None:
        """Somebody takes what lies behind an open door; residents must find their own."""
        parcel = self.inside.get(label)
        if parcel is None:
            return None
        if order is not None and parcel.order is not order:
            self.violate(f"order {order.number} found {parcel.label} of somebody else in {label}")
            return None
        del self.inside[label]
        parcel.place = place
        if place is Place.PERSON:
            parcel.used = Used.MAYBE
            self._taken.setdefault(label, []).append(parcel)
        if place in (Place.VAN, Place.KEEPER, Place.COUNTER):
            parcel.stored = False
        self.trace.note(round(self._now(), 3), "taken", parcel.label, place)
        return parcel

    def judge(
        self, code: str, order: Order | None, expected: str, *, accepted: bool, wait_s: int
    ) -> None:
        """Hold the station's answer to a code against what it had to be."""
        said = "accepted" if accepted else "refused"
        self.verdicts[f"{expected}/{said}"] = self.verdicts.get(f"{expected}/{said}", 0) + 1
        self.trace.note(round(self._now(), 3), "code", order.number if order else "none", said)
        if accepted and expected == "refuse":
            self.violate(f"{_name(order, code)} was accepted, though it must open nothing")
        elif not accepted and expected == "accept" and not (wait_s and self._is_tried_out()):
            self.violate(f"{_name(order, code)} was refused, though it is valid")
        if not accepted:
            self.tried()
            if not wait_s:
                self._checked.append(self._now())
                self._is_limited()

    def tried(self) -> None:
        """Count an attempt that failed or was never answered."""
        self._attempts.append(self._now())

    def _is_limited(self) -> None:
        """Five wrong codes in a row are checked, then one each ten minutes."""
        lately = [at_s for at_s in self._checked if self._now() - at_s < _REFILL_S]
        if len(lately) > _BURST + 2:
            self.violate(f"{len(lately)} wrong codes were checked within ten minutes")

    def expected(self, order: Order | None) -> str:
        """Return what a code must do now: accept, refuse, or either where nobody can know."""
        if order is None:
            return "refuse"
        used = {one.used for one in order.parcels}
        gone = {Place.KEEPER, Place.COUNTER}
        if any(one.unsure for one in order.parcels):
            return "either"
        if all(one.used is Used.YES or one.place in gone for one in order.parcels):
            return "refuse"
        if Used.MAYBE in used or Used.YES in used or not order.is_ready:
            return "either"
        left_ms = self._left_ms(order, order.first_put_ms)
        if left_ms < -_GRACE_MS or order.revoke_ruled:
            return "refuse"
        whole = all(one.place is Place.DOOR and one.stored for one in order.parcels)
        asked = order.revoke_asked or order.cancel_asked
        return "accept" if whole and not asked and left_ms > _GRACE_MS else "either"

    def is_over(self, order: Order) -> bool:
        """Return whether the time to fetch it is over by the station's clock."""
        since_ms = order.first_put_ms or order.laid_ms
        return since_ms is not None and self._left_ms(order, since_ms) < 0

    def _left_ms(self, order: Order, since_ms: int | None) -> float:
        if since_ms is None:
            return 0.0
        return since_ms + order.valid_for_s * 1000 - self._station_ms()

    def _is_tried_out(self) -> bool:
        """Return whether the limiter may rest: enough attempts failed lately (a cut forgets waiting, not attempts)."""
        now_s = self._now()
        slack_s = self._forgotten_s
        lately = sum(now_s - at_s < _BURST_WINDOW_S + slack_s for at_s in self._attempts)
        today = sum(now_s - at_s < _DAY_S + slack_s for at_s in self._attempts)
        return lately >= _BURST or today >= _DAY_FAILURES


def _name(order: Order | None, code: str) -> str:
    return f"the code of order {order.number}" if order else f"code {code[:2]}…"
