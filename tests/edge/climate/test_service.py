"""Sampling the simulated cabinet's real probes through the unmodified bus owner, in virtual time."""

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from common.contract.words import Quality
from common.kit import failpoints
from common.kit.chance import seeded_chance
from common.kit.sqlite import SqliteDb
from device_sim.faults import LateAnswer, NoAnswer
from edge.climate import STATE_DDL, TELEMETRY_DDL, Climate, ZoneView
from edge.sync import DDL as SYNC_DDL
from edge.sync import Outbox
from tests.edge.cable import STATION_ID, Bench, on_bench


class Rig:
    """Two databases, an outbox and the climate room on a bench."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self.bench = bench
        self.state_db = SqliteDb(folder / "state.db", inline=True)
        self.telemetry_db = SqliteDb(folder / "telemetry.db", inline=True)
        self.state_db.write_now(lambda c: [c.execute(s) for s in (*SYNC_DDL, *STATE_DDL)])
        self.telemetry_db.write_now(lambda c: [c.execute(s) for s in TELEMETRY_DDL])
        self._task: asyncio.Task[None] | None = None

    async def boot(self) -> None:
        outbox = Outbox(self.state_db, self.bench.clock, seeded_chance("climate"), STATION_ID)
        await outbox.boot()
        self.outbox = outbox
        bench = self.bench
        self.climate = Climate(
            self.state_db, self.telemetry_db, outbox, bench.hardware, bench.config,
            bench.clock,
        )  # fmt: skip
        await self.climate.start()
        self._task = asyncio.create_task(self.climate.run())

    async def stop(self) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def chilled(self) -> ZoneView:
        return self.climate.view()[0]

    def events(self, kind: str) -> list[dict[str, object]]:
        rows = self.state_db.write_now(
            lambda conn: conn.execute(
                "SELECT body, lane FROM outbox WHERE type = ? ORDER BY n", (kind,)
            ).fetchall()
        )
        return [{**json.loads(row["body"]), "lane": row["lane"]} for row in rows]


def in_climate(folder: Path, body: Callable[[Rig], Awaitable[None]]) -> None:
    async def on(bench: Bench) -> None:
        rig = Rig(bench, folder)
        try:
            await rig.boot()
            await body(rig)
        finally:
            failpoints.disarm_all()
            await rig.stop()
            rig.state_db.close()
            rig.telemetry_db.close()

    on_bench(on)


def test_every_zone_is_sampled_and_a_minute_is_a_block(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        await asyncio.sleep(125)
        chilled, ambient = rig.climate.view()
        assert (chilled.zone, ambient.zone) == ("chilled", "ambient")
        assert chilled.temperature_c == pytest.approx(4, abs=0.5)
        assert ambient.temperature_c == pytest.approx(24, abs=0.5)
        assert {chilled.quality, ambient.quality} == {Quality.GOOD}
        assert not chilled.over_limit
        blocks = rig.events("climate.block")
        assert [block["zone"] for block in blocks].count("chilled") == 2
        assert {block["lane"] for block in blocks} == {"telemetry"}
        temperatures = blocks[0]["temperatures_c"]
        assert isinstance(temperatures, list)
        assert len(temperatures) == 6
        since = rig.bench.clock.wall() - timedelta(minutes=5)
        assert len(await rig.climate.history("chilled", since)) == 12

    in_climate(tmp_path, body)


def test_a_silent_probe_is_no_number(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        await asyncio.sleep(25)
        rig.bench.cabinet.lay(NoAnswer(kind="no_answer", target=3))
        await asyncio.sleep(8)
        assert rig.chilled().temperature_c is not None  # the last good one is still fresh
        await asyncio.sleep(40)
        assert (rig.chilled().temperature_c, rig.chilled().quality) == (None, Quality.STALE)
        assert rig.climate.view()[1].quality is Quality.GOOD
        await asyncio.sleep(60)
        (first, second) = (b for b in rig.events("climate.block") if b["zone"] == "chilled")
        assert first["temperatures_c"] == [pytest.approx(4, abs=0.5)] * 3 + [None] * 3
        assert second["temperatures_c"] == [None] * 6
        rig.bench.cabinet.lift_all()
        await asyncio.sleep(45)
        assert rig.chilled().quality is Quality.GOOD

    in_climate(tmp_path, body)


def test_nonsense_is_bad_and_no_number(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        feed = rig.bench.cable.bus.feed

        def broken(data: bytes, now_s: float) -> object:
            if data[:2] == b"\x03\x04":  # 0x8000: the sensor behind the electronics is gone
                answer = bytes.fromhex("03 04 04 80 00 80 00")
                from firmware_protocols.crc import with_crc

                asyncio.get_running_loop().call_later(0.02, rig.bench.cable.say, with_crc(answer))
                return []
            return feed(data, now_s)

        rig.bench.cable.bus.feed = broken  # type: ignore[method-assign, assignment]
        await asyncio.sleep(35)
        assert (rig.chilled().temperature_c, rig.chilled().quality) == (None, Quality.BAD)
        assert rig.events("climate.over_limit") == []

    in_climate(tmp_path, body)


def test_a_door_left_open_warms_the_zone_and_is_marked_once(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        for label in ("A01", "A02", "A03", "A04"):
            rig.bench.cabinet.pull(label)
        await asyncio.sleep(1800)
        assert rig.chilled().over_limit
        (told,) = rig.events("climate.over_limit")
        assert told["over"] is True
        assert told["limit_c"] == 8.0
        assert told["lane"] == "facts"
        # the marking outlives a restart, so that coming back is told as well
        await rig.stop()
        await rig.boot()
        assert rig.chilled().over_limit
        for label in ("A01", "A02", "A03", "A04"):
            rig.bench.cabinet.push(label)
        await asyncio.sleep(2 * 3600)
        assert [told["over"] for told in rig.events("climate.over_limit")] == [True, False]
        blocks = [b for b in rig.events("climate.block") if b["zone"] == "chilled"]
        assert {b["over_limit"] for b in blocks} == {True, False}

    in_climate(tmp_path, body)


def test_slow_answers_do_not_stretch_the_minute(tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        rig.bench.cabinet.lay(LateAnswer(kind="late_answer", target=3, delay_s=0.3))
        await asyncio.sleep(600)
        starts = [b["started_at_ms"] for b in rig.events("climate.block") if b["zone"] == "chilled"]
        assert len(starts) == 10
        gaps = [b - a for a, b in pairwise(starts)]  # type: ignore[operator]
        assert all(gap == pytest.approx(60_000, abs=1000) for gap in gaps)

    in_climate(tmp_path, body)


@pytest.mark.parametrize(
    "place", ["climate.block_kept", "climate.block_posted", "climate.mark_committed"]
)
def test_a_power_cut_loses_at_most_the_block_being_filled(tmp_path: Path, place: str) -> None:
    async def body(rig: Rig) -> None:
        if place == "climate.mark_committed":
            for label in ("A01", "A02", "A03", "A04"):
                rig.bench.cabinet.pull(label)

        def cut() -> None:
            raise ConnectionAbortedError(place)

        failpoints.arm(place, cut)
        assert rig._task is not None
        await asyncio.wait({rig._task})
        assert rig._task.exception() is not None
        failpoints.disarm_all()
        kept = len(await rig.climate.history("chilled", rig.bench.clock.wall() - timedelta(days=1)))
        assert kept % 6 == 0
        await rig.boot()
        await asyncio.sleep(125)
        since = rig.bench.clock.wall() - timedelta(days=1)
        assert len(await rig.climate.history("chilled", since)) == kept + 12
        if place == "climate.mark_committed":
            assert rig.chilled().over_limit
            assert len(rig.events("climate.over_limit")) == 1

    in_climate(tmp_path, body)


def test_the_state_database_keeps_one_mark_a_zone(tmp_path: Path) -> None:
    from edge.climate import store

    def tx(conn: sqlite3.Connection) -> dict[str, bool]:
        for over in (True, False, True):
            store.set_mark(conn, "chilled", over=over)
        return store.marks(conn)

    async def body(rig: Rig) -> None:
        assert await rig.state_db.write(tx) == {"chilled": True}

    in_climate(tmp_path, body)
