"""Controllers and meters on the wire: what they say and what alarms is told once, also over a restart."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from common.contract.words import Quality
from common.kit import failpoints
from common.kit.chance import seeded_chance
from common.kit.sqlite import SqliteDb
from device_sim.config import CabinetConfig
from device_sim.faults import NoAnswer
from device_sim.profile_board import ProfileBoard
from edge.climate import STATE_DDL, TELEMETRY_DDL, Climate
from edge.climate.instruments import NO_POWER_S, WHOLE_EVERY_S, InstrumentView
from edge.config import StationConfig
from edge.screen.facts import device_fact
from edge.sync import DDL as SYNC_DDL
from edge.sync import Outbox
from linli.world.clock import WorldClock
from tests.device_sim.cabinets import profile_cabinet
from tests.edge.cable import STATION_ID
from tests.edge.hardware.lock_bench import CableBench, on_cable, station_of

MODULE: dict[str, object] = {"kind": "r4dcb08", "unit": 7, "zones": ["frozen", "chilled"]}
CAREL: dict[str, object] = {"kind": "carel_ir33", "unit": 9, "zone": "chilled"}
METER: dict[str, object] = {"kind": "pzem_016", "unit": 10, "zone": "frozen"}
CABINET = profile_cabinet(MODULE, CAREL, METER)
STATION = station_of(CABINET)
METERED = profile_cabinet(MODULE, METER)
METERED_STATION = station_of(METERED).model_copy(
    update={
        "zone": tuple(
            zone.model_copy(update={"sample_s": 600.0}) for zone in station_of(METERED).zone
        )
    }
)


class Rig:
    """Two databases, an outbox and the climate room at the cabinet."""

    def __init__(self, bench: CableBench, folder: Path) -> None:
        self.bench = bench
        self.state_db = SqliteDb(folder / "state.db", inline=True)
        self.telemetry_db = SqliteDb(folder / "telemetry.db", inline=True)
        self.state_db.write_now(lambda c: [c.execute(s) for s in (*SYNC_DDL, *STATE_DDL)])
        self.telemetry_db.write_now(lambda c: [c.execute(s) for s in TELEMETRY_DDL])
        self._task: asyncio.Task[None] | None = None

    async def boot(self, config: StationConfig = STATION) -> None:
        clock = WorldClock(asyncio.get_running_loop(), boot_id="boot-1")  # type: ignore[arg-type]
        outbox = Outbox(self.state_db, clock, seeded_chance("instruments"), STATION_ID)
        await outbox.boot()
        self.climate = Climate(
            self.state_db, self.telemetry_db, outbox, self.bench.hardware, config, clock
        )
        await self.climate.start()
        self._task = asyncio.create_task(self.climate.run())
        await asyncio.sleep(5)

    async def stop(self) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def device(self, kind: str) -> InstrumentView:
        return next(one for one in self.climate.instruments() if one.kind == kind)

    def hold(self, celsius: float) -> None:
        """Turn the set point at the controller's own keys."""
        board = self.bench.cabinet._boards[9]
        assert isinstance(board, ProfileBoard)
        board.set_point_c = celsius

    def events(self, type_: str, /, **only: object) -> list[dict[str, object]]:
        rows = self.state_db.write_now(
            lambda conn: conn.execute(
                "SELECT body, lane FROM outbox WHERE type = ? ORDER BY n", (type_,)
            ).fetchall()
        )
        found = [{**json.loads(row["body"]), "lane": row["lane"]} for row in rows]
        return [one for one in found if only.items() <= one.items()]


def on_site(
    folder: Path,
    body: Callable[[Rig], Awaitable[None]],
    cabinet: CabinetConfig = CABINET,
    station: StationConfig = STATION,
) -> None:
    async def on(bench: CableBench) -> None:
        await bench.ready()
        rig = Rig(bench, folder)
        try:
            await rig.boot(station)
            await body(rig)
        finally:
            failpoints.disarm_all()
            await rig.stop()
            rig.state_db.close()
            rig.telemetry_db.close()

    on_cable(cabinet, on, station=station)


def at_a_meter(
    folder: Path, body: Callable[[Rig], Awaitable[None]], station: StationConfig | None = None
) -> None:
    """Run `body` where little else is asked, for hours pass."""
    on_site(folder, body, METERED, station or METERED_STATION)


def draws(monkeypatch: pytest.MonkeyPatch, watts: float) -> None:
    """Let the meter see so much from now on."""
    monkeypatch.setattr(ProfileBoard, "_watts", lambda _board: watts)


def killed() -> None:
    raise RuntimeError("killed")


def values(event: dict[str, object]) -> dict[str, object]:
    readings = event["readings"]
    assert isinstance(readings, list)
    return {one["point"]: one["value"] for one in readings}


def test_the_first_reading_is_told_whole_and_then_only_what_changes(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        (first,) = rig.events("instrument.readings", kind="carel_ir33")
        assert (first["whole"], first["zone"], first["lane"]) == (True, "chilled", "telemetry")
        assert len(values(first)) == 16
        await asyncio.sleep(65)
        assert len(rig.events("instrument.readings", kind="carel_ir33")) == 1
        rig.bench.cabinet.pull("A01")
        await asyncio.sleep(40)
        *_, second = rig.events("instrument.readings", kind="carel_ir33")
        assert second["whole"] is False
        assert values(second)["door"] is True
        assert "air" not in values(second)
        rig.bench.cabinet.push("A01")
        await asyncio.sleep(WHOLE_EVERY_S)
        last = rig.events("instrument.readings", kind="carel_ir33", whole=True)[-1]
        assert len(values(last)) == 16
        assert values(last)["door"] is False

    on_site(tmp_path, body)


def test_a_set_point_that_somebody_changes_is_told(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        rig.hold(6.0)
        await asyncio.sleep(40)
        *_, told = rig.events("instrument.readings", kind="carel_ir33")
        assert values(told) == {"set_point": 6.0}

    on_site(tmp_path, body)


def test_silence_is_told_once_and_seen_without_numbers(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        rig.bench.cabinet.lay(NoAnswer(kind="no_answer", target=10))
        await asyncio.sleep(200)
        told = rig.events("instrument.readings", kind="pzem_016", whole=False)
        assert [set(values(one).values()) for one in told] == [{None}]
        view = rig.device("pzem_016")
        assert {one.quality for one in view.seen} == {Quality.STALE}
        assert view.read_at is not None

    on_site(tmp_path, body)


def test_an_alarm_is_told_when_it_begins_and_when_it_ends(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        assert rig.events("instrument.alarm") == []
        rig.hold(-5.0)
        await asyncio.sleep(100)
        (told,) = rig.events("instrument.alarm")
        assert (told["instrument"], told["role"], told["raised"]) == (
            "controller 9",
            "high_alarm",
            True,
        )
        assert (told["zone"], told["lane"]) == ("chilled", "facts")
        assert [one.role for one in rig.device("carel_ir33").alarms] == ["high_alarm"]
        rig.hold(4.0)
        await asyncio.sleep(100)
        assert [one["raised"] for one in rig.events("instrument.alarm")] == [True, False]
        assert rig.device("carel_ir33").alarms == ()

    on_site(tmp_path, body)


def test_an_alarm_that_nobody_can_read_stands(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        rig.hold(-5.0)
        await asyncio.sleep(40)
        rig.bench.cabinet.lay(NoAnswer(kind="no_answer", target=9))
        await asyncio.sleep(100)
        assert len(rig.events("instrument.alarm")) == 1
        assert [one.role for one in rig.device("carel_ir33").alarms] == ["high_alarm"]

    on_site(tmp_path, body)


def test_an_alarm_over_a_restart_is_told_once_and_its_end_too(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        rig.hold(-5.0)
        await asyncio.sleep(40)
        await rig.stop()
        await rig.boot()
        assert len(rig.events("instrument.alarm")) == 1
        await rig.stop()
        rig.hold(4.0)
        await rig.boot()
        assert [one["raised"] for one in rig.events("instrument.alarm")] == [True, False]

    on_site(tmp_path, body)


def test_the_alarm_of_a_device_that_was_taken_away_is_over(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        rig.hold(-5.0)
        await asyncio.sleep(40)
        await rig.stop()
        await rig.boot(STATION.model_copy(update={"device": ()}))
        told = rig.events("instrument.alarm")
        assert [one["raised"] for one in told] == [True, False]
        assert rig.climate.instruments() == ()

    on_site(tmp_path, body)


@pytest.mark.parametrize("restarts", [False, True])
def test_a_cold_zone_that_draws_nothing_is_an_alarm(
    restarts: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(rig: Rig) -> None:
        draws(monkeypatch, 0.0)
        await asyncio.sleep(NO_POWER_S - 60)
        assert rig.events("instrument.alarm") == []
        await asyncio.sleep(120)
        (told,) = rig.events("instrument.alarm")
        assert (told["instrument"], told["role"], told["point"]) == (
            "meter 10",
            "no_power",
            "power",
        )
        if restarts:
            await rig.stop()
            await rig.boot(METERED_STATION)
            assert len(rig.events("instrument.alarm")) == 1
        draws(monkeypatch, 150.0)
        await asyncio.sleep(60)
        assert [one["raised"] for one in rig.events("instrument.alarm")] == [True, False]

    at_a_meter(tmp_path, body)


def test_a_compressors_pause_is_no_alarm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(rig: Rig) -> None:
        for _ in range(3):
            draws(monkeypatch, 0.0)
            await asyncio.sleep(NO_POWER_S - 60)
            draws(monkeypatch, 150.0)
            await asyncio.sleep(60)
        assert rig.events("instrument.alarm") == []

    at_a_meter(tmp_path, body)


def test_a_meter_in_an_ambient_zone_may_draw_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zones = [zone.model_dump(mode="json") for zone in METERED_STATION.zone]
    warm = [zone | {"temperature_class": "ambient"} for zone in zones]
    station = StationConfig.model_validate(METERED_STATION.model_dump() | {"zone": warm})

    async def body(rig: Rig) -> None:
        draws(monkeypatch, 0.0)
        await asyncio.sleep(NO_POWER_S + 120)
        assert rig.events("instrument.alarm") == []

    at_a_meter(tmp_path, body, station)


@pytest.mark.parametrize(
    "point", ["sync.edge.appended", "kit.sqlite.before_commit", "kit.sqlite.committed"]
)
def test_a_kill_around_the_commit_tells_nothing_twice(point: str, tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        failpoints.arm(point, killed)
        rig.hold(-5.0)
        assert rig._task is not None
        await asyncio.wait({rig._task}, timeout=120)
        assert rig._task.exception() is not None
        failpoints.disarm_all()
        await rig.boot()
        await asyncio.sleep(40)
        assert [one["raised"] for one in rig.events("instrument.alarm")] == [True]

    on_site(tmp_path, body)


def test_the_screens_see_what_devices_do(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        rig.hold(-5.0)
        rig.bench.cabinet.lay(NoAnswer(kind="no_answer", target=10))
        await asyncio.sleep(100)
        carel, meter = (device_fact(one) for one in rig.climate.instruments())
        assert (carel.name, carel.answers, carel.defrosting) == ("controller 9", True, False)
        assert (carel.watts, carel.alarms) == (None, ("high_alarm",))
        assert carel.cools is rig.bench.cabinet.physics.zones["chilled"].compressor_on
        assert (meter.answers, meter.watts, meter.cools) == (False, None, None)
        rig.bench.cabinet.lift_all()
        await asyncio.sleep(100)
        meter = device_fact(rig.climate.instruments()[1])
        assert meter.answers
        assert meter.watts is not None

    on_site(tmp_path, body)
