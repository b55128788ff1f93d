"""The judge of a noisy line: it knows the cabinet's own record and what was asked for, nothing of the daemon's mind."""

import json
from bisect import bisect_right
from dataclasses import dataclass

from edge.hardware.ports import ProbeReading, PulseResult
from firmware_protocols.lock_boards import LineProtocol, LockKind
from linli.drill.busnoise.stand import LINE, Stand
from linli.drill.busnoise.words import allowed_frames, is_read, unit_of

OLD_S = 0.05
"""How old a reading may be when its request leaves: an answer that came while the next request was on its way."""
PROBE_TOLERANCE_C = 0.3
"""Noise of the probe, a register's tenth, and the air's own drift."""
_NAMELESS: frozenset[LockKind] = frozenset({"qianming", "kerong_cu16"})
"""Their answer to an opening does not name the lock (decision 0042), so it proves nothing."""
_BELATED_S = 5.0
_ON_ITS_WAY_S = 0.05
"""When the port is lost the caller hears at once; the frame's last byte reaches the board a little later."""


@dataclass(eq=False, slots=True)
class Ask:
    """One opening that somebody asked for."""

    label: str
    from_s: float
    until_s: float | None = None
    result: PulseResult | None = None
    seen: int = 0


class Oracle:
    """One per seed."""

    def __init__(self, stand: Stand) -> None:
        """Watch `stand` from its beginning."""
        self._stand = stand
        self.found: list[str] = []
        self.asks: list[Ask] = []
        self._history = {label: [(0.0, False)] for label in stand.wires}
        self.air: list[tuple[float, float]] = []
        self._labels = {wire: label for label, wire in stand.wires.items()}
        self._may_leave = allowed_frames(stand.cabinet.config)
        self._pulses = self._lines = 0
        self._frames = dict.fromkeys(stand.taps, 0)
        self._current: list[tuple[float, str]] = []

    def say(self, what: str) -> None:
        """Note a violation."""
        self.found.append(f"{self._stand.loop.time():.2f} s, {self._stand.kind}: {what}")

    def door_read(self, label: str, said: bool | None, since_s: float) -> None:
        """Judge a state of one door that was asked for at `since_s` and is answered now."""
        if said is None:
            return
        self._learn()
        moments = self._history[label]
        first = max(0, bisect_right(moments, (since_s - OLD_S, True)) - 1)
        if all(was is not said for _, was in moments[first:]):
            self.say(f"door {label} was read as {'open' if said else 'shut'} and was not")

    def air_read(self, reading: ProbeReading, since_s: float) -> None:
        """Judge a reading of the probe."""
        if reading.temperature_c is None:
            return
        first = max(0, bisect_right(self.air, (since_s - OLD_S, 1e9)) - 1)
        true = [value for _, value in self.air[first:]]
        true.append(self._stand.cabinet.physics.zones["air"].air.temperature_c)
        if min(abs(one - reading.temperature_c) for one in true) > PROBE_TOLERANCE_C:
            self.say(f"the probe was read as {reading.temperature_c} and had {true}")

    def asked_at(self, unit: int, since_s: float) -> float:
        """Return when the first read of a unit left after `since_s`, on the line of the locks."""
        protocol, first_s = self._stand.facts.protocol, since_s
        for at_s, frame in reversed(self._stand.taps[LINE].sent):
            if at_s < since_s:
                break
            if unit_of(protocol, frame) == unit and is_read(protocol, frame):
                first_s = at_s
        return first_s

    def is_for(self, frame: bytes, unit: int) -> bool:
        """Tell whether a frame on the line of the locks is addressed to a unit."""
        return unit_of(self._stand.facts.protocol, frame) == unit

    def judge(self) -> None:
        """Judge everything that has happened since the last time."""
        self._learn()
        self._judge_frames()
        self._judge_relays()
        witness = self._stand.cabinet.witness
        for pulse in witness.pulses[self._pulses :]:
            self._judge_pulse((pulse.board, pulse.channel), pulse.at_s)
            self._judge_current(
                pulse.at_s, pulse.ms / 1000, self._labels[pulse.board, pulse.channel]
            )
        self._pulses = len(witness.pulses)
        for ask in [ask for ask in self.asks if ask.until_s is not None]:
            self._judge_ask(ask)
        now_s = self._stand.loop.time()
        self.asks = [
            ask for ask in self.asks if ask.until_s is None or now_s - ask.until_s < _BELATED_S
        ]
        if witness.burns:
            self.say(f"a coil burnt: {witness.burns[0].label}")
            witness.burns.clear()

    def _judge_pulse(self, wire: tuple[int, int], at_s: float) -> None:
        label = self._labels.get(wire)
        if label is None:
            self.say(f"a channel that has no door was pulsed: {wire}")
            return
        for ask in self.asks:
            over = ask.until_s is not None and at_s > ask.until_s + _ON_ITS_WAY_S
            if ask.label == label and ask.from_s <= at_s and not over:
                ask.seen += 1
                if ask.seen > 1:
                    self.say(f"door {label} was pulsed {ask.seen} times for one wish")
                return
        self.say(f"door {label} was pulsed, asked for by nobody")

    def _judge_ask(self, ask: Ask) -> None:
        if ask.seen and ask.result in (PulseResult.NOT_SENT, PulseResult.REJECTED):
            self.say(f"door {ask.label} was pulsed and reported as {ask.result}")
        elif ask.result is PulseResult.ACKED and not ask.seen:
            before = any(
                one.label == ask.label and one is not ask and one.seen for one in self.asks
            )
            if not before and self._stand.kind not in _NAMELESS:
                self.say(f"door {ask.label} was reported as pulsed and was not")
        ask.result = None  # judged

    def _judge_current(self, at_s: float, for_s: float, label: str) -> None:
        """No two coils of one supply under current at once."""
        parts = {part.label: part for part in self._stand.station.compartment}
        self._current = [(end_s, one) for end_s, one in self._current if end_s > at_s]
        for _, other in self._current:
            if parts[other].supply == parts[label].supply:
                self.say(f"{other} and {label} were under current at once")
        self._current.append((at_s + for_s, label))

    def _judge_frames(self) -> None:
        for name, tap in self._stand.taps.items():
            protocol = self._stand.facts.protocol if name == LINE else LineProtocol.MODBUS
            for _, frame in tap.sent[self._frames[name] :]:
                if not is_read(protocol, frame) and frame not in self._may_leave:
                    self.say(f"a frame outside the allow-list left: {frame.hex(' ')}")
            self._frames[name] = len(tap.sent)

    def _judge_relays(self) -> None:
        """A relay that is on without a timer is a coil under current for ever."""
        for line in self._stand.witness[self._lines :]:
            record = json.loads(line)
            if record["what"] == "relay" and record["on"]:
                self.say(f"a relay was switched on without a timer: {record}")
        self._lines = len(self._stand.witness)

    def _learn(self) -> None:
        """Take over the movements that the cabinet has recorded."""
        self._stand.cabinet.settle_now()
        movements = self._stand.cabinet.witness.movements
        for one in movements:
            self._history[one.label].append((one.at_s, one.open))
        movements.clear()
