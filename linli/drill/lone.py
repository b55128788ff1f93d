"""One unmodified daemon on the simulated cabinet, alone: the hub's rows are handed to it, its power is in our hand."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from common.contract import capsule
from common.contract.base import Message
from common.contract.capsule import Capsule
from common.contract.qr import QrGrant, encode, key_message
from common.contract.replica import CommandRow, GrantKeyRow, GrantRow, KeeperRow, ParcelRow
from common.contract.words import Size, TemperatureClass
from common.kit.chance import seeded_chance
from common.kit.codes import code_verifier
from common.kit.config import load_toml
from common.kit.identity import StationSecrets, new_private_key, public_key, sign
from common.kit.ids import new_id
from common.kit.sqlite import SqliteDb
from common.kit.work import InlineWork, Work
from device_sim.cabinet import Cabinet
from device_sim.config import CabinetConfig
from edge.app import Edge, build_edge
from edge.config import BusSection, HubSection, StationConfig
from edge.pickup.views import DeskStep, PutInStep, SessionView, Step
from edge.ports import EdgePorts
from edge.sync.client import Answer, HubClient
from edge.sync.link import LinkPorts, OpenClient
from linli.demo.ports import Ports
from linli.demo.station_file import station_toml
from linli.world.clock import WorldClock
from linli.world.line import WorldLine
from linli.world.loop import VirtualLoop

KEEPER_ID = "01JABCDEFGHJKMNPQRSTVWXYZK"
STATION_ID = "01JABCDEFGHJKMNPQRSTVWXYZ0"
LIFE_S = 72 * 3600
KID = 7
_CALM = {
    "LINLI_DOORS__POLL_IDLE_S": "60",
    "LINLI_ZONE__0__SAMPLE_S": "60",
    "LINLI_ZONE__1__SAMPLE_S": "60",
}
TABLES: dict[type[Message], str] = {
    ParcelRow: "parcel", GrantRow: "grant", KeeperRow: "keeper", CommandRow: "command",
    GrantKeyRow: "grant_key",
}  # fmt: skip


class PowerCut(BaseException):
    """The daemon died here; no handler of the program survives it."""


class LoneStation:
    """Cabinet, files and keys outlive the daemon."""

    def __init__(self, loop: VirtualLoop, seed: int, cabinet: CabinetConfig, data: Path) -> None:
        """Build the cabinet and the settings; nothing runs yet."""
        self.chance = seeded_chance(f"{seed}|station")
        self.clock = WorldClock(loop, boot_id="boot-1")
        self.cabinet = Cabinet(cabinet, self.clock, self.chance.jitter)
        self.command_key = new_private_key(self.chance)
        self.secrets = StationSecrets(
            STATION_ID,
            new_private_key(self.chance),
            self.chance.secure.token_bytes(32),
            self.chance.secure.token_bytes(16),
            public_key(self.command_key),
        )
        self._grant_key = new_private_key(self.chance)
        self._data = data
        data.mkdir(parents=True, exist_ok=True)
        text = station_toml(
            cabinet, station_id=STATION_ID, ports=Ports.from_base(8800), ptys=data / "ptys"
        )
        (data / "station.toml").write_text(text, encoding="utf-8")
        self.config = load_toml(StationConfig, data / "station.toml", _CALM)
        self.work: Work = InlineWork()
        self.hub_client: OpenClient = _no_hub
        self.starts = 0
        self._newest: GrantRow
        self.edge: Edge
        self.running: asyncio.Task[None]
        """The daemon's life; done when it died."""

    async def start(self, *, cold: bool = False) -> None:
        """Switch the daemon on and let it hear the time; `cold`: the machine was off."""
        self.starts += 1
        if cold:
            self.clock.boot_id = f"boot-{self.starts}"
        ports = EdgePorts(
            clock=self.clock,
            chance=seeded_chance(f"{self.chance.secure.token_bytes(8).hex()}|edge"),
            work=self.work,
            open_db=lambda path: SqliteDb(path, inline=True, synchronous="OFF"),
            open_line=self._line,
            connector=_no_connector,
            secrets=self.secrets,
            hub_client=self.hub_client,
            pages=False,
        )
        self.edge = build_edge(ports, self.config, self._data)
        self.running = asyncio.ensure_future(self.edge.run())
        ready = asyncio.ensure_future(self.edge.ready.wait())
        await asyncio.wait((self.running, ready), return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self.running.done():
            self.running.result()
        self.edge.clock.hear(self.clock.true_ms())
        await self.edge.state_db.write(self.edge.clock.save_tx)

    async def cut(self) -> None:
        """Take the power away between two turns of the loop."""
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)

    async def put(self, *rows: Message) -> None:
        """Let rows of the hub arrive, as a page of ops would."""

        def fn(conn: Any) -> None:
            for row in rows:
                self.edge.replica.put_tx(conn, TABLES[type(row)], row)

        await self.edge.state_db.write(fn)
        for wake in self.edge.replica.on_applied:
            wake()
        await asyncio.sleep(0.05)

    async def deliver(self, label: str, code: str, phone_tail: str) -> GrantRow:
        """Announce one parcel under `code` and put it in."""
        public = public_key(self._grant_key)
        vouched = sign(self.command_key, key_message(STATION_ID, KID, public))
        key = GrantKeyRow(kid=str(KID), public_key=public.hex(), signature=vouched.hex())
        parcel = ParcelRow(
            parcel_id=self.id(), label=label, order_tail="7K2M", person_masked="张*明",
            phone_tail=phone_tail, temperature_class=TemperatureClass.AMBIENT, size=Size.S, items=1,
            expected_on="2026-10-13", state="announced",
        )  # fmt: skip
        grant = GrantRow(
            grant_id=self.id(), verifier=self.tag(code).hex(), parcel_ids=(parcel.parcel_id,),
            valid_for_s=LIFE_S, not_after_ms=self.clock.true_ms() + 9 * 86_400_000, state="issued",
        )  # fmt: skip
        await self.put(key, parcel, grant)
        self._newest = grant
        step = await self.edge.desk.scan(KEEPER_ID, label)
        assert isinstance(step, PutInStep), step
        await self._desk_until(DeskStep.OPEN)
        await self.push(step.compartment)
        await self._desk_until(DeskStep.STORED)
        return grant

    def newest_qr(self) -> str:
        """Return the QR code of the newest grant, as the hub would show it."""
        return self.qr(self._newest)

    def qr(self, row: GrantRow) -> str:
        """Return the QR code of a grant."""
        qr = QrGrant(
            KID, STATION_ID, row.grant_id, row.valid_for_s, row.not_after_ms, row.parcel_ids,
            row.parent_id,
        )  # fmt: skip
        return encode(qr, sign(self._grant_key, qr.message()))

    def sheet(self, epoch: int, *grant_ids: str) -> str:
        """Return the capsule that ends these grants, as the hub would show it."""
        over_ms = self.clock.true_ms() + 86_400_000
        one = Capsule(KID, STATION_ID, epoch, 1, 1, over_ms, grant_ids)
        return capsule.encode(one, sign(self._grant_key, one.message()))

    def tag(self, code: str) -> bytes:
        """Return what the station keeps of a code."""
        return code_verifier(
            pepper=self.secrets.pepper,
            salt=self.secrets.code_salt,
            station_id=STATION_ID,
            code=code,
        )

    async def take(self) -> None:
        """Take what the open door offers, shut it and leave."""
        await self.push((await self.until(Step.OPEN)).compartment)
        await self.until(Step.CLOSED)
        await self.edge.pickup.finish()

    async def push(self, label: str) -> None:
        """Shut a door by hand, once the current no longer holds the latch back."""
        await asyncio.sleep(0.6)
        self.cabinet.push(label)

    async def until(self, *steps: Step, within_s: float = 30) -> SessionView:
        """Wait until the resident's session is at one of `steps`."""
        flow = self.edge.pickup
        async with asyncio.timeout(within_s):
            while (view := flow.session()) is None or view.step not in steps:
                await flow.watch.wait(flow.watch.version)
        return view

    @property
    def pulses(self) -> int:
        """Return how many pulses the cabinet's own log has."""
        return len(self.cabinet.witness.pulses)

    def events(self, kind: str) -> list[str]:
        """Return the bodies of one type in the outbox, oldest first."""
        return self.edge.state_db.write_now(
            lambda conn: [
                str(row["body"])
                for row in conn.execute(
                    "SELECT body FROM outbox WHERE type = ? ORDER BY n", (kind,)
                )
            ]
        )

    def id(self) -> str:
        """Return a fresh ULID."""
        return new_id(self.clock, self.chance)

    async def _desk_until(self, step: DeskStep, within_s: float = 30) -> None:
        desk = self.edge.desk
        async with asyncio.timeout(within_s):
            while (view := desk.put_in_view()) is None or view.step is not step:
                await desk.watch.wait(desk.watch.version)

    def _line(self, section: BusSection) -> WorldLine:
        bus = next(one for one in self.cabinet.buses if one.name == section.name)
        return WorldLine(bus, lambda: self.cabinet.is_plugged(bus))


class _Silence(HubClient):
    """A hub that never answers: nothing goes up, nothing comes down, nobody tries again."""

    def __init__(self) -> None:
        """Have no session."""
        self.session, self.clock_offset_ms = 0, 0

    async def _send(
        self, method: str, path: URL, body: bytes, held_s: float, more: Mapping[str, str]
    ) -> Answer:
        del method, path, body, held_s, more
        never: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        return await never


@asynccontextmanager
async def _no_hub(_ports: LinkPorts, _config: HubSection) -> AsyncIterator[HubClient]:
    yield _Silence()


def _no_connector() -> aiohttp.BaseConnector:
    raise RuntimeError("a lone station has no sockets")
