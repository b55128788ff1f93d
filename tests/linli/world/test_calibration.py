"""A probe that is off, from the wire to the desk: corrected at both ends; what an older disk lost is told."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from cloud.app import Hub
from cloud.stations.probes import LOST
from cloud.stations.views import StationDetail
from common.contract.calibration import ProbeCalibrated
from common.kit.chance import seeded_chance
from device_sim.config import load
from device_sim.iron_faults import SensorOffset
from edge.app import Edge
from edge.climate import CalibrationDesk
from edge.hardware.calibration import ProbeAsked, ProbeSaid
from linli.drill.clock import CABINET
from linli.world.loop import VirtualLoop, run_virtual
from linli.world.town import Town

OFF_K = 0.9
ZONE = "ambient"


class Site:
    """One station with its hub; the disk of the station can be set back."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.disk = town.data / "station"

    @property
    def edge(self) -> Edge:
        assert self.town.edge is not None
        assert isinstance(self.town.edge.program, Edge)
        return self.town.edge.program

    async def desk(self, after_s: float = 150.0) -> StationDetail:
        """Return what the desk sees when everything has arrived."""
        await asyncio.sleep(after_s)
        assert self.town.hub is not None
        assert isinstance(self.town.hub.program, Hub)
        return await self.town.hub.program.rooms.stations.detail(self.town.access.station_id)

    async def compare(self, reference_c: float) -> ProbeCalibrated:
        """Hold the probe beside a reference, as a technician does over the socket."""
        edge = self.edge
        session = CalibrationDesk(
            edge.climate.probes(), edge.climate.calibrations, edge.config, edge.state_db,
            edge.outbox, edge.clock, seeded_chance("technician"),
        ).session()  # fmt: skip
        (name,) = [name for name, one in edge.climate.probes().items() if one.zone == ZONE]
        said = ProbeSaid()
        while not said.steady:
            said = await session.answer(ProbeAsked(do="read", probe=name))
            await asyncio.sleep(said.pace_s)
        wish = ProbeAsked(
            do="write", probe=name, reference_c=reference_c, instrument="Testo 110", by="张敏"
        )
        record = (await session.answer(wish)).record
        session.close()
        assert record is not None
        return record

    async def restart(self, disk: Path | None = None) -> None:
        """Start the daemon anew, on an older copy of its disk if there is one."""
        await self.town.stop(self.town.edge)
        if disk is not None:
            shutil.rmtree(self.disk)
            shutil.copytree(disk, self.disk)
        await self.town.start_edge()


def shown_c(detail: StationDetail) -> float:
    (zone,) = [one for one in detail.station.zones if one.zone == ZONE]
    assert zone.temperature_c is not None
    return zone.temperature_c


@pytest.mark.timeout(120)
def test_the_desk_sees_the_true_value_and_a_lost_record(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        town = Town(loop, 3, load(CABINET, os.environ), tmp_path)
        await town.prepare()
        await town.start_hub()
        await town.start_edge()
        site = Site(town)
        true_c = shown_c(await site.desk())
        unit = next(zone.probe_unit for zone in site.edge.config.zone if zone.name == ZONE)
        town.cabinet.lay(SensorOffset(kind="sensor_offset", target=unit, offset_k=OFF_K))
        assert shown_c(await site.desk()) == pytest.approx(true_c + OFF_K, abs=0.3)
        older = tmp_path / "older"
        await town.stop(town.edge)
        shutil.copytree(site.disk, older)
        await town.start_edge()
        record = await site.compare(true_c)
        detail = await site.desk()
        assert shown_c(detail) == pytest.approx(true_c, abs=0.3)
        (view,) = [one for one in detail.probes if one.zone == ZONE]
        assert view.newest is not None
        assert (view.newest.calibration_id, view.is_lost) == (record.calibration_id, False)
        await site.restart()
        (view,) = [one for one in (await site.desk()).probes if one.zone == ZONE]
        assert not view.is_lost
        await site.restart(older)
        detail = await site.desk(after_s=900)  # it is turned away while the other may still live
        (view,) = [one for one in detail.probes if one.zone == ZONE]
        assert view.is_lost
        assert LOST in {one.kind for one in detail.alarms}
        again = await site.compare(true_c)
        (view,) = [one for one in (await site.desk()).probes if one.zone == ZONE]
        assert not view.is_lost
        assert view.newest is not None
        assert view.newest.calibration_id == again.calibration_id
        await town.stop(town.edge)
        await town.stop(town.hub)

    run_virtual(3, main)
