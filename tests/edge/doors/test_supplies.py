"""Many wishes at once on the real stack: one coil a supply at a time, everybody served, nobody else's door opened."""

import asyncio
import random
import tomllib
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path

import pytest

from common.contract.words import DoorState
from common.kit.chance import seeded_chance
from common.kit.sqlite import SqliteDb
from device_sim.cabinet import Cabinet
from device_sim.config import CabinetConfig
from device_sim.witness import PulseSeen
from edge.config import StationConfig
from edge.doors import DDL, Doors
from edge.hardware.build import build_hardware
from edge.sync import DDL as SYNC_DDL
from edge.sync import Outbox
from linli.demo.ports import Ports
from linli.demo.station_file import station_toml
from linli.world.clock import WorldClock
from linli.world.loop import VirtualLoop, run_virtual
from tests.device_sim.cabinets import config as cabinet_config
from tests.edge.cable import STATION_ID, Cable
from tests.edge.doors.station import wish


def hundred_doors() -> CabinetConfig:
    """Return the demo's cabinet with thirteen boards and a hundred doors on its line."""
    made = cabinet_config()
    relays, probes = made.board[:1], made.board[-2:]
    boards = [relays[0].model_copy(update={"unit": unit}) for unit in range(10, 23)]
    doors = [
        made.door[0].model_copy(
            update={
                "label": f"{'ABCDEFGHIJ'[n // 10]}{n % 10:02d}", "board": 10 + n // 8,
                "channel": n % 8, "column": n // 10, "row": n % 10, "height": 1, "width": 1,
            }
        )
        for n in range(100)
    ]  # fmt: skip
    screen = made.screen.model_copy(update={"column": 20})
    return made.model_copy(update={"board": (*boards, *probes), "door": doors, "screen": screen})


class House:
    """A cabinet and the doors room of a daemon before it."""

    def __init__(
        self, loop: VirtualLoop, folder: Path, made: CabinetConfig, supplies: tuple[str, ...]
    ) -> None:
        clock, chance = WorldClock(loop, boot_id="boot-1"), seeded_chance("supplies")
        self.cabinet = Cabinet(made, clock, random.Random(1))
        text = station_toml(
            made, station_id=STATION_ID, ports=Ports.from_base(8800), ptys=Path("/dev")
        )
        record = tomllib.loads(text) | {"doors": {"queue_ttl_s": 120}}
        for number, part in enumerate(record["compartment"]):
            part["supply"] = supplies[number % len(supplies)]
        self.station = StationConfig.model_validate(record)
        self.db = SqliteDb(folder / "state.db", inline=True)
        self.db.write_now(lambda conn: [conn.execute(one) for one in (*SYNC_DDL, *DDL)])
        self.outbox = Outbox(self.db, clock, chance, STATION_ID)
        self.hardware = build_hardware(self.station, lambda _section: Cable(self.cabinet.bus()))
        self.doors = Doors(
            self.db, self.hardware.door_bus, self.outbox, self.station.doors, clock, chance
        )

    @property
    def pulses(self) -> list[PulseSeen]:
        return self.cabinet.witness.pulses

    async def ask_all(self, labels: list[str]) -> None:
        def ask(conn: object) -> None:
            for label in labels:
                self.doors.request_tx(conn, wish(label))  # type: ignore[arg-type]

        await self.db.write(ask)
        self.doors.kick()
        async with asyncio.timeout(150):
            version = -1
            while any(self.doors.view()[one].state is not DoorState.OPEN for one in labels):
                version = await self.doors.watch.wait(version)


def in_house(
    folder: Path,
    body: Callable[[House], Awaitable[None]],
    made: CabinetConfig,
    supplies: tuple[str, ...] = ("main",),
) -> None:
    async def main(loop: VirtualLoop) -> None:
        house = House(loop, folder, made, supplies)
        await house.outbox.boot()
        wires = asyncio.create_task(house.hardware.run())
        await house.doors.start()
        jobs = [wires, asyncio.create_task(house.doors.run())]
        try:
            await body(house)
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
            house.db.close()

    run_virtual(1, main)


@pytest.mark.timeout(180)
def test_a_hundred_doors_asked_at_once_open_in_order_and_no_other_opens(tmp_path: Path) -> None:
    made = hundred_doors()
    labels = [door.label for door in made.door]
    random.Random(3).shuffle(labels)

    async def body(house: House) -> None:
        await house.ask_all(labels)
        wires = {door.wire: door.label for door in made.door}
        assert [wires[one.board, one.channel] for one in house.pulses] == labels
        for one, other in pairwise(house.pulses):
            assert other.at_s >= one.at_s + one.ms / 1000 + 0.15
        opened = [one.label for one in house.cabinet.witness.movements if one.open]
        assert opened == labels

    in_house(tmp_path, body, made)


def test_two_doors_at_once_on_one_supply_never_overlap(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.ask_all(["A01", "B01"])
        one, other = house.pulses
        assert other.at_s >= one.at_s + one.ms / 1000 + 0.15

    in_house(tmp_path, body, cabinet_config())


def test_two_supplies_may_pulse_together(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.ask_all(["A01", "A02", "A03", "A04"])
        first, second, third, fourth = house.pulses
        assert second.at_s < first.at_s + first.ms / 1000
        assert {first.channel, second.channel} == {0, 1}
        for one, other in ((first, third), (second, fourth)):
            assert other.at_s >= one.at_s + one.ms / 1000 + 0.15

    in_house(tmp_path, body, cabinet_config(), ("left", "right"))
