"""The watchdog's food: it comes only while loop and writer work."""

import asyncio
from pathlib import Path

import pytest

from common.kit.errors import UnavailableError
from common.kit.heart import LATE_S, Heart
from common.kit.sqlite import SqliteDb
from linli.world.loop import VirtualLoop, run_virtual


def test_a_writer_that_hangs_stops_the_heart_and_one_that_comes_back_starts_it() -> None:
    async def main(loop: VirtualLoop) -> list[bool]:
        heart, free = Heart(), asyncio.Event()
        seen = [heart.is_beating()]
        beating = loop.create_task(heart.run())
        await asyncio.sleep(3)
        seen.append(heart.is_beating())

        async def hangs() -> None:
            await free.wait()

        heart.watch(hangs)
        await asyncio.sleep(LATE_S + 3)
        seen.append(heart.is_beating())
        free.set()
        await asyncio.sleep(3)
        seen.append(heart.is_beating())
        beating.cancel()
        return seen

    assert run_virtual(1, main) == [True, True, False, True]


@pytest.mark.parametrize(
    "error", [UnavailableError("storage.disk", "full"), RuntimeError("closed")]
)
def test_a_refusal_is_an_answer(error: Exception) -> None:
    async def main(loop: VirtualLoop) -> bool:
        heart = Heart()

        async def refuses() -> None:
            raise error

        heart.watch(refuses)
        beating = loop.create_task(heart.run())
        await asyncio.sleep(LATE_S * 3)
        alive = heart.is_beating() and not beating.done()
        beating.cancel()
        return alive

    assert run_virtual(1, main)


async def test_asking_the_writer_writes_nothing(tmp_path: Path) -> None:
    db = SqliteDb(tmp_path / "state.db", inline=True)
    db.write_now(lambda conn: conn.execute("CREATE TABLE a (b)"))
    before = (tmp_path / "state.db-wal").read_bytes()
    await db.write(lambda _conn: None)
    assert (tmp_path / "state.db-wal").read_bytes() == before
    db.close()
