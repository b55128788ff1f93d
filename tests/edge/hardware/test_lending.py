"""A task that forgets a cancellation is cancelled again: a lent port is closed whatever its owner was waiting for."""

import asyncio

from edge.hardware import lending
from edge.hardware.lending import ended
from linli.world.loop import VirtualLoop, run_virtual


async def _forgetful(times: int) -> None:
    """Wait as `wait_for` of Python 3.11 does when answer and cancellation come together."""
    for _ in range(times):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue
    await asyncio.Event().wait()


def test_a_forgotten_cancellation_is_said_again() -> None:
    async def main(loop: VirtualLoop) -> float:
        tasks = [asyncio.create_task(_forgetful(times)) for times in (0, 2)]
        done = asyncio.create_task(asyncio.sleep(0))
        await asyncio.sleep(0.1)
        start_s = loop.time()
        await ended(*tasks, done)
        assert all(task.done() for task in (*tasks, done))
        await ended()
        return loop.time() - start_s

    assert run_virtual(1, main) == 2 * lending.CANCEL_AGAIN_S
