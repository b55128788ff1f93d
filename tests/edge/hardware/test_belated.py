"""Answers that come when nobody waits for them any more: not believed, whoever's they are."""

import asyncio

import pytest

from device_sim.faults import NoAnswer
from device_sim.wire_faults import AnswerToNext, Busy
from edge.hardware.belated import BELATED_S, MOST_BELATED, Belated
from edge.hardware.errors import DeviceRefusedError, NoReplyError
from edge.hardware.jobs import Priority
from edge.hardware.pace import QUARANTINE_S
from edge.hardware.ports import PulseResult
from firmware_protocols import waveshare_relay
from tests.device_sim.cabinets import lock_cabinet
from tests.edge.cable import Bench, on_bench
from tests.edge.hardware.lock_bench import CableBench, on_cable


def test_as_many_are_owed_as_were_missed_lately() -> None:
    subject = Belated()
    assert subject.owed(1, 0) == 0
    for at_s in range(MOST_BELATED + 2):
        subject.miss_read(1, at_s / 10)
    assert subject.owed(1, 1.0) == MOST_BELATED
    assert subject.owed(2, 1.0) == 0
    assert subject.owed(1, 0.5 + BELATED_S + 0.01) == 0
    subject.settled(1)
    assert subject.owed(1, 1.0) == 0


def test_a_no_is_doubtful_for_a_while_after_a_write_without_an_answer() -> None:
    subject = Belated()
    assert not subject.hides_refusal(0)
    subject.miss_write(10)
    assert subject.hides_refusal(10 + BELATED_S)
    assert not subject.hides_refusal(10 + BELATED_S + 0.01)


def test_an_answer_later_than_the_silence_is_not_believed() -> None:
    async def body(bench: Bench) -> None:
        await bench.ready()
        behind = AnswerToNext(kind="answer_to_next", target=1)
        bench.cabinet.lay(behind)
        assert (await bench.hardware.door_bus.read_doors(urgent="A03"))["A03"] is None
        bench.cabinet.lift(behind)
        bench.cabinet.pull("A03")
        await asyncio.sleep(1)
        bench.cable.sent.clear()
        # the answer that comes first was given before the door was pulled open
        assert (await bench.hardware.door_bus.read_doors(urgent="A03"))["A03"] is True
        assert len(bench.cable.sent) == 2
        bench.cable.sent.clear()
        await bench.hardware.door_bus.read_doors(urgent="A03")
        assert len(bench.cable.sent) == 1

    on_bench(body)


def test_an_answer_still_on_its_way_is_not_that_to_the_next_question() -> None:
    async def body(bench: Bench) -> None:
        await bench.ready()
        behind = AnswerToNext(kind="answer_to_next", target=1)
        bench.cabinet.lay(behind)
        assert (await bench.hardware.door_bus.read_doors(urgent="A03"))["A03"] is None
        bench.cabinet.lift(behind)
        await asyncio.sleep(1)
        bench.cable.sent.clear()
        # two answers come to this question, and one to the question after it
        assert (await bench.hardware.door_bus.read_doors(urgent="A03"))["A03"] is False
        first, second = bench.cable.sent
        assert second.at_s - first.at_s > QUARANTINE_S
        bench.cabinet.lay(behind)
        assert (await bench.hardware.door_bus.read_doors(urgent="A03"))["A03"] is None
        bench.cabinet.lift(behind)
        bench.cabinet.pull("A03")
        assert (await bench.hardware.door_bus.read_doors(urgent="A03"))["A03"] is True

    on_bench(body)


def test_a_board_that_is_one_behind_twice_is_still_told_right() -> None:
    async def body(bench: Bench) -> None:
        await bench.ready()
        behind = AnswerToNext(kind="answer_to_next", target=1, most_in_a_row=2)
        bench.cabinet.lay(behind)
        assert (await bench.hardware.door_bus.read_doors(urgent="A03"))["A03"] is None
        bench.cabinet.pull("A03")
        await asyncio.sleep(1)
        # first the answer from before it was pulled, then those to both of these questions
        assert (await bench.hardware.door_bus.read_doors(urgent="A03"))["A03"] is True
        bench.cabinet.lift(behind)
        bench.cabinet.push("A03")
        await asyncio.sleep(1)
        assert (await bench.hardware.door_bus.read_doors(urgent="A03"))["A03"] is False

    on_bench(body)


def test_a_refusal_after_an_unanswered_pulse_may_be_that_ones() -> None:
    async def body(bench: Bench) -> None:
        await bench.ready()
        mute, busy = NoAnswer(kind="no_answer", target=1), Busy(kind="busy", target=1)
        bench.cabinet.lay(busy)
        assert await bench.hardware.door_bus.pulse("A01") is PulseResult.REJECTED
        bench.cabinet.lay(mute)
        assert await bench.hardware.door_bus.pulse("A01") is PulseResult.UNCONFIRMED
        bench.cabinet.lift(mute)
        owner = bench.hardware.owner("bus0")
        with pytest.raises(NoReplyError, match="earlier request"):
            await owner.call(Priority.OPEN, 1, waveshare_relay.pulse(1, 400))
        await asyncio.sleep(BELATED_S)
        with pytest.raises(DeviceRefusedError):
            await owner.call(Priority.OPEN, 1, waveshare_relay.pulse(1, 400))

    on_bench(body)


def test_a_no_of_a_board_that_names_no_box_proves_nothing() -> None:
    async def body(bench: CableBench) -> None:
        await bench.ready()
        bench.cabinet.lay(Busy(kind="busy", target=1))
        assert await bench.bus.pulse("A01") is PulseResult.UNCONFIRMED
        assert not bench.cabinet.witness.pulses

    on_cable(lock_cabinet("qianming"), body)
