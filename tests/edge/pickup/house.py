"""A whole station daemon, made by `build_edge`, on the simulated cabinet and a virtual loop; power cuts on demand."""

import asyncio
import json
import random
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from common.contract.base import Message
from common.contract.replica import (
    CompartmentRow,
    GrantKeyRow,
    GrantRow,
    KeeperRow,
    ParcelRow,
    StationRow,
)
from common.contract.words import Size, TemperatureClass
from common.kit import failpoints
from common.kit.chance import seeded_chance
from common.kit.codes import code_verifier, hash_secret
from common.kit.disk import MIB, Disk
from common.kit.identity import StationSecrets, new_private_key, public_key
from common.kit.ids import new_id
from common.kit.sqlite import SqliteDb
from common.kit.work import InlineWork
from device_sim.cabinet import Cabinet
from device_sim.serial_config import SerialSection
from edge.app import Edge, build_edge
from edge.config import StationConfig
from edge.pickup.views import DeskStep, PutInStep, SessionView, Step
from edge.ports import EdgePorts
from edge.sync import blobs
from linli.drill.rot.sectors import Sectors
from linli.world.clock import WorldClock
from linli.world.loop import VirtualLoop, run_virtual
from tests.device_sim.cabinets import config as cabinet_config
from tests.edge.cable import STATION_ID, Cable, station_config

T = TypeVar("T")
CODE = "40718253"
PIN = "481920"
KEEPER = "01JABCDEFGHJKMNPQRSTVWXYZK"
LIFE_S = 72 * 3600


class PowerCutError(BaseException):
    """The daemon died here; no handler of the program may survive it."""


class SetSpace:
    """A disk as full as a test says."""

    def __init__(self) -> None:
        self.free_mib, self.readonly = 10_000, False

    def free_bytes(self) -> int:
        return self.free_mib * MIB

    def is_readonly(self) -> bool:
        return self.readonly


class House:
    """Cabinet and disk outlive the daemon; `boot` and `cut` are its life."""

    def __init__(self, loop: VirtualLoop, folder: Path, **sections: object) -> None:
        self.clock = WorldClock(loop, boot_id="boot-1")
        serial = [SerialSection(kind="gm65", name="scanner")] if "scanner" in sections else []
        made = cabinet_config().model_copy(update={"serial": tuple(serial)})
        self.cabinet = Cabinet(made, self.clock, random.Random(1))
        self.cable = Cable(self.cabinet.bus())
        self.cables = {bus.name: Cable(bus) for bus in self.cabinet.serial.buses}
        base = station_config().model_dump()
        free = {"kiosk_port": 8810, "keeper_port": 8811, "keeper_host": "127.0.0.1"}
        seldom = {"copy_every_s": 1e9}  # days pass here; copies have tests of their own
        self.config = StationConfig.model_validate(
            base | {"screen": free, "disk": seldom} | sections
        )
        self.chance = seeded_chance("house")
        self.command_seed = new_private_key(self.chance)
        self.secrets = StationSecrets(
            STATION_ID,
            new_private_key(self.chance),
            self.chance.secure.token_bytes(32),
            self.chance.secure.token_bytes(16),
            public_key(self.command_seed),
        )
        self.folder = folder
        self.boots = 0
        self.argon2_calls = 0
        self._task: asyncio.Task[None] | None = None
        self.space = SetSpace()
        self.sectors = Sectors()
        self.edge: Edge

    async def boot(self, *, new_machine_boot: bool = False) -> None:
        """Start the daemon and wait until it serves."""
        self.boots += 1
        if new_machine_boot:
            self.clock.boot_id = f"boot-{self.boots}"
        ports = EdgePorts(
            clock=self.clock,
            chance=self.chance,
            work=_Counted(self),
            open_db=lambda path: SqliteDb(path, inline=True),
            open_line=lambda section: self.cables.get(section.name, self.cable),
            connector=lambda: aiohttp.UnixConnector(path="hub:8800"),
            secrets=self.secrets,
            space=lambda _folder: self.space,
            read_at=self.sectors.read,
        )
        self.edge = build_edge(ports, self.config, self.folder)
        self._task = asyncio.create_task(self.edge.run())
        waiting = asyncio.create_task(self.edge.ready.wait())
        await asyncio.wait({waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._task.done():
            self._task.result()
        if self.boots == 1:
            await self.hear_hub()

    async def hear_hub(self, *, off_ms: int = 0) -> bool:
        """Let the hub say what time it is, as its answer to a hello does."""
        believed = self.edge.clock.hear(self.clock.true_ms() + off_ms)
        await self.edge.state_db.write(self.edge.clock.save_tx)
        return believed

    async def cut(self) -> None:
        """Kill the daemon between two turns of the loop."""
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def died(self, within_s: float = 30) -> bool:
        """Return whether a failpoint killed the daemon within this time."""
        assert self._task is not None
        await asyncio.wait({self._task}, timeout=within_s)
        failpoints.disarm_all()
        if self._task.done():
            self._task.exception()  # it was meant to die
            return True
        return False

    async def put(self, *rows: Message) -> None:
        """Let rows of the hub arrive, as a sync would."""
        names = {
            StationRow: "station", KeeperRow: "keeper", ParcelRow: "parcel",
            GrantRow: "grant", CompartmentRow: "compartment", GrantKeyRow: "grant_key",
        }  # fmt: skip
        for row in rows:
            name = names.get(type(row), "command")
            await self.edge.state_db.write(
                lambda conn, n=name, r=row: self.edge.replica.put_tx(conn, n, r)  # type: ignore[misc]
            )
        for wake in self.edge.replica.on_applied:
            wake()
        await asyncio.sleep(0.05)

    def id(self) -> str:
        return new_id(self.clock, self.chance)

    def parcel(self, label: str, **changes: Any) -> ParcelRow:
        fields: dict[str, Any] = {
            "parcel_id": self.id(), "label": label, "order_tail": "7K2M", "person_masked": "张*明",
            "phone_tail": "0042", "temperature_class": TemperatureClass.CHILLED, "size": Size.S,
            "items": 3, "expected_on": "2026-10-13", "state": "announced",
        }  # fmt: skip
        return ParcelRow.model_validate(fields | changes)

    def grant(self, *parcels: ParcelRow, code: str = CODE, **changes: Any) -> GrantRow:
        fields: dict[str, Any] = {
            "grant_id": self.id(), "verifier": self.tag(code).hex(),
            "parcel_ids": tuple(parcel.parcel_id for parcel in parcels), "valid_for_s": LIFE_S,
            "not_after_ms": self.clock.true_ms() + 9 * 86_400_000, "state": "issued",
        }  # fmt: skip
        return GrantRow.model_validate(fields | changes)

    def keeper(self, pin: str = PIN, keeper_id: str = KEEPER) -> KeeperRow:
        return KeeperRow(
            keeper_id=keeper_id, display_name="老周", pin_verifier=hash_secret(pin), active=True
        )

    def tag(self, code: str) -> bytes:
        return code_verifier(
            pepper=self.secrets.pepper,
            salt=self.secrets.code_salt,
            station_id=STATION_ID,
            code=code,
        )

    async def push(self, label: str) -> None:
        """Shut a door by hand, once the current no longer holds the latch back."""
        await asyncio.sleep(0.6)
        assert self.cabinet.push(label)

    def is_open(self, label: str) -> bool:
        return next(d for d in self.cabinet.state().doors if d.label == label).open

    async def stored(self, label: str) -> str:
        """Scan a parcel, put it in, shut the door; return the compartment."""
        step = await self.edge.desk.scan(KEEPER, label)
        assert isinstance(step, PutInStep), step
        await self.desk_until(DeskStep.OPEN)
        await self.push(step.compartment)
        await self.desk_until(DeskStep.STORED)
        return step.compartment

    async def delivered(self, *labels: str, **changes: Any) -> GrantRow:
        """Announce parcels under one code and put them in."""
        parcels = [self.parcel(label) for label in labels]
        grant = self.grant(*parcels, **changes)
        await self.put(*parcels, grant)
        for label in labels:
            await self.stored(label)
        return grant

    async def desk_until(self, *steps: DeskStep, within_s: float = 30) -> None:
        async with asyncio.timeout(within_s):
            version = -1
            while (view := self.edge.desk.put_in_view()) is None or view.step not in steps:
                version = await self.edge.desk.watch.wait(version)

    async def until(self, *steps: Step, within_s: float = 30) -> SessionView:
        """Wait until the resident's session is in one of `steps`."""
        async with asyncio.timeout(within_s):
            version = -1
            while (view := self.edge.pickup.session()) is None or view.step not in steps:
                version = await self.edge.pickup.watch.wait(version)
        return view

    @property
    def pulses(self) -> int:
        """Return how many pulses the cabinet's own log has."""
        return len(self.cabinet.witness.pulses)

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Return the bodies of one type in the outbox, oldest first."""
        rows = self.sql("SELECT body FROM outbox WHERE type = ? ORDER BY n", kind)
        return [json.loads(row["body"]) for row in rows]

    def sql(self, text: str, *values: object) -> list[sqlite3.Row]:
        return self.edge.state_db.write_now(lambda conn: conn.execute(text, values).fetchall())

    def grant_state(self, grant_id: str) -> str:
        return str(self.sql("SELECT state FROM grant_use WHERE grant_id = ?", grant_id)[0]["state"])


class _Counted(InlineWork):
    """Counts the slow checks."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def run(self, fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        if not isinstance(getattr(fn, "__self__", None), Disk) and fn.__module__ != blobs.__name__:
            self._house.argon2_calls += 1
        return await super().run(fn, *args, **kwargs)


def cut_at(name: str, *, turn: int = 1) -> None:
    """Let the daemon die when it passes the failpoint for the `turn`-th time."""
    left = turn

    def act() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise PowerCutError(name)

    failpoints.arm(name, act)


def in_house(
    folder: Path, body: Callable[[House], Awaitable[T]], *, seed: int = 5, **sections: object
) -> T:
    """Run `body` with a booted station on a fresh virtual loop."""

    async def main(loop: VirtualLoop) -> T:
        house = House(loop, folder, **sections)
        await house.boot()
        try:
            return await body(house)
        finally:
            failpoints.disarm_all()
            await house.cut()

    return run_virtual(seed, main)
