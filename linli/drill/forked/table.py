"""The parent of a run: cabinet, parcels, people's wishes and the way to the hub; none of it dies with a program.

Each `on_…` answers a question of the station's process.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from common.kit.chance import seeded_chance
from device_sim.bus import Reply
from device_sim.cabinet import Cabinet
from device_sim.faults import Fault
from firmware_protocols.crc import with_crc
from firmware_protocols.modbus_pdu import EXCEPTION_BIT, parse_request
from firmware_protocols.waveshare_relay import as_pulse
from linli.drill.forked.ground import Ground
from linli.drill.forked.hubside import ForkedHub, Request, Response
from linli.drill.forked.pipe import Child, DiedError
from linli.drill.reasons import Act, Seen
from linli.world.clock import DAWN

_WRITE_ONE, _DEVICE_BUSY, _THINKS_S = b"\x05", 6, 0.01


class TableClock:
    """The cabinet's clock: as late as anybody has said it is."""

    boot_id = "cabinet"

    def __init__(self, now_s: float) -> None:
        """Stand at `now_s`."""
        self.now_s = now_s

    def monotonic_s(self) -> float:
        """Return the second of the world."""
        return self.now_s

    def wall(self) -> datetime:
        """Return the true time."""
        return DAWN + timedelta(seconds=self.now_s)


class Table:
    """What is true in a run."""

    def __init__(
        self, ground: Ground, seed: int, hub: ForkedHub, at_s: float, inside: Mapping[str, str]
    ) -> None:
        """Set the cabinet up, every door shut."""
        self.ground, self.hub = ground, hub
        self.clock = TableClock(at_s)
        jitter = seeded_chance(f"{seed}|cabinet").jitter
        self.cabinet = Cabinet(ground.cabinet, self.clock, jitter)
        self._buses = {bus.name: bus for bus in self.cabinet.buses}
        self.inside = dict(inside)
        self.where = dict(inside)
        self.taken: Counter[str] = Counter()
        self.deaths_s: list[float] = []
        self.deaths: list[str] = []
        """Failpoints at which the station was killed."""
        self.acts: dict[int, Act] = {}
        self.lasting: list[str] = []
        """Doors asked for from afar: each may be pulsed once, whoever dies meanwhile."""
        self.found: list[str] = []
        self.marks: dict[str, int] = {}
        """What people remember over a death of the station."""
        self.passed: Counter[str] = Counter()
        self._refusals = 0

    @property
    def now_s(self) -> float:
        """Return the second of the world."""
        return self.clock.now_s

    def let_pass(self, seconds: float) -> None:
        """Let time pass while no station runs."""
        self.clock.now_s += seconds
        self.cabinet.settle_now()

    def serve(self, child: Child) -> bool:
        """Answer until the station is done; False when it was killed."""
        while True:
            try:
                asked = child.hear()
                self.clock.now_s = max(self.clock.now_s, asked.at_s)
                if asked.name == "done":
                    return True
                if asked.name == "dying":
                    self.deaths.extend(asked.args)
                    continue
                child.say(getattr(self, f"on_{asked.name}")(*asked.args))
            except TimeoutError as error:
                self.on_violated(f"the station: {error}")
                return True
            except DiedError:
                self.deaths_s.append(self.now_s)
                return False

    def seen(self) -> list[Seen]:
        """Return every pulse that the boards executed."""
        labels = {(one.board, one.channel): one.label for one in self.ground.cabinet.door}
        return [
            Seen(one.at_s, labels[one.board, one.channel]) for one in self.cabinet.witness.pulses
        ]

    def doors_of(self, parcel_ids: frozenset[str]) -> frozenset[str]:
        """Return the doors behind which these parcels lie, or lay until they were taken."""
        return frozenset(door for door, one in self.where.items() if one in parcel_ids)

    def on_feed(self, bus: str, data: bytes) -> list[Reply]:
        """Put bytes on a wire."""
        if self._refusals and data[1:2] == _WRITE_ONE and as_pulse(parse_request(data[1:-2])):
            self._refusals -= 1
            refusal = with_crc(bytes((data[0], _WRITE_ONE[0] | EXCEPTION_BIT, _DEVICE_BUSY)))
            return [Reply(self.now_s + _THINKS_S, refusal, 0.0)]
        return self._buses[bus].feed(data, self.now_s)

    def on_plugged(self, bus: str) -> bool:
        """Tell whether an adapter is in its socket."""
        return self.cabinet.is_plugged(self._buses[bus])

    def on_hub(self, request: Request) -> Response | None:
        """Carry a request to the hub; None when it died over it."""
        return self.hub.ask(self.now_s, request)

    def on_open_doors(self) -> tuple[str, ...]:
        """Look which doors stand open."""
        return tuple(one.label for one in self.cabinet.state().doors if one.open)

    def on_push(self, label: str) -> None:
        """Push a door shut."""
        self.cabinet.push(label)

    def on_take(self, label: str, mine: frozenset[str]) -> None:
        """Take what lies behind an open door."""
        parcel_id = self.inside.pop(label, None)
        if parcel_id is None:
            return
        self.taken[parcel_id] += 1
        if parcel_id not in mine:
            self.on_violated(f"{label} opened and holds another one's parcel")

    def on_put(self, label: str, parcel_id: str) -> None:
        """Put a parcel behind an open door."""
        if self.inside.get(label, parcel_id) != parcel_id:
            self.on_violated(f"{label} opened for a put-in and is not empty")
        if self.doors_of(frozenset({parcel_id})) - {label}:
            self.on_violated(f"{label} opened, the parcel is in another door")
        self.inside[label] = self.where[label] = parcel_id

    def on_want(self, what: str, doors: frozenset[str] | None) -> int:
        """Note that somebody asks for one pulse now; return the act's number."""
        number = len(self.acts)
        self.acts[number] = Act(self.now_s, what, doors)
        return number

    def on_void(self, number: int) -> None:
        """Forget an act that the station refused."""
        self.acts.pop(number, None)

    def on_pull(self, label: str) -> None:
        """Pull a door open by hand."""
        self.cabinet.pull(label)

    def on_refuse(self, pulses: int) -> None:
        """Let the boards refuse the next pulses."""
        self._refusals = pulses

    def on_lay(self, fault: Fault) -> None:
        """Lay a fault on the cabinet."""
        self.cabinet.lay(fault)

    def on_lift(self) -> None:
        """Take every fault off."""
        self.cabinet.lift_all()

    def on_mark(self, name: str, count: int) -> int:
        """Count up what a person remembers; return the sum."""
        self.marks[name] = self.marks.get(name, 0) + count
        return self.marks[name]

    def on_inside(self) -> dict[str, str]:
        """Return what lies behind which door."""
        return dict(self.inside)

    def on_taken(self) -> frozenset[str]:
        """Return what was taken out."""
        return frozenset(self.taken)

    def on_doors_of(self, parcel_ids: frozenset[str]) -> frozenset[str]:
        """Return the doors of parcels."""
        return self.doors_of(parcel_ids)

    def on_violated(self, sentence: str) -> None:
        """Note a broken promise."""
        self.found.append(sentence)

    def on_passed(self, counts: Mapping[str, int]) -> None:
        """Note which failpoints a life has passed that came to its end."""
        self.passed.update(counts)
