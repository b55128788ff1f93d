"""Child processes of a demo: start, wait until they answer, stop in order, kill -9 when a check wants it.

They die with this process, however it ends.
"""

import asyncio
import signal
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from common.kit.errors import UnavailableError
from linli.demo import leash

_READY_S = 30.0
_STOP_S = 8.0
_TAIL_LINES = 12


@dataclass(slots=True)
class Program:
    """One `linli …` process with its log file."""

    name: str
    arguments: tuple[str, ...]
    ready_url: str
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the process and wait until it answers on `ready_url`."""
        with self.log.open("ab") as out:
            self.process = await asyncio.create_subprocess_exec(
                *leash.command(*self.arguments),
                stdout=out,
                stderr=out,
                env=self.environment,
                start_new_session=True,  # Ctrl-C reaches us alone; we stop the children in order
            )
        await self._until_ready()

    async def wait(self) -> None:
        """Wait until the process has ended by whatever cause."""
        assert self.process is not None
        await self.process.wait()

    async def stop(self) -> None:
        """Ask it to end (SIGTERM); after a while make it."""
        if self.process is None or self.process.returncode is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOP_S):
                await self.process.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """Send SIGKILL and reap."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    def tail(self) -> str:
        """Return the last lines of the log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-_TAIL_LINES:])

    async def _until_ready(self) -> None:
        assert self.process is not None
        async with httpx.AsyncClient(trust_env=False, timeout=2) as client:
            try:
                async with asyncio.timeout(_READY_S):
                    while not await _answers(client, self.ready_url):
                        if self.process.returncode is not None:
                            raise UnavailableError(
                                "demo.ended",
                                f"{self.name} ended with code {self.process.returncode}:\n{self.tail()}",
                            )
                        await asyncio.sleep(0.05)
            except TimeoutError as error:
                raise UnavailableError(
                    "demo.not_ready",
                    f"{self.name} does not answer on {self.ready_url} after {_READY_S:.0f} s:\n"
                    f"{self.tail()}",
                ) from error


async def _answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).status_code == 200
    except httpx.HTTPError:
        return False


async def run_once(*arguments: str, environment: dict[str, str], stdin: str | None = None) -> str:
    """Run `linli …` to its end and return its output; a failure is an UnavailableError with it."""
    process = await asyncio.create_subprocess_exec(
        *leash.command(*arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    try:
        out, err = await process.communicate(None if stdin is None else stdin.encode())
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        raise UnavailableError(
            "demo.failed", f"`linli {' '.join(arguments)}` failed:\n{(err or out).decode().strip()}"
        )
    return out.decode()
