"""A program that is killed at its failpoints and started again, as a supervisor would."""

import asyncio
import signal

from common.kit.errors import UnavailableError
from linli.demo.processes import Program

ARM = "LINLI_FAILPOINT"


class Victim:
    """Runs one program: each start with the next failpoint armed, the last starts with none."""

    def __init__(self, program: Program, arms: tuple[str, ...]) -> None:
        """Arm the first start with `arms[0]`, the second with `arms[1]` and so on."""
        self.program, self._arms = program, list(arms)
        self.deaths_s: list[float] = []
        self._stopping = False
        self._is_up = asyncio.Event()

    async def run(self) -> None:
        """Keep it running until `stop`; UnavailableError when it ends by itself."""
        while not self._stopping:
            self._arm()
            try:
                await self.program.start()
                self._is_up.set()
                await self.program.wait()
            except UnavailableError:
                if not self._was_killed():
                    raise
            self._is_up.clear()
            if self._was_killed():
                self.deaths_s.append(asyncio.get_running_loop().time())
            elif not self._stopping:
                raise UnavailableError(
                    "demo.ended", f"{self.program.name} ended by itself:\n{self.program.tail()}"
                )

    async def up(self) -> None:
        """Wait until it answers."""
        await self._is_up.wait()

    async def stop(self) -> None:
        """End it in order."""
        self._stopping = True
        await self.program.stop()

    def _arm(self) -> None:
        environment = self.program.environment
        environment.pop(ARM, None)
        if self._arms:
            environment[ARM] = self._arms.pop(0)

    def _was_killed(self) -> bool:
        process = self.program.process
        return process is not None and process.returncode == -signal.SIGKILL
