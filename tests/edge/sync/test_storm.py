"""Seeded trouble on the line, both programs restarted again and again: afterwards everything agrees, once."""

import asyncio
import random

import pytest

from common.kit.failpoints import arm, disarm_all
from tests.edge.sync.rig import HubRig, StationRig, until
from tests.parts import required

_FRAIL = (
    "sync.edge.request_signed",
    "sync.edge.answer_read",
    "sync.edge.acked",
    "sync.edge.rows_applied",
    "sync.hub.events_stored",
    "sync.hub.events_committed",
    "sync.hub.hello_committed",
    "sync.hub.cursor_moved",
)


@pytest.mark.parametrize("seed", range(4 if required("campaign") else 1))
async def test_after_a_storm_everything_agrees(seed: int, hub: HubRig, subject: StationRig) -> None:
    chance = random.Random(seed)
    made: list[str] = []

    def strike() -> None:
        if chance.random() < 0.12:
            raise ConnectionResetError("struck")

    for life in range(5):
        for name in _FRAIL:
            arm(name, strike)
        try:
            async with asyncio.timeout(0.6), hub.serving(), subject.running():
                for step in range(8):
                    label = f"{life}-{step}"
                    await hub.put(subject.station_id, label, broken=chance.random() < 0.5)
                    await subject.door(label)
                    made.append(label)
                await until(lambda: subject.is_empty() and made[-1] in subject.rows())
        except (TimeoutError, ConnectionResetError, ExceptionGroup):
            pass
        disarm_all()
        subject.restart()
    async with hub.serving(), subject.running():
        await hub.put(subject.station_id, "END")
        await subject.door("END")
        await until(lambda: subject.is_empty() and "END" in hub.labels())
        await until(lambda: "END" in subject.rows())
    labels = hub.labels()
    assert len(labels) == len(set(labels)), "an event took effect twice"
    assert [label for label in labels if label in made] == made, "one is lost or out of order"
    assert set(subject.rows()) == hub.rows()
    assert hub.alarms() == set()
