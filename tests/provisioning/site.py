"""A technician before a simulated cabinet: real pseudo-terminals at the speed of the line, the real command."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from io import StringIO
from pathlib import Path
from typing import TypeVar

import aiohttp

from common.kit.chance import seeded_chance
from common.kit.clock import SystemClock
from common.kit.work import ThreadWork
from common.ui.i18n import Catalogue, Lang
from device_sim.app import Sim, SimPorts, build_sim
from device_sim.config import CabinetConfig
from provisioning.job import Job
from provisioning.lease import Leases
from provisioning.record import load_record
from provisioning.talk import Talk
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


@contextmanager
def job_in(folder: Path, *answers: str) -> Iterator[Job]:
    """Hold a job in this process, with these answers, speaking JSON into `job.talk`'s own buffer."""
    folder.mkdir(parents=True, exist_ok=True)
    paper = folder / "answers.txt"
    paper.write_text("".join(f"{one}\n" for one in answers), "utf-8")
    out = StringIO()
    talk = Talk(Catalogue().texts(Lang.EN), as_json=True, answers=paper, out=out)
    job = Job(folder, load_record(folder), talk, SystemClock(), Leases(folder))
    try:
        yield job
    finally:
        (folder / "said.jsonl").write_text(out.getvalue(), "utf-8")


def said(folder: Path) -> list[dict[str, object]]:
    """Return what a job of `job_in` said."""
    return [json.loads(line) for line in (folder / "said.jsonl").read_text("utf-8").splitlines()]
