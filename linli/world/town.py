"""One hub, one station and its cabinet in the simulated world: the unmodified programs, wired to virtual ports."""

import asyncio
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from cloud.access.seeded import SeedAccess
from cloud.app import Hub, HubPorts, Rooms, build_hub
from cloud.config import HubConfig, HubSecrets
from cloud.migrations import upgrade_tx
from cloud.seed import seed
from common.kit.chance import Chance, seeded_chance
from common.kit.config import load_toml
from common.kit.identity import StationSecrets, new_private_key, public_key
from common.kit.sqldb import SqlDb
from common.kit.sqlite import SqliteDb
from common.kit.work import InlineWork
from device_sim.cabinet import Cabinet
from device_sim.config import CabinetConfig
from edge.app import HUB_KEEPALIVE_S, Edge, build_edge
from edge.config import BusSection, StationConfig
from edge.ports import EdgePorts
from linli.demo.ports import Ports
from linli.demo.station_file import station_toml
from linli.journey.forms import Browser
from linli.journey.hands import Pulse
from linli.journey.hub import HubUser
from linli.journey.keeper import Keeper
from linli.journey.kiosk import Resident
from linli.journey.story import Cast
from linli.world.clock import WorldClock
from linli.world.line import WorldLine
from linli.world.loop import VirtualLoop

HUB_HOST = "127.0.0.1"
"""The name whose cable the nemesis cuts; the station's own pages listen on another name."""
PORTS = Ports.from_base(8800)


class CabinetHands:
    """Hands at the cabinet itself."""

    def __init__(self, cabinet: Cabinet) -> None:
        """Stand in front of `cabinet`."""
        self._cabinet = cabinet

    async def push(self, label: str) -> None:
        """Push the door shut."""
        self._cabinet.push(label)

    async def is_open(self, label: str) -> bool:
        """Look at the door."""
        return next(door.open for door in self._cabinet.state().doors if door.label == label)

    async def pulses(self) -> tuple[Pulse, ...]:
        """Return every pulse since the cabinet was switched on."""
        return tuple(Pulse(one.board, one.channel, one.ms) for one in self._cabinet.state().pulses)


@dataclass(slots=True)
class Running:
    """A program and the task it runs in."""

    program: Hub | Edge
    task: asyncio.Task[None]


class Town:
    """Everything a day needs; start and stop programs as power would."""

    def __init__(
        self, loop: VirtualLoop, seed_number: int, cabinet: CabinetConfig, data: Path
    ) -> None:
        """Build the cabinet and the files; nothing runs yet."""
        self.loop, self.data = loop, data
        self._seed = seed_number
        self._boots = 0
        self.clock = WorldClock(loop, boot_id=f"boot-{seed_number}")
        self.hub_clock = self.edge_clock = self.clock  # a drill gives each its own lies
        self.witness: list[str] = []
        jitter = seeded_chance(f"{seed_number}|cabinet").jitter
        self.cabinet = Cabinet(cabinet, self.clock, jitter, self.witness.append)
        self._cabinet_config = cabinet
        self.hands = CabinetHands(self.cabinet)
        self.settings: dict[str, str] = {}
        """Settings of the station as its environment gives them; a drill's own, set before `prepare`."""
        self.hub: Running | None = None
        self.edge: Running | None = None
        self._lines: list[WorldLine] = []
        self.cabinet.on_plug.append(self._plug_changed)

    async def prepare(self) -> None:
        """Seed the hub and pair the station, as `linli hub seed` and `pair` do."""
        ports, config = self.hub_ports(), self._hub_config()
        db = ports.open_db(config.database_url())
        db.write_now(upgrade_tx)
        rooms = Rooms(ports, config, db)
        self.access: SeedAccess = await seed(rooms, ports, self.data / "hub")
        key = new_private_key(seeded_chance(f"{self._seed}|station"))
        pairing = await rooms.stations.pair(self.access.station_id, public_key(key))
        db.close()
        self._secrets = StationSecrets(
            pairing.station_id, key, pairing.pepper, pairing.code_salt, pairing.hub_command_key
        )
        text = station_toml(
            self._cabinet_config,
            station_id=pairing.station_id,
            ports=PORTS,
            ptys=self.data / "ptys",
        )
        (self.data / "station.toml").write_text(text, encoding="utf-8")
        # What a quiet site does most of the day, less often than the demo: it is most of a day's work.
        calm = {
            "LINLI_DOORS__POLL_IDLE_S": "30",
            "LINLI_HUB__HEARTBEAT_S": "300",
            "LINLI_HUB__POLL_WAIT_S": "55",
            "LINLI_DISK__COPY_EVERY_S": "43200",
            "LINLI_ZONE__0__SAMPLE_S": "30",
            "LINLI_ZONE__1__SAMPLE_S": "30",
        }
        settings = calm | self.settings
        self._station = load_toml(StationConfig, self.data / "station.toml", settings)

    async def start_hub(self) -> None:
        """Switch the hub on."""
        self.hub = await self._start(build_hub(self.hub_ports(), self._hub_config()))

    async def start_edge(self) -> None:
        """Switch the station on."""
        ports = self.edge_ports(self.edge_clock)
        self.edge = await self._start(build_edge(ports, self._station, self.data / "station"))

    def edge_ports(self, clock: WorldClock) -> EdgePorts:
        """Return what a daemon of this station needs; it may be another one than the town's own."""
        return EdgePorts(
            clock=clock,
            chance=self._chance("edge"),
            work=InlineWork(),
            open_db=self.open_db,
            open_line=self._line,
            connector=lambda: aiohttp.UnixConnector(
                path=f"{HUB_HOST}:{PORTS.hub}", keepalive_timeout=HUB_KEEPALIVE_S
            ),
            secrets=self._secrets,
        )

    @property
    def station_config(self) -> StationConfig:
        """Return the station's settings."""
        return self._station

    def open_db(self, path: Path) -> SqliteDb:
        """Open a database of the station: here nobody cuts the power, so nothing waits for the disk."""
        return SqliteDb(path, inline=True, synchronous="OFF")

    async def stop(self, running: Running | None) -> None:
        """Switch a program off in order."""
        if running is not None:
            running.task.cancel()
            with suppress(asyncio.CancelledError):
                await running.task

    async def cast(self, closing: AsyncExitStack) -> Cast:
        """Let everybody take their place; `closing` puts their browsers away."""

        async def at(port: int) -> tuple[aiohttp.ClientSession, str]:
            host = HUB_HOST if port == PORTS.hub else "site"
            connector = aiohttp.UnixConnector(path=f"{host}:{port}")
            jar = aiohttp.CookieJar(unsafe=True)  # cookies of an IP address
            session = aiohttp.ClientSession(connector=connector, cookie_jar=jar)
            return await closing.enter_async_context(session), f"http://127.0.0.1:{port}"

        chance = seeded_chance(f"{self._seed}|people")
        buyer = HubUser(*await at(PORTS.hub), chance)
        staff = HubUser(*await at(PORTS.hub), chance)
        person = self.access.residents[0]
        buyer.use_token(person["token"])
        admin = next(one for one in self.access.staff if one["role"] == "admin")
        await staff.sign_in(admin["login"], admin["password"])
        await staff.station_is_told(self.access.station_id)
        keeper = Keeper(Browser(*await at(PORTS.keeper)), self.hands)
        await keeper.sign_in(self.access.keepers[0]["pin"])
        return Cast(
            buyer,
            staff,
            keeper,
            Resident(Browser(*await at(PORTS.kiosk))),
            self.hands,
            person["person_id"],
            self.access.station_id,
        )

    async def _start(self, program: Hub | Edge) -> Running:
        task = self.loop.create_task(program.run(), name=type(program).__name__)
        ready = self.loop.create_task(program.ready.wait(), name="ready")
        await asyncio.wait((task, ready), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            ready.cancel()
            task.result()
        return Running(program, task)

    def _plug_changed(self) -> None:
        for line in self._lines:
            line.plug_changed()

    def _line(self, section: BusSection) -> WorldLine:
        bus = next(one for one in self.cabinet.buses if one.name == section.name)
        line = WorldLine(bus, lambda: self.cabinet.is_plugged(bus))
        self._lines.append(line)
        return line

    def _chance(self, who: str) -> Chance:
        self._boots += 1
        return seeded_chance(f"{self._seed}|{who}|{self._boots}")

    def hub_ports(self) -> HubPorts:
        """Return what one worker of the hub needs."""
        secrets = HubSecrets.open(
            self.data / "hub" / "hub-secrets.json", seeded_chance(f"{self._seed}|keys")
        )
        return HubPorts(
            clock=self.hub_clock,
            chance=self._chance("hub"),
            work=InlineWork(),
            open_db=lambda url: SqlDb(url, inline=True),
            secrets=secrets,
        )

    def _hub_config(self) -> HubConfig:
        config = HubConfig()
        section = config.hub.model_copy(
            update={"data": self.data / "hub", "host": HUB_HOST, "port": PORTS.hub}
        )
        return config.model_copy(update={"hub": section})
