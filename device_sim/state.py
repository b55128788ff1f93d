"""What `GET /state` says: the shape that people and scripts rely on, plus what a tester asks next."""

from pydantic import BaseModel, ConfigDict

from device_sim.config import CabinetConfig
from device_sim.faults import Fault, FaultBook
from device_sim.lock import Cause
from device_sim.physics import Physics
from device_sim.witness import Witness
from device_sim.zone import Zone


class _Out(BaseModel):
    model_config = ConfigDict(frozen=True)


class ZoneState(_Out):
    """The true air of a zone (a probe adds its noise) and what its machine does."""

    name: str
    temperature_c: float
    humidity_pct: float
    goods_c: float
    compressor_on: bool
    defrosting: bool
    watts: float


class DoorState(_Out):
    """One door."""

    board: int
    channel: int
    label: str
    open: bool
    shows_open: bool
    """What its contact says, which is what the boards read."""
    ajar: bool
    frozen: bool
    jammed: bool
    burnt: bool
    energised: bool
    goods: bool


class PulseState(_Out):
    """One pulse that a board executed."""

    at_s: float
    board: int
    channel: int
    ms: int


class MovementState(_Out):
    """One door movement."""

    at_s: float
    label: str
    open: bool
    cause: Cause


class NoteState(_Out):
    """Something that happened in a scripted day."""

    time_of_day: str
    what: str
    target: str


class StoryState(_Out):
    """How far a scripted day is."""

    name_zh: str
    name_en: str
    day: int
    days: int
    time_of_day: str
    done: float | None
    """Share of all days that has passed; None: it goes on for ever."""
    notes: tuple[NoteState, ...]


class CabinetState(_Out):
    """Times count from the start of the simulator, in seconds of the wire's clock."""

    clock_s: float
    outside_c: float
    has_mains: bool
    zones: tuple[ZoneState, ...]
    doors: tuple[DoorState, ...]
    pulses: tuple[PulseState, ...]
    movements: tuple[MovementState, ...]
    faults: tuple[Fault, ...]
    scenario: StoryState | None


def state_of(
    config: CabinetConfig,
    physics: Physics,
    witness: Witness,
    faults: FaultBook,
    story: StoryState | None = None,
) -> CabinetState:
    """Return the state at the moment that `physics` has reached."""
    return CabinetState(
        clock_s=witness.clock_s(physics.now_s),
        outside_c=round(physics.outside.temperature_c, 1),
        has_mains=not faults.is_dark(),
        zones=tuple(_zone(zone) for zone in physics.zones.values()),
        doors=tuple(_door(physics, door.board, door.channel) for door in config.door),
        pulses=tuple(
            PulseState(
                at_s=witness.clock_s(one.at_s), board=one.board, channel=one.channel, ms=one.ms
            )
            for one in witness.pulses
        ),
        movements=tuple(
            MovementState(
                at_s=witness.clock_s(one.at_s), label=one.label, open=one.open, cause=one.cause
            )
            for one in witness.movements
        ),
        faults=faults.active(),
        scenario=story,
    )


def _zone(zone: Zone) -> ZoneState:
    air = zone.air
    return ZoneState(
        name=zone.name,
        temperature_c=round(air.temperature_c, 2),
        humidity_pct=round(air.humidity_pct, 1),
        goods_c=round(zone.goods_c, 2),
        compressor_on=zone.compressor_on,
        defrosting=zone.defrosting,
        watts=round(zone.watts, 1),
    )


def _door(physics: Physics, board: int, channel: int) -> DoorState:
    lock = physics.lock(board, channel)
    return DoorState(
        board=board,
        channel=channel,
        label=lock.label or "",
        open=lock.is_open,
        shows_open=lock.senses_open(physics.now_s),
        ajar=lock.is_ajar,
        frozen=lock.is_frozen,
        jammed=lock.is_jammed,
        burnt=lock.is_burnt,
        energised=lock.is_energised,
        goods=lock.holds_goods,
    )
