"""`linli bench verify`: a pickup code checked among many live grants; Argon2 apart, what follows it per size.

Most grants are random tags, some are real: put in, with a code that opens. The floor is one bare indexed look-up
among as many rows.
"""

import sqlite3
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from common.kit.clock import to_ms
from common.kit.codes import new_code
from common.kit.config import load_toml
from common.kit.trusted_time import TrustedTime
from common.kit.work import ThreadWork
from edge.access.code_check import CodeCheck
from edge.config import StationConfig
from edge.parcels import Parcels
from edge.pickup.grants import Grants
from linli.bench.figures import Sheet, median
from linli.bench.meter import Meter
from linli.bench.orders import LIFE_S, new_grant, parcel_of, random_tag
from linli.bench.rooms import BenchRooms, bare
from linli.bench.station import KEEPER_ID, bench_site, new_secrets
from linli.demo.ports import Ports

FLAT_GOAL = 2.5
SMALLEST = 1_000
_US, _MS = 1e6, 1e3
_FLOOR = "CREATE TABLE floor (id INTEGER PRIMARY KEY, tag BLOB, used INTEGER)"


@dataclass(slots=True)
class Samples:
    """What the look-ups of one size took, in microseconds."""

    hit_us: list[float] = field(default_factory=list)
    miss_us: list[float] = field(default_factory=list)
    cpu_us: float = 0.0
    floor_us: list[float] = field(default_factory=list)
    floor_cpu_us: float = 0.0


class Desk:
    """The station's grants with their parcels behind doors, and the check of a code."""

    def __init__(self, folder: Path) -> None:
        """Build the rooms that a code passes."""
        site = bench_site(folder, Ports.from_base(9150))
        config = load_toml(StationConfig, site.station_file, {})
        self.rooms = BenchRooms(folder / "state.db")
        clock, outbox = self.rooms.clock, self.rooms.outbox
        time_now = TrustedTime(clock)
        time_now.hear(to_ms(clock.wall()))  # a station that has met its hub
        self.parcels, self.grants = (
            Parcels(config, clock, outbox),
            Grants(time_now, outbox),
        )
        self.labels = [part.label for part in config.compartment]
        self.work = ThreadWork("argon2")
        self.check = CodeCheck(new_secrets(self.rooms.chance), self.work)
        self.tags: list[bytes] = []

    async def issue(self) -> list[float]:
        """Put in a parcel for each real grant; return what Argon2 took for each code, in milliseconds."""
        took_ms = []
        for number in range(len(self.labels)):
            started_s = time.perf_counter()
            tag = await self.check.tag(new_code(self.rooms.chance))
            took_ms.append((time.perf_counter() - started_s) * _MS)
            self.tags.append(tag)
            await self.rooms.db.write(lambda c, n=number, t=tag: self._put_in_tx(c, n, t))  # type: ignore[misc]
        return took_ms

    def _put_in_tx(self, conn: sqlite3.Connection, number: int, tag: bytes) -> None:
        grant = new_grant(self.rooms.clock, self.rooms.chance, tag)
        self.rooms.replica.put_tx(conn, "parcel", parcel_of(grant, number))
        self.rooms.replica.put_tx(conn, "grant", grant)
        label, at = self.labels[number], self.rooms.clock.wall()
        self.parcels.place_tx(conn, grant.parcel_ids[0], label, KEEPER_ID, at)
        self.grants.reconcile_tx(conn, grant.grant_id)

    async def fill(self, upto: int) -> None:
        """Add random tags until `upto` grants are live."""
        chance = self.rooms.chance

        def tx(conn: sqlite3.Connection) -> None:
            (live,) = conn.execute("SELECT count(*) FROM replica_grant").fetchone()
            conn.executemany(
                "INSERT INTO replica_grant VALUES (?, ?, ?, ?, 'issued', NULL)",
                (
                    (f"G{number:025d}", random_tag(chance), LIFE_S, 2**45)
                    for number in range(live, upto)
                ),
            )

        await self.rooms.db.write(tx)

    async def look_up(self, tag: bytes) -> bool:
        """Do what follows Argon2: search the tag, bring the grant in line, say whether it may open."""
        found = await self.rooms.db.write(lambda conn: self.grants.acceptable_tx(conn, tag))
        return found is not None

    def close(self) -> None:
        """Let go of file and thread."""
        self.rooms.db.close()
        self.work.close()


async def bench_verify(looks: int, most: int) -> Sheet:
    """Look up `looks` codes a size, among 10^3 up to `most` live grants."""
    sizes = [size for size in (10**n for n in range(3, 7)) if size <= most]
    by_size: dict[int, Samples] = {}
    with tempfile.TemporaryDirectory(prefix="linli-bench-") as name:
        folder = Path(name)
        desk = Desk(folder)
        await desk.rooms.boot()
        argon2_ms = await desk.issue()
        with bare(folder / "floor.db", _FLOOR) as conn:
            conn.execute("CREATE INDEX floor_tag ON floor (tag)")
            for size in sizes:
                await desk.fill(size)
                known = _fill_floor(conn, size, desk)
                by_size[size] = await _measure(desk, conn, known, looks)
        desk.close()
    return _sheet(by_size, argon2_ms, looks)


def _fill_floor(conn: sqlite3.Connection, size: int, desk: Desk) -> bytes:
    """Bring the floor to as many rows; return one tag that is there."""
    tag = random_tag(desk.rooms.chance)
    conn.execute("BEGIN")
    (live,) = conn.execute("SELECT count(*) FROM floor").fetchone()
    more = [(tag,), *((random_tag(desk.rooms.chance),) for _ in range(size - live - 1))]
    conn.executemany("INSERT INTO floor (tag, used) VALUES (?, 0)", more)
    conn.execute("COMMIT")
    return tag


async def _measure(desk: Desk, conn: sqlite3.Connection, known: bytes, looks: int) -> Samples:
    samples = Samples()
    with Meter() as spent:
        for number in range(looks):
            for tag, took_us in (
                (desk.tags[number % len(desk.tags)], samples.hit_us),
                (random_tag(desk.rooms.chance), samples.miss_us),
            ):
                started_s = time.perf_counter()
                found = await desk.look_up(tag)
                took_us.append((time.perf_counter() - started_s) * _US)
                if found != (took_us is samples.hit_us):
                    raise RuntimeError("a code was not judged as it should be")
    samples.cpu_us = spent.cpu_s / (2 * looks) * _US
    samples.floor_us, samples.floor_cpu_us = _timed(
        looks, lambda: conn.execute("SELECT id FROM floor WHERE tag = ?", (known,)).fetchone()
    )
    return samples


def _timed(times: int, once: Callable[[], object]) -> tuple[list[float], float]:
    took_us = []
    with Meter() as spent:
        for _ in range(times):
            started_s = time.perf_counter()
            once()
            took_us.append((time.perf_counter() - started_s) * _US)
    return took_us, spent.cpu_s / times * _US


def _sheet(by_size: dict[int, Samples], argon2_ms: list[float], looks: int) -> Sheet:
    sheet = Sheet("verify", looks)
    sheet.spread("argon2", "ms", argon2_ms)
    for size, samples in by_size.items():
        sheet.spread(f"among_{size}_right", "us", samples.hit_us)
        sheet.spread(f"among_{size}_wrong", "us", samples.miss_us)
        sheet.add(f"among_{size}_cpu_us", samples.cpu_us)
        sheet.add(f"among_{size}_floor_p50_us", median(samples.floor_us))
        sheet.add(f"among_{size}_floor_cpu_us", samples.floor_cpu_us)
        sheet.add(f"among_{size}_ratio_to_floor", samples.cpu_us / samples.floor_cpu_us)
    largest = max(by_size)
    sheet.add("largest_to_smallest_cpu", by_size[largest].cpu_us / by_size[SMALLEST].cpu_us)
    sheet.load()
    sheet.goal("largest_to_smallest_cpu", FLAT_GOAL)
    return sheet
