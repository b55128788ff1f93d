"""Where the kill drill strikes: failpoints of the journey, how often each is passed, and what else is drawn."""

from dataclasses import dataclass
from random import Random

EDGE = "daemon"
HUB = "hub"


@dataclass(frozen=True, slots=True)
class Place:
    """A failpoint that the journey passes at least `passes` times after the program's start.

    `then`: failpoints at which the restarted program is killed once more, one a start; `meanwhile`: the other
    program's, likewise.
    """

    program: str
    name: str
    passes: int = 1
    then: tuple[str, ...] = ()
    meanwhile: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Return how people call this place on the command line."""
        both = "&" + "+".join(self.meanwhile) if self.meanwhile else ""
        return f"{self.program}/" + "+".join((self.name, *self.then)) + both

    def names(self, program: str) -> tuple[str, ...]:
        """Return the failpoints of one program, in the order of its starts."""
        return (self.name, *self.then) if program == self.program else self.meanwhile


PLACES = (
    *(
        Place(EDGE, name, passes)
        for name, passes in (
            ("pickup.desk_asked", 2),
            ("pickup.desk_committed", 2),
            ("doors.before_pulse_row", 5),
            ("doors.pulse_row_committed", 5),
            ("doors.pulse_sent", 5),
            ("doors.sensor_judged", 5),
            ("doors.outcome_committed", 5),
            ("doors.before_closed", 5),
            ("pickup.put_in_stored", 2),
            ("doors.closed_committed", 5),
            ("pickup.token_taken", 2),
            ("pickup.code_checked", 2),
            ("pickup.accepted", 2),
            ("pickup.intent_committed", 2),
            ("pickup.door_open", 3),
            ("pickup.door_closed", 3),
            ("pickup.proceeded", 1),
            ("pickup.finish_committed", 2),
            ("edge.doors_settled", 1),
            ("kit.sqlite.before_commit", 40),
            ("sync.edge.appended", 20),
            ("sync.edge.events_posted", 5),
            ("sync.edge.acked", 5),
            ("sync.edge.ops_received", 1),  # one page may hold all the rows of the journey
            ("sync.edge.ops_committed", 1),
        )
    ),
    Place(EDGE, "doors.pulse_sent", 5, then=("doors.reconciled",)),
    Place(EDGE, "doors.outcome_committed", 5, then=("edge.doors_settled",)),
    *(
        Place(HUB, name, passes)
        for name, passes in (
            ("orders.stock_reserved", 1),
            ("orders.placed", 1),
            ("orders.paid", 1),
            ("money.posted", 1),
            ("orders.parcels_made", 1),
            ("orders.locked", 1),
            ("stations.grant_issued", 1),
            ("sync.hub.op_written", 3),
            ("orders.parcel_moved", 6),
            ("kit.sqldb.before_commit", 20),
            ("sync.hub.hello_written", 1),
            ("sync.hub.hello_committed", 1),
            ("sync.hub.events_stored", 5),
            ("sync.hub.effects_done", 5),
            ("sync.hub.cursor_moved", 5),
            ("sync.hub.events_committed", 5),
            ("orders.collected", 1),
            ("stations.digits_forgotten", 1),
        )
    ),
)
MEDLEY = Place(
    EDGE,
    "doors.pulse_row_committed",
    then=("doors.pulse_sent", "pickup.intent_committed"),
    meanwhile=("orders.paid", "sync.hub.cursor_moved", "sync.hub.events_committed"),
)
"""Three places a program in one journey: what the tests run."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One case: where to strike, at which passing, and how people use their hands."""

    place: Place
    seed: int
    at_pass: int
    hasty_keeper: bool
    hasty_resident: bool

    def arms(self, program: str) -> tuple[str, ...]:
        """Return what LINLI_FAILPOINT says at each start of a program; after that it is left alone."""
        names = self.place.names(program)
        drawn = program == self.place.program
        return (f"{names[0]}:{self.at_pass}", *names[1:]) if drawn else names

    def __str__(self) -> str:
        """Say it in one line."""
        keeper, resident = (
            "hasty" if h else "slow" for h in (self.hasty_keeper, self.hasty_resident)
        )
        return f"{self.place.title} at passing {self.at_pass}, {keeper} keeper, {resident} resident"


def draw(place: Place, seed: int, chance: Random) -> Plan:
    """Draw what the seed leaves open."""
    at_pass = chance.randint(1, place.passes)
    return Plan(place, seed, at_pass, chance.random() < 0.5, chance.random() < 0.5)


def chosen(titles: tuple[str, ...]) -> tuple[Place, ...]:
    """Return the places of these titles; KeyError names one that is not there."""
    known = {place.title: place for place in (*PLACES, MEDLEY)}
    return tuple(known[title] for title in titles)
