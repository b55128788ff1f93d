"""The model of the hub answers as the hub does: the same requests to both, message for message, and whole days."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.contract import protocol
from common.contract.base import Message
from common.contract.chain import Link, next_link
from common.contract.digest import EMPTY
from common.contract.events import (
    DoorUnexpected,
    GrantStateChanged,
    ParcelCollected,
    ReplicaApplied,
    type_of,
)
from common.contract.protocol import START, EventsBatch, Hello, Position, WireEvent
from common.contract.replica import CompartmentRow
from common.contract.versions import OURS
from common.contract.words import Lane
from edge.sync.client import HubAway, HubClient, HubRefused
from linli.world.clock import WorldClock
from linli.world.level1.ground import Ground
from linli.world.level1.hub import HubHost
from linli.world.level1.link import Weather, Wire
from linli.world.level1.model import feed
from linli.world.level1.model.hub import ModelHub
from linli.world.level1.model.wire import ModelWire
from linli.world.level1.run import live
from linli.world.loop import VirtualLoop, run_virtual
from linli.world.scenario import Level, Plan
from linli.world.weeks import Week, plan_of
from tests.parts import require, required

IDS = tuple(f"01K0AAAAAAAAAAAAAAAAAAAAA{n}" for n in range(4))
LABELS = ("A01", "A02", "A03")
Step = tuple[Any, ...]


@dataclass
class _Story:
    """What a station has told of one lane; `turn` lets it tell another from some place on."""

    station_id: str
    lane: Lane
    events: list[WireEvent] = field(default_factory=list)
    chains: list[Position] = field(default_factory=lambda: [START])

    def tell(self, kind: int, epoch_up: bool, gen: int, op: int) -> None:
        before = self.chains[-1]
        up = epoch_up or before.boot_epoch == 0
        epoch, seq = (before.boot_epoch + 1, 1) if up else (before.boot_epoch, before.seq + 1)
        body: Message = (
            DoorUnexpected(compartment=LABELS[kind % 3], open=True),
            ReplicaApplied(gen=gen, op=op),
            ParcelCollected(parcel_id=IDS[0], grant_id=IDS[1], compartment="A01"),
            GrantStateChanged(grant_id=IDS[2], state="opened", pulses=1),
        )[kind % 4]
        text = "{}" if kind == 7 else body.model_dump_json()  # a poisoned one
        event = WireEvent(
            boot_epoch=epoch, seq=seq, occurred_at_ms=seq, type=type_of(body), body=text
        )
        self.events.append(event)
        link = Link(self.station_id, self.lane.value, epoch, seq, seq, event.type, event.v, text)
        chain = next_link(bytes.fromhex(before.chain), link)
        self.chains.append(Position(boot_epoch=epoch, seq=seq, chain=chain.hex()))

    def turn(self, back: int) -> None:
        kept = max(0, len(self.events) - back)
        del self.events[kept:], self.chains[kept + 1 :]

    def batch(self, start: int, count: int, *, hole: bool, broken: bool) -> EventsBatch | None:
        start = start % max(1, len(self.events))
        events = self.events[start : start + count]
        if not events:
            return None
        chain = START.chain if broken else self.chains[start + len(events)].chain
        return EventsBatch(
            lane=self.lane, after=self.chains[start], events=tuple(events), chain=chain, hole=hole
        )


class _Both:
    """The real hub and the model, asked side by side."""

    def __init__(self, loop: VirtualLoop, ground: Ground) -> None:
        ground.fresh()
        clock = WorldClock(loop, boot_id="hub")
        self.real, self.model = HubHost(ground, 1, clock), ModelHub(ground, 1, clock)
        wires = (
            Wire(self.real, random.Random(1), lambda *_: None),
            ModelWire(self.model, random.Random(1), lambda *_: None),
        )
        for wire in wires:
            wire.weather = Weather(slow_s=0.0)
        self.wires = wires
        self.ground, self.station_id = ground, ground.paired.station.station_id
        self.session = 0
        self.gen, self.op, self.digest = 0, 0, EMPTY.hex()
        self.stories = {lane: _Story(self.station_id, lane) for lane in Lane}

    async def run(self, steps: list[Step]) -> int:
        self.real.start()
        self.model.start()
        try:
            for step in steps:
                await getattr(self, step[0])(*step[1:])
            await self._same_books()
        finally:
            self.real.stop()
            self.model.stop()
        return len(steps)

    async def hello(self, who: int, told: int, epoch: int, fits: bool) -> None:
        said = Hello(
            install_id=IDS[who // 2],
            hello_id=IDS[who],
            session=max(0, self.session - told),
            boot_epoch=epoch,
            gen=self.gen,
            op=self.op,
            digest=self.digest if fits else "11" * 16,
            app_version="1",
            backlog_facts=0,
            backlog_telemetry=0,
            protos=OURS.protos,
            clock_offset_ms=0,
            run_id=IDS[who],
        )
        answer = await self._ask(
            lambda client: client.post(protocol.HELLO_PATH, said, protocol.HelloAnswer)
        )
        if isinstance(answer, protocol.HelloAnswer):
            self.session, self.gen = answer.session, answer.gen

    async def wait(self, for_s: float) -> None:
        await asyncio.sleep(for_s)

    async def tell(self, lane: Lane, kind: int, epoch_up: bool) -> None:
        self.stories[lane].tell(kind, epoch_up, self.gen, self.op)

    async def turn(self, lane: Lane, back: int) -> None:
        self.stories[lane].turn(back)

    async def post(self, lane: Lane, start: int, count: int, hole: bool, broken: bool) -> None:
        batch = self.stories[lane].batch(start, count, hole=hole, broken=broken)
        if batch is not None:
            await self._ask(
                lambda client: client.post(protocol.EVENTS_PATH, batch, protocol.EventsAck)
            )

    async def ops(self, limit: int, off: int, fits: bool) -> None:
        digest = self.digest if fits else "11" * 16
        query = protocol.OpsQuery(
            gen=self.gen, after=max(0, self.op + off), digest=digest, limit=limit
        )
        answer = await self._ask(
            lambda client: client.get(protocol.OPS_PATH, query, protocol.OpsAnswer), within_s=2.0
        )
        if isinstance(answer, protocol.OpsAnswer):
            self.op, self.digest = answer.to, answer.digest

    async def snapshot(self, as_of: int | None, table: str, segments: str) -> None:
        query = protocol.SnapshotQuery(gen=self.gen, as_of=as_of, table=table, segments=segments)
        await self._ask(
            lambda client: client.get(protocol.SNAPSHOT_PATH, query, protocol.SnapshotPage)
        )

    async def digests(self, gen_off: int) -> None:
        query = protocol.DigestsQuery(gen=self.gen + gen_off)
        await self._ask(
            lambda client: client.get(protocol.DIGESTS_PATH, query, protocol.DigestsAnswer)
        )

    async def rule(self, label: str, broken: bool | None) -> None:
        """Give the station a row at both hubs, or take it away."""
        if broken is None:
            await self.real.rooms.db.write(
                lambda c: self.real.rooms.gateway.delete_row_tx(
                    c, self.station_id, "compartment", label
                )
            )
            self.model.keeping.write(lambda books: feed.delete(books, "compartment", label))
            return
        row = CompartmentRow(label=label, out_of_service=broken, reason="")
        await self.real.rooms.db.write(
            lambda c: self.real.rooms.gateway.put_row_tx(c, self.station_id, "compartment", row)
        )
        self.model.keeping.write(lambda books: feed.put(books, "compartment", row))

    async def _ask(
        self, act: Callable[[HubClient], Awaitable[Message | None]], within_s: float = 60.0
    ) -> Message | None:
        """Ask both at once; what they say must be one."""
        found = await asyncio.gather(*(self._said(wire, act, within_s) for wire in self.wires))
        assert found[0] == found[1]
        return found[0] if isinstance(found[0], Message) else None

    async def _said(
        self,
        wire: Wire | ModelWire,
        act: Callable[[HubClient], Awaitable[Message | None]],
        within_s: float,
    ) -> object:
        config = self.ground.config.hub
        ports: Any = None
        async with wire.client(ports, config) as client:
            client.session = self.session
            try:
                async with asyncio.timeout(within_s):
                    return await act(client)
            except TimeoutError:
                return "held"
            except HubRefused as error:
                return (error.key, error.problem.params)
            except HubAway as error:
                return ("away", error.reached, str(error))

    async def _same_books(self) -> None:
        real, model = await self.real.books(()), await self.model.books(())
        assert real.events == model.events
        assert (real.head_op, real.lag_ops) == (model.head_op, model.lag_ops)
        assert bool(real.odd) == bool(model.odd)


_LANE, _FEW = st.sampled_from(Lane), st.integers(0, 4)
_OFTEN = st.sampled_from((True, True, True, False))
_SELDOM = st.sampled_from((False, False, False, True))
_STEPS = st.one_of(
    st.tuples(st.just("hello"), st.integers(0, 3), st.sampled_from((0, 0, 1)), _FEW, _OFTEN),
    st.tuples(st.just("wait"), st.sampled_from((1.0, 40.0, 400.0))),
    st.tuples(st.just("tell"), _LANE, st.integers(0, 7), _SELDOM),
    st.tuples(st.just("tell"), _LANE, st.integers(0, 7), _SELDOM),
    st.tuples(st.just("turn"), _LANE, st.integers(1, 3)),
    st.tuples(st.just("post"), _LANE, _FEW, st.integers(1, 5), _SELDOM, _SELDOM),
    st.tuples(st.just("post"), _LANE, st.just(0), st.just(9), _SELDOM, st.just(False)),
    st.tuples(
        st.just("ops"), st.sampled_from((1, 3, 500)), st.sampled_from((0, 0, 0, -1, 1)), _OFTEN
    ),
    st.tuples(
        st.just("snapshot"),
        st.none() | st.integers(0, 9),
        st.sampled_from(("", "keeper", "zone")),
        st.sampled_from(("", "00ff", "01" * 3)),
    ),
    st.tuples(st.just("digests"), st.sampled_from((0, 0, 1))),
    st.tuples(st.just("rule"), st.sampled_from(LABELS), st.sampled_from((True, False, None))),
)
_FIRST: Step = ("hello", 0, 0, 1, True)


@given(st.lists(_STEPS, min_size=4, max_size=24))
@settings(
    max_examples=300 if required("campaign") else 20,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_both_hubs_give_the_same_answers(ground: Ground, steps: list[Step]) -> None:
    lived = run_virtual(1, lambda loop: _Both(loop, ground).run([_FIRST, *steps]))
    assert lived == len(steps) + 1


def test_the_comparison_notices_a_hub_that_forgets_an_event(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgetful(self: ModelHub, *_: object) -> None:
        return None

    monkeypatch.setattr(ModelHub, "_take", forgetful)
    steps: list[Step] = [
        _FIRST,
        ("tell", Lane.FACTS, 0, False),
        ("post", Lane.FACTS, 0, 9, False, False),
    ]
    with pytest.raises(AssertionError):
        run_virtual(1, lambda loop: _Both(loop, ground).run(steps))


def _fair(seed: int) -> Plan:
    """Return a quiet plan of three days in which nothing breaks."""
    return replace(
        plan_of(Week.QUIET, seed, 3), faults=(), fair_network=True, remote_opens=(), thief_visits=()
    )


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("seed", [1, 2, 5])
def test_a_day_comes_to_the_same_with_either_hub(ground: Ground, seed: int) -> None:
    require("campaign")
    figures = []
    for level in Level:
        result = live(ground, _fair(seed), level)
        assert result.violations == []
        told = {
            name: count for name, count in result.figures.items() if name not in ("notes", "steps")
        }
        figures.append(told)
    assert figures[0] == figures[1]
    assert figures[0]["fetched"] > 0
