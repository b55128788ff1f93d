"""A technician at the simulated cabinet: answers `linli provision --json` and has hands on the bench page."""

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

Answer = Callable[[dict[str, Any]], str | None]


@dataclass(slots=True)
class Technician:
    """Types commands, watches doors, pushes them shut."""

    data: Path
    bench_url: str
    session: aiohttp.ClientSession
    special: Answer | None = None
    """Answers some questions otherwise; None: as always."""
    answers_left: int | None = None
    """After so many answers the terminal is gone."""
    said: list[dict[str, Any]] = field(default_factory=list)
    errors: str = ""

    async def run(self, *words: str, within_s: float = 300) -> int:
        """Run one sub-command to its end; return its exit code."""
        self.said.clear()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "linli", "provision", *words, "--data", str(self.data), "--json",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdin is not None
        try:
            async with asyncio.timeout(within_s):
                while line := await process.stdout.readline():
                    one = json.loads(line)
                    self.said.append(one)
                    if "ask" not in one:
                        continue
                    if self.answers_left == 0:
                        process.stdin.close()
                        continue
                    if self.answers_left is not None:
                        self.answers_left -= 1
                    process.stdin.write((await self._answer(one)).encode() + b"\n")
                    await process.stdin.drain()
                self.errors = (await process.stderr.read()).decode()
                return await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    def steps(self, step: str) -> list[dict[str, Any]]:
        """Return what was said of one kind."""
        return [one for one in self.said if one.get("step") == step]

    async def open_doors(self) -> list[str]:
        """Look at the cabinet."""
        async with self.session.get(f"{self.bench_url}/state") as answer:
            return [door["label"] for door in (await answer.json())["doors"] if door["open"]]

    async def push(self, label: str) -> None:
        """Shut a door; once more while the current still holds the latch back."""
        while label in await self.open_doors():
            address = f"{self.bench_url}/doors/{label}"
            async with self.session.post(address, json={"action": "push"}):
                pass

    async def _answer(self, asked: dict[str, Any]) -> str:
        if self.special is not None and (said := self.special(asked)) is not None:
            return said
        match asked["ask"]:
            case "which_door":
                doors = await self.open_doors()
                return doors[0] if len(doors) == 1 else "+" if doors else "-"
            case "shut_door":
                await self.push(asked["label"])
            case "all_shut" | "shut_all":
                for label in await self.open_doors():
                    await self.push(label)
            case _:
                pass
        return ""
