"""A technician before a simulated cabinet: real pseudo-terminals at the speed of the line, the real command."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import aiohttp

from common.kit.chance import seeded_chance
from common.kit.clock import SystemClock
from common.kit.work import ThreadWork
from device_sim.app import Sim, SimPorts, build_sim
from device_sim.config import CabinetConfig
from tests.provisioning.technician import Technician

T = TypeVar("T")
Body = Callable[[Technician, Sim], Awaitable[T]]


@asynccontextmanager
async def _at_cabinet(folder: Path, built: Sim) -> AsyncIterator[Technician]:
    task = asyncio.create_task(built.run())
    try:
        async with asyncio.timeout(10):
            await built.ready.wait()
        async with aiohttp.ClientSession() as session:
            yield Technician(folder / "data", built.bench.url, session)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def at_cabinet(folder: Path, config: CabinetConfig, body: Body[T]) -> T:
    """Run `body` with a technician at the cabinet; its ports are links in `folder`/sim."""
    work = ThreadWork()
    ports = SimPorts(SystemClock(), seeded_chance("sim"), work)
    built = build_sim(ports, config, folder / "sim", port=0, modbus_port=0)

    async def main() -> T:
        async with _at_cabinet(folder, built) as technician:
            return await body(technician, built)

    try:
        return asyncio.run(main())
    finally:
        work.close()
