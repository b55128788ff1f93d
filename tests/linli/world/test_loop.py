"""The virtual loop: time passes without waiting, equal seeds give equal days, cut cables hold bytes."""

import asyncio
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from linli.world.loop import DeadlockError, VirtualLoop, ends_within, run_virtual
from linli.world.trace import Trace

DAY_S = 86_400.0


async def _serve(handler: Any) -> web.AppRunner:
    app = web.Application()
    app.router.add_get("/", handler)
    runner = web.AppRunner(app, handle_signals=False, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "hub", 8800).start()
    return runner


def _client() -> aiohttp.ClientSession:
    connector = aiohttp.UnixConnector(path="hub:8800")
    return aiohttp.ClientSession("http://hub:8800", connector=connector)


def test_a_week_takes_no_time() -> None:
    async def main(loop: VirtualLoop) -> float:
        await asyncio.sleep(7 * DAY_S)
        return loop.time()

    assert run_virtual(1, main) == pytest.approx(7 * DAY_S, abs=1e-3)


def _race(seed: int) -> str:
    trace = Trace()

    async def main(loop: VirtualLoop) -> str:
        async def handler(_request: web.Request) -> web.Response:
            await asyncio.sleep(0.1)
            return web.json_response({"t": loop.time()})

        async def ask(name: int) -> None:
            async with _client() as client:
                for _ in range(5):
                    async with client.get("/") as answer:
                        trace.note(name, (await answer.json())["t"])

        runner = await _serve(handler)
        async with asyncio.TaskGroup() as group:
            for name in range(4):
                group.create_task(ask(name))
        await runner.cleanup()
        return trace.digest

    return run_virtual(seed, main)


def test_equal_seeds_equal_traces() -> None:
    assert _race(1) == _race(1)
    assert _race(1) != _race(2)


def test_a_cut_cable_holds_the_answer_until_it_heals() -> None:
    async def main(loop: VirtualLoop) -> tuple[float, float]:
        async def handler(_request: web.Request) -> web.Response:
            await asyncio.sleep(1)
            return web.Response(text="ok")

        async def nemesis() -> None:
            await asyncio.sleep(0.5)
            loop.net.cut("hub")
            await asyncio.sleep(100)
            loop.net.heal("hub")

        runner = await _serve(handler)
        async with asyncio.TaskGroup() as group, _client() as client:
            group.create_task(nemesis())
            async with client.get("/") as answer:
                assert await answer.text() == "ok"
            late = loop.time()
            async with client.get("/") as answer:
                assert answer.status == 200
        await runner.cleanup()
        return late, loop.time()

    late, again = run_virtual(3, main)
    assert late > 100
    assert again - late < 2


def test_connecting_into_a_cut_cable_times_out_and_nobody_listening_is_refused() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with _client() as client:
            with pytest.raises(aiohttp.ClientConnectionError):
                await client.get("/")
            loop.net.cut("hub")
            with pytest.raises(TimeoutError):
                await client.get("/", timeout=aiohttp.ClientTimeout(total=5))

    run_virtual(1, main)


def test_waiting_for_nothing_is_a_deadlock() -> None:
    async def main(loop: VirtualLoop) -> None:
        await loop.create_future()

    with pytest.raises((DeadlockError, RuntimeError)):
        run_virtual(1, main)


def test_real_descriptors_are_refused() -> None:
    async def main(loop: VirtualLoop) -> None:
        loop.add_reader(0, print)

    with pytest.raises(RuntimeError, match="real descriptor"):
        run_virtual(1, main)


def test_inline_executor_carries_errors() -> None:
    async def main(loop: VirtualLoop) -> int:
        with pytest.raises(ZeroDivisionError):
            await loop.run_in_executor(None, divmod, 1, 0)
        quotient: int = (await loop.run_in_executor(None, divmod, 9, 2))[0]
        return quotient

    assert run_virtual(1, main) == 4


def test_timers_of_one_moment_fire_in_the_order_they_were_asked_for() -> None:
    fired: list[int] = []

    async def main(loop: VirtualLoop) -> None:
        for number in range(5):
            loop.call_at(7.0, fired.append, number)
        loop.call_at(3.0, fired.append, -1)
        loop.call_later(5.0, fired.append, -2).cancel()
        await asyncio.sleep(8)

    run_virtual(3, main)
    assert fired == [-1, 0, 1, 2, 3, 4]


def test_a_world_that_is_busy_without_end_is_told_so() -> None:
    async def main(loop: VirtualLoop) -> int:
        def spin() -> None:
            loop.call_soon(spin)

        told = loop.create_future()
        loop.most_steps, loop.on_too_many = 1000, lambda: told.set_result(None)
        spin()
        await told
        return loop.steps

    assert 1000 < run_virtual(1, main) < 1100


def test_a_job_is_given_so_many_steps_and_no_more() -> None:
    async def spin(loop: VirtualLoop) -> None:
        never = loop.create_future()

        def turn() -> None:
            if not never.cancelled():
                loop.call_soon(turn)

        turn()
        await never

    async def main(loop: VirtualLoop) -> list[bool]:
        short = await ends_within(loop, 500, asyncio.sleep(5.0))
        return [short, await ends_within(loop, loop.steps + 500, spin(loop))]

    assert run_virtual(1, main) == [True, False]
