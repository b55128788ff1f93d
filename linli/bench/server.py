"""Start and stop `linli.bench.hub_process`, and ask how much CPU it has used."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from linli.bench.hub_process import STATIONS_FILE
from linli.bench.meter import process_cpu_s

_START_S = 60.0


@dataclass(frozen=True, slots=True)
class Server:
    """A running server process."""

    url: str
    pid: int

    @property
    def port(self) -> int:
        """Return the port it listens on."""
        return int(self.url.rpartition(":")[2])

    def cpu_s(self) -> float:
        """Return the CPU seconds of all its threads so far."""
        return process_cpu_s(self.pid)


def _prepare(folder: Path, stations: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True)
    known = {station_id: key.hex() for station_id, key in stations.items()}
    (folder / STATIONS_FILE).write_text(json.dumps(known))


@asynccontextmanager
async def server(kind: str, folder: Path, stations: Mapping[str, bytes]) -> AsyncIterator[Server]:
    """Run `hub` or `floor` with its data in `folder`; `stations` are ids and public keys."""
    _prepare(folder, stations)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "linli.bench.hub_process", kind, str(folder),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), _START_S)
        if not line:
            raise RuntimeError(f"the {kind} under measurement did not start")
        yield Server(line.decode().strip(), process.pid)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
