"""The running demo: simulator, hub and daemon as processes, started in that order and stopped in the other."""

import asyncio
from collections.abc import Iterator

import aiohttp

from cloud.access.seeded import SeedAccess
from common.kit.chance import system_chance
from linli.demo.prepare import Site
from linli.demo.processes import Program
from linli.journey.forms import Browser
from linli.journey.hands import BenchHands
from linli.journey.hub import HubUser
from linli.journey.keeper import Keeper
from linli.journey.kiosk import Resident
from linli.journey.story import Cast


class Stage:
    """Three programs and the addresses of their faces."""

    def __init__(self, site: Site) -> None:
        """Know how to start them; nothing runs yet."""
        self.site = site
        ports, environment = site.ports, site.environment()
        self.hub_url = f"http://127.0.0.1:{ports.hub}"
        self.kiosk_url = f"http://127.0.0.1:{ports.kiosk}"
        self.keeper_url = f"http://127.0.0.1:{ports.keeper}"
        self.bench_url = f"http://127.0.0.1:{ports.simulator}"

        def program(name: str, url: str, *arguments: str) -> Program:
            return Program(name, arguments, url, site.root / f"{name}.log", dict(environment))

        self.simulator = program(
            "sim", f"{self.bench_url}/healthz", *("sim", "run", "--config", str(site.cabinet_file)),
            *("--data", str(site.simulator), "--port", str(ports.simulator)),
            *("--modbus-port", str(ports.modbus), "--camera-port", str(ports.camera)),
        )  # fmt: skip
        self.hub = program(
            "hub", f"{self.hub_url}/readyz", *("hub", "serve", "--data", str(site.hub)),
            *("--port", str(ports.hub)),
        )  # fmt: skip
        self.hub.environment.update(site.hub_environment())
        self.edge = program(
            "edge", f"{self.kiosk_url}/readyz", *("edge", "run", "--config", str(site.station_file)),
            *("--data", str(site.station)),
        )  # fmt: skip
        self.edge.environment.update(site.station_environment())

    async def start(self) -> None:
        """Start the simulator, then hub and daemon side by side; each waits until it answers."""
        await self.simulator.start()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.hub.start(), name="hub")
            group.create_task(self.edge.start(), name="edge")

    async def stop(self) -> None:
        """Stop all three, the daemon first."""
        for one in reversed(tuple(self.programs())):
            await one.stop()

    def programs(self) -> Iterator[Program]:
        """Return them in the order of their start."""
        yield from (self.simulator, self.hub, self.edge)

    async def cast(
        self, session: aiohttp.ClientSession, tablet: aiohttp.ClientSession, access: SeedAccess
    ) -> Cast:
        """Let everybody take their place; the keeper's cookies stay on the `tablet`."""
        chance, person = system_chance(), access.residents[0]
        buyer, staff = (HubUser(session, self.hub_url, chance) for _ in range(2))
        buyer.use_token(person["token"])
        admin = next(one for one in access.staff if one["role"] == "admin")
        await staff.sign_in(admin["login"], admin["password"])
        await staff.station_is_told(access.station_id)
        hands = BenchHands(session, self.bench_url)
        keeper = Keeper(Browser(tablet, self.keeper_url), hands)
        await keeper.sign_in(access.keepers[0]["pin"])
        resident = Resident(Browser(session, self.kiosk_url))
        return Cast(buyer, staff, keeper, resident, hands, person["person_id"], access.station_id)
