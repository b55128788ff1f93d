"""The scenario file: one scripted day of a cabinet, or several; unknown keys are refused with line and nearest key.

Every time is the day's own: with a clock factor of 60 a minute of the file is a second of the wire.
"""

from datetime import time
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from device_sim.faults import Fault
from device_sim.zone_config import Name

TimeOfDay = Annotated[time, Field(description="time of day, `08:15`")]
Labels = Annotated[tuple[str, ...], Field(max_length=100)]


class Opens(StrEnum):
    """How a door comes to be open."""

    BY_HAND = "by_hand"
    BY_PULSE = "by_pulse"


class Goods(StrEnum):
    """What somebody does with what lies behind a door."""

    NOTHING = "nothing"
    TAKE = "take"
    PUT = "put"


class Leaves(StrEnum):
    """How somebody leaves a door."""

    SHUT = "shut"
    AJAR = "ajar"
    OPEN = "open"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("at", "begins", "ends", check_fields=False)
    @classmethod
    def _has_no_zone(cls, value: time) -> time:
        if value.tzinfo is not None:
            raise ValueError("a time of the day has no time zone")
        return value


class ScenarioSection(_Section):
    """What the day is called and how fast it passes."""

    name_zh: Name = Field(description="for people, in Chinese")
    name_en: Name = Field(description="for people, in English")
    begins: TimeOfDay = Field(default=time(6), description="time of day at the start")
    days: int = Field(default=1, ge=0, le=3660, description="how many such days; 0: for ever")
    clock_factor: float | None = Field(
        default=None, gt=0, le=10_000, description="how fast it passes; none: the cabinet's"
    )
    seed: int = Field(default=1, ge=0, description="what crowds are drawn from, anew each day")


class WeatherSection(_Section):
    """One point of the day's weather; between two points it goes straight."""

    at: TimeOfDay
    outside_c: float = Field(ge=-40, le=60, description="temperature outside the housing")
    outside_pct: float | None = Field(
        default=None, ge=0, le=100, description="humidity outside; none: the cabinet's"
    )


class Manners(_Section):
    """What people do at a door."""

    opens: Opens = Field(
        default=Opens.BY_HAND,
        description="`by_hand`: without a station; `by_pulse`: they wait until the station opens the door",
    )
    waits_s: float = Field(
        default=120.0, gt=0, le=3600, description="patience with `by_pulse`; then they go away"
    )
    pushes: bool = Field(
        default=False, description="they lean on the door while they wait: a frozen one opens"
    )
    goods: Goods = Field(default=Goods.NOTHING, description="what they do behind the open door")
    tidied_min: float = Field(
        default=20.0,
        ge=0,
        le=1440,
        description="until somebody shuts a door left ajar or open; 0: nobody does",
    )


class VisitSection(Manners):
    """One person at one door."""

    at: TimeOfDay
    door: str = Field(max_length=10, description="label of the door")
    stays_s: float = Field(default=20.0, gt=0, le=3600, description="how long the door is open")
    leaves: Leaves = Field(default=Leaves.SHUT, description="how they leave the door")


class Places(_Section):
    """Several doors: a list, or all of a zone."""

    doors: Labels = Field(default=(), description="labels of doors; none: those of `zone`")
    zone: str | None = Field(
        default=None, description="all doors of a zone; with neither: all doors"
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.doors and self.zone is not None:
            raise ValueError("give `doors` or `zone`, not both")
        return self


class CrowdSection(Manners, Places):
    """Many people, drawn by the seed: when, at which door, for how long, and how they leave it."""

    begins: TimeOfDay
    ends: TimeOfDay
    visits: int = Field(ge=1, le=5000, description="how many people")
    shortest_s: float = Field(default=8.0, gt=0, le=3600, description="quickest at the open door")
    longest_s: float = Field(default=40.0, gt=0, le=3600, description="slowest")
    ajar_share: float = Field(default=0.0, ge=0, le=1, description="share that leaves it ajar")
    open_share: float = Field(default=0.0, ge=0, le=1, description="share that leaves it open")

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Self:
        if self.longest_s < self.shortest_s:
            raise ValueError("longest_s is less than shortest_s")
        if self.ajar_share + self.open_share > 1:
            raise ValueError("ajar_share and open_share are more than all people")
        return self


class KeeperRoundSection(Manners, Places):
    """A keeper who goes from door to door."""

    at: TimeOfDay
    stays_s: float = Field(default=25.0, gt=0, le=3600, description="how long each door is open")
    between_s: float = Field(default=10.0, ge=0, le=3600, description="from one door to the next")


class PowerCutSection(_Section):
    """A cut of the mains."""

    at: TimeOfDay
    for_min: float = Field(gt=0, le=1440, description="how long")


class FaultSection(_Section):
    """A fault, as the control API takes it."""

    at: TimeOfDay
    for_min: float | None = Field(
        default=None, gt=0, le=1440, description="how long; none: until it is cleared"
    )
    what: Fault = Field(
        description='`{ kind = "frozen", target = "A03" }`; see the [kinds](faults.md)'
    )

    @field_validator("what")
    @classmethod
    def _ends_by_the_day(cls, fault: Fault) -> Fault:
        if fault.for_s is not None:
            raise ValueError("its length is given as `for_min` beside `what`")
        return fault


class Scenario(_Section):
    """A whole scenario file."""

    scenario: ScenarioSection
    weather: tuple[WeatherSection, ...] = ()
    visit: tuple[VisitSection, ...] = ()
    crowd: tuple[CrowdSection, ...] = ()
    keeper_round: tuple[KeeperRoundSection, ...] = ()
    power_cut: tuple[PowerCutSection, ...] = ()
    fault: tuple[FaultSection, ...] = ()


def seconds_of(moment: time) -> float:
    """Return the seconds since midnight."""
    return moment.hour * 3600.0 + moment.minute * 60.0 + moment.second
