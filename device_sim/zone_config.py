"""The `[[zone]]` sections of a cabinet file: what a zone is called, how it is cooled and how it leaks."""

import math
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from device_sim.cooling import Cooling
from device_sim.thermal import Masses
from device_sim.zone import ZoneModel

Name = Annotated[str, Field(min_length=1, max_length=40)]
FREEZER_HEATER_W = 150.0


class ZoneSection(BaseModel):
    """One temperature zone; what is left out is a half of eight doors with 20 kg of food."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name = Field(description="what boards and doors call it")
    name_zh: Name = Field(description="for people, in Chinese")
    name_en: Name = Field(description="for people, in English")
    set_point_c: float | None = Field(
        default=None, ge=-30, le=30, description="none: not cooled, as warm as outside"
    )
    humidity_pct: float = Field(
        default=60.0, ge=0, le=100, description="humidity with all doors shut"
    )
    band_c: float = Field(
        default=1.0, ge=0.2, le=10, description="from where the compressor stops to where it starts"
    )
    cooling_w: float = Field(
        default=250.0, ge=10, le=5000, description="heat that the running compressor takes out"
    )
    compressor_w: float = Field(
        default=120.0, ge=0, le=5000, description="electricity that it draws"
    )
    fan_w: float = Field(
        default=12.0, ge=0, le=500, description="evaporator fan: drawn, and given to the air"
    )
    min_off_s: float = Field(
        default=180.0, ge=10, le=3600, description="rest of the compressor after a stop"
    )
    door_pause_min: float = Field(
        default=15.0, ge=0, le=120, description="how long an open door keeps the machine stopped"
    )
    defrost_every_h: float = Field(
        default=8.0, ge=0, le=72, description="from defrost to defrost; 0: never"
    )
    defrost_for_min: float = Field(default=8.0, ge=1, le=60, description="length of a defrost")
    defrost_w: float | None = Field(
        default=None, ge=0, le=3000, description="its heater; none: 0 above freezing, 150 below"
    )
    leak_w_per_k: float = Field(
        default=2.0, ge=0.1, le=100, description="heat through walls and gaskets"
    )
    door_w_per_k: float = Field(
        default=25.0, ge=0.1, le=500, description="heat through one open door"
    )
    air_kj_per_k: float = Field(
        default=20.0, ge=1, le=1000, description="what air and inner walls hold"
    )
    goods_kj_per_k: float = Field(
        default=70.0, ge=1, le=10_000, description="what the goods hold (20 kg of food: 70)"
    )
    goods_w_per_k: float = Field(
        default=8.0, ge=0.1, le=500, description="heat from the air to the goods"
    )

    def model_of_zone(self) -> ZoneModel:
        """Return the figures in base units."""
        masses = Masses(self.air_kj_per_k * 1000, self.goods_kj_per_k * 1000, self.goods_w_per_k)
        return ZoneModel(masses, self.leak_w_per_k, self.door_w_per_k, self._cooling())

    def _cooling(self) -> Cooling | None:
        if self.set_point_c is None:
            return None
        heater_w = FREEZER_HEATER_W if self.set_point_c < 0 else 0.0
        return Cooling(
            self.set_point_c,
            self.band_c,
            self.cooling_w,
            self.compressor_w,
            self.fan_w,
            self.min_off_s,
            door_pause_s=self.door_pause_min * 60,
            defrost_every_s=self.defrost_every_h * 3600 or math.inf,
            defrost_for_s=self.defrost_for_min * 60,
            defrost_w=heater_w if self.defrost_w is None else self.defrost_w,
        )
