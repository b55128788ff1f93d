"""A running simulator: real pseudo-terminal, real sockets, real clock."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from common.kit.chance import seeded_chance
from common.kit.clock import SystemClock
from common.kit.work import ThreadWork
from device_sim.app import Sim, SimPorts, build_sim
from tests.device_sim.cabinets import config


@pytest.fixture
def built(tmp_path: Path) -> Iterator[Sim]:
    """Build the demo cabinet for free ports, as the command does before the loop runs."""
    work = ThreadWork()
    ports = SimPorts(SystemClock(), seeded_chance("sim"), work)
    yield build_sim(ports, config(), tmp_path, port=0, modbus_port=0)
    work.close()


@pytest.fixture
async def sim(built: Sim) -> AsyncIterator[Sim]:
    """Run it; its data lies in `tmp_path`."""
    task = asyncio.create_task(built.run())
    async with asyncio.timeout(5):
        await built.ready.wait()
    yield built
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
