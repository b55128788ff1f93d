"""How jobs go on: a disk that refuses costs a minute, and nothing the hub link meets costs a door."""

import asyncio
import errno
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from common.kit.errors import UnavailableError
from common.kit.invariant import InvariantError, must
from edge.jobs import GO_ON_AFTER_S, going_on, lasting
from edge.pickup.views import Step
from edge.sync import HubLink
from linli.world.loop import VirtualLoop, run_virtual
from tests.edge.pickup.house import CODE, House, in_house

Keep = Callable[[str, Callable[[], Awaitable[None]]], Awaitable[None]]
DAMAGED = UnavailableError("storage.damaged", "state.db is damaged")
FULL = UnavailableError("storage.disk", "the disk is full")
BUG = ValueError("nobody foresaw this")


async def _link(name: str, job: Callable[[], Awaitable[None]]) -> None:
    """Run as the hub link is run."""
    await going_on(name, lambda: lasting(name, job))


def _lives(keep: Keep, *ends: BaseException) -> tuple[list[float], BaseException | None]:
    """Return when a job was begun that ends so, and what came out; a job that has no end left goes on."""

    async def main(loop: VirtualLoop) -> tuple[list[float], BaseException | None]:
        left, begun, goes_on = list(ends), list[float](), asyncio.Event()

        async def part(end: BaseException) -> None:
            raise end

        async def job() -> None:
            begun.append(loop.time())
            if left:
                async with asyncio.TaskGroup() as group:
                    group.create_task(part(left.pop(0)))
            goes_on.set()
            await asyncio.Event().wait()

        running = asyncio.ensure_future(keep("job", job))
        going = asyncio.ensure_future(goes_on.wait())
        await asyncio.wait([running, going], return_when=asyncio.FIRST_COMPLETED)
        going.cancel()
        if running.done():
            return begun, running.exception()
        running.cancel()
        await asyncio.wait([running])
        assert running.cancelled(), "a stop is no trouble"
        return begun, None

    return run_virtual(1, main)


@pytest.mark.parametrize("keep", [going_on, _link])
def test_a_disk_that_refuses_costs_a_minute(keep: Keep, caplog: pytest.LogCaptureFixture) -> None:
    begun, out = _lives(keep, FULL, FULL)
    assert (begun, out) == ([0, GO_ON_AFTER_S, 2 * GO_ON_AFTER_S], None)
    assert caplog.text.count("job stopped, again in 60 s: the disk is full") == 2
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("keep", [going_on, lasting, _link])
def test_damage_ends_the_run_so_that_the_next_start_recovers(keep: Keep) -> None:
    for ends in (DAMAGED, BaseExceptionGroup("two", [FULL, ExceptionGroup("in two", [DAMAGED])])):
        begun, out = _lives(keep, ends)
        assert begun == [0]
        assert isinstance(out, BaseExceptionGroup)
        assert out.subgroup(lambda error: error is DAMAGED)


def test_a_defect_in_another_job_ends_the_station_loudly() -> None:
    begun, out = _lives(going_on, BUG)
    assert begun == [0]
    assert isinstance(out, BaseExceptionGroup)
    assert out.subgroup(ValueError)


@pytest.mark.parametrize("keep", [lasting, _link])
def test_a_defect_of_the_link_costs_a_minute_and_is_traced(
    keep: Keep, caplog: pytest.LogCaptureFixture
) -> None:
    begun, out = _lives(keep, BUG, ExceptionGroup("two", [BUG, OSError(errno.EIO, "bad sector")]))
    assert (begun, out) == ([0, GO_ON_AFTER_S, 2 * GO_ON_AFTER_S], None)
    assert caplog.text.count("job failed, again in 60 s") == 2
    assert "Traceback" in caplog.text
    assert "nobody foresaw this" in caplog.text


def test_a_broken_invariant_holds_the_whole_link_for_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(InvariantError) as broken:
        must(False, "I2", "it went back")
    begun, out = _lives(lasting, broken.value)
    assert begun == [0], "one way does not hide it from the link"
    assert isinstance(out, BaseExceptionGroup)
    assert _lives(_link, broken.value) == ([0, GO_ON_AFTER_S], None)
    assert "job stopped, again in 60 s: I2: it went back" in caplog.text


def test_damage_beside_a_defect_is_damage_and_the_defect_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    begun, out = _lives(_link, ExceptionGroup("two", [BUG, DAMAGED]))
    assert begun == [0]
    assert isinstance(out, BaseExceptionGroup)
    assert out.subgroup(lambda error: error is DAMAGED)
    assert "nobody foresaw this" in caplog.text


@pytest.mark.parametrize("keep", [going_on, lasting, _link])
def test_a_station_that_ends_while_a_job_fails_is_not_waited_for(keep: Keep) -> None:
    """A group of tasks that is failing already swallows the cancellation (Python 3.11): the job would begin anew."""

    async def main(loop: VirtualLoop) -> bool:
        async def fails() -> None:
            raise FULL if keep is going_on else BUG

        async def unwinds() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(1)  # time in which the station ends

        async def job() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(unwinds())
                await asyncio.sleep(0)
                group.create_task(fails())

        running = asyncio.ensure_future(keep("job", job))
        await asyncio.sleep(0.5)
        running.cancel()
        done, _ = await asyncio.wait([running], timeout=10 * GO_ON_AFTER_S)
        return bool(done) and running.cancelled()

    assert run_virtual(1, main)


@pytest.mark.parametrize("part", ["run", "_greet"])
def test_pickups_go_on_whatever_the_hub_link_meets(
    tmp_path: Path, part: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def defect(*_: object) -> None:
        raise BUG

    monkeypatch.setattr(HubLink, part, defect)

    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        await asyncio.sleep(3 * GO_ON_AFTER_S)
        assert caplog.text.count("failed, again in 60 s") >= 3
        await house.edge.pickup.submit(CODE)
        await house.until(Step.OPEN)

    in_house(tmp_path, body)
