"""Clock, ids, chance and work: the ports everything else is handed."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest

from common.kit.chance import seeded_chance, system_chance
from common.kit.clock import SystemClock, from_ms, to_ms
from common.kit.ids import ID_PATTERN, new_id
from common.kit.work import InlineWork, ThreadWork


class FixedClock:
    boot_id = "boot"

    def __init__(self) -> None:
        self.now = datetime(2026, 10, 13, 8, tzinfo=UTC)

    def monotonic_s(self) -> float:
        return 0.0

    def wall(self) -> datetime:
        return self.now


def test_ids_sort_by_time_and_fit_the_pattern() -> None:
    clock, chance = FixedClock(), seeded_chance("ids")
    ids = []
    for _ in range(50):
        ids.append(new_id(clock, chance))
        clock.now += timedelta(milliseconds=1)
    assert ids == sorted(ids)
    assert len(set(ids)) == 50
    assert all(re.match(ID_PATTERN, i) for i in ids)


def test_milliseconds_there_and_back() -> None:
    moment = datetime(2026, 10, 13, 8, 0, 0, 123000, tzinfo=UTC)
    assert from_ms(to_ms(moment)) == moment
    with pytest.raises(ValueError, match="naive"):
        to_ms(moment.replace(tzinfo=None))


def test_the_system_clock_is_aware_and_goes_forward() -> None:
    clock = SystemClock()
    assert clock.wall().tzinfo is UTC
    assert clock.monotonic_s() <= clock.monotonic_s()
    assert clock.boot_id == SystemClock().boot_id


def test_seeded_chance_repeats_and_says_so() -> None:
    one, two = seeded_chance("a"), seeded_chance("a")
    assert one.secure.token_bytes(8) == two.secure.token_bytes(8)
    assert one.jitter.random() == two.jitter.random()
    assert one.seeded
    assert not system_chance().seeded


@pytest.mark.parametrize("kind", [ThreadWork, InlineWork])
async def test_work_returns_and_raises(kind: type[ThreadWork] | type[InlineWork]) -> None:
    work = kind()
    assert await work.run(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await work.run(divmod, 7, 0)
    assert await asyncio.gather(*(work.run(abs, -n) for n in range(5))) == [0, 1, 2, 3, 4]
    work.close()
