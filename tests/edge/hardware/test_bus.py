"""The bus owner against a cable that does everything a real one does wrong."""

import asyncio
from itertools import pairwise

import pytest

from common.contract.words import Quality
from device_sim.faults import LateAnswer, NoAnswer
from edge.hardware.bus import BusOwner
from edge.hardware.errors import (
    DeviceRefusedError,
    FrameRefusedError,
    NoReplyError,
    NotSentError,
)
from edge.hardware.jobs import EXPECT_S, Priority
from edge.hardware.ports import ProbeReading, PulseResult
from firmware_protocols import modbus_rtu, waveshare_relay, xy_md02
from firmware_protocols.crc import with_crc
from firmware_protocols.modbus_pdu import Function, ReadRequest, Reply, Request, WriteOneRequest
from tests.edge.cable import Bench, on_bench

PULSE_A04 = bytes.fromhex("01 05 02 03 00 04 3D B1")


def _owner(bench: Bench) -> BusOwner[Request, Reply]:
    return bench.hardware._owners["bus0"][0]


def test_a_pulse_is_the_documented_frame_and_opens_its_door() -> None:
    async def body(bench: Bench) -> None:
        await bench.ready()
        assert await bench.hardware.door_bus.pulse("A04") is PulseResult.ACKED
        await asyncio.sleep(0.5)
        assert [s.data for s in bench.cable.sent] == [PULSE_A04]
        assert bench.is_open("A04")
        doors = await bench.hardware.door_bus.read_doors()
        assert [label for label, is_open in doors.items() if is_open] == ["A04"]

    on_bench(body)


def test_opening_the_port_drops_every_relay_before_anything_else_that_moves() -> None:
    async def body(bench: Bench) -> None:
        await bench.hardware.door_bus.read_doors()
        frames = [s.data.hex(" ") for s in bench.cable.sent]
        assert frames[1] == "01 05 00 ff 00 00 fd fa"
        assert frames[2].startswith("02 05 00 ff 00 00")
        assert not bench.cable.pulses

    on_bench(body)


def test_replies_survive_split_bytes_and_leading_noise() -> None:
    async def body(bench: Bench) -> None:
        await bench.ready()
        bench.cable.one_by_one = True
        for noise in (b"", b"\x00", b"\xff", b"\x00\xff\x00", b"\x01", b"\x01\x03"):
            bench.cable.noise_before = noise
            assert None not in (await bench.hardware.door_bus.read_doors()).values(), noise

    on_bench(body)


@pytest.mark.parametrize("told", [True, False], ids=["configured", "found out"])
def test_the_echo_of_a_dead_board_is_no_success(told: bool) -> None:
    async def body(bench: Bench) -> None:
        section = bench.config.bus[0].model_copy(update={"local_echo": told})
        bench.config = bench.config.model_copy(update={"bus": (section,)})
        bench.cable.echo = True
        bench.hardware = bench.build()
        task = asyncio.create_task(bench.hardware.run())
        await bench.ready()
        assert await bench.hardware.door_bus.pulse("A01") is PulseResult.ACKED
        bench.cabinet.lay(NoAnswer(kind="no_answer", target=1))
        assert await bench.hardware.door_bus.pulse("A01") is PulseResult.UNCONFIRMED
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    on_bench(body)


def test_a_write_is_never_repeated() -> None:
    async def body(bench: Bench) -> None:
        await bench.ready()
        bench.cabinet.lay(NoAnswer(kind="no_answer", target=1, deaf=False))
        with pytest.raises(NoReplyError):
            await _owner(bench).call(Priority.OPEN, 1, waveshare_relay.pulse(3, 400), retries=2)
        await asyncio.sleep(5)
        assert len(bench.cable.pulses) == len(bench.cabinet.witness.pulses) == 1

    on_bench(body)


def test_a_read_is_repeated_only_after_silence() -> None:
    async def body(bench: Bench) -> None:
        await bench.ready()
        bench.cabinet.lay(NoAnswer(kind="no_answer", target=3))
        with pytest.raises(NoReplyError):
            await _owner(bench).call(Priority.SENSOR, 3, xy_md02.read_both(), retries=2)
        times = [s.at_s for s in bench.cable.sent]
        assert len(times) == 3
        pauses = [later - earlier for earlier, later in pairwise(times)]
        assert all(pause >= 0.4 + 0.3 - 1e-6 for pause in pauses)

    on_bench(body)


def test_a_late_reply_is_never_the_answer_to_the_next_request() -> None:
    async def body(bench: Bench) -> None:
        await bench.ready()
        # the answer comes 0.2 s after the time-out: same unit, same function, same length
        bench.cabinet.lay(LateAnswer(kind="late_answer", target=3, delay_s=0.6))
        owner = _owner(bench)
        first = ReadRequest(Function.READ_INPUT_REGISTERS, xy_md02.TEMPERATURE, 1)
        with pytest.raises(NoReplyError):
            await owner.call(Priority.SENSOR, 3, first)
        bench.cabinet.lift_all()
        second = ReadRequest(Function.READ_INPUT_REGISTERS, xy_md02.HUMIDITY, 1)
        reply = await owner.call(Priority.SENSOR, 3, second)
        assert int.from_bytes(reply.pdu()[2:], "big") > 600  # 70 %RH, not 4.0 degC

    on_bench(body)


def test_silence_is_counted_from_the_last_byte_heard() -> None:
    async def body(bench: Bench) -> None:
        await bench.ready()
        bench.cabinet.lay(NoAnswer(kind="no_answer", target=3))
        with pytest.raises(NoReplyError):
            await _owner(bench).call(Priority.SENSOR, 3, xy_md02.read_both())
        await asyncio.sleep(0.2)
        bench.cable.say(b"\x55")
        heard_s = bench.loop.time()
        await bench.hardware.door_bus.read_doors()
        assert bench.cable.sent[1].at_s >= heard_s + 0.3 - 1e-6

    on_bench(body)


@pytest.mark.parametrize(
    ("asked", "late"),
    [
        ("01 02 00 00 00 08", "01 05 02 03 00 04"),  # echo of an older pulse
        ("01 02 00 00 00 08", "01 01 01 ff"),  # relays for doors
        ("01 02 00 00 00 08", "02 02 01 ff"),  # another board
        ("01 02 00 00 00 08", "01 02 02 ff ff"),  # another count
        ("01 05 02 04 00 04", "01 05 02 03 00 04"),  # another channel
        ("01 05 02 03 00 05", "01 05 02 03 00 04"),  # another length of pulse
    ],
)
def test_a_reply_must_fit_the_request(asked: str, late: str) -> None:
    async def body(bench: Bench) -> None:
        await bench.ready()
        frame = modbus_rtu.decode(modbus_rtu.encode(int(asked[:2]), bytes.fromhex(asked[3:])))
        bench.cabinet.lay(NoAnswer(kind="no_answer", target=1))
        request = _request(frame.pdu)
        call = asyncio.create_task(_owner(bench).call(Priority.OPEN, frame.unit, request))
        await asyncio.sleep(0.1)
        bench.cable.say(modbus_rtu.encode(int(late[:2]), bytes.fromhex(late[3:])))
        with pytest.raises(NoReplyError):
            await call

    on_bench(body)


def _request(pdu: bytes) -> ReadRequest | WriteOneRequest:
    address, value = int.from_bytes(pdu[1:3], "big"), int.from_bytes(pdu[3:5], "big")
    if pdu[0] == 2:
        return ReadRequest(Function.READ_DISCRETE_INPUTS, address, value)
    return WriteOneRequest(Function.WRITE_SINGLE_COIL, address, value)


def test_an_exception_reply_is_a_refusal() -> None:
    async def body(bench: Bench) -> None:
        await bench.ready()
        with pytest.raises(DeviceRefusedError) as caught:
            await _owner(bench).call(
                Priority.SENSOR, 1, ReadRequest(Function.READ_COILS, 900, 8), retries=2
            )
        assert caught.value.params["code"] == 2
        assert len(bench.cable.sent) == 1

    on_bench(body)


@pytest.mark.parametrize(
    ("unit", "request_"),
    [
        (1, WriteOneRequest(Function.WRITE_SINGLE_COIL, 0x0203, 11)),  # longer than 1 s
        (1, WriteOneRequest(Function.WRITE_SINGLE_COIL, 0x0203, 0)),
        (1, WriteOneRequest(Function.WRITE_SINGLE_COIL, 0x0208, 4)),  # no such channel
        (1, WriteOneRequest(Function.WRITE_SINGLE_COIL, 0x0003, 0xFF00)),  # on for ever
        (1, WriteOneRequest(Function.WRITE_SINGLE_COIL, 0x00FF, 0xFF00)),  # everything on
        (1, WriteOneRequest(Function.WRITE_SINGLE_COIL, 0x0403, 4)),  # flash *off*
        (0, waveshare_relay.all_off()),
        (0, waveshare_relay.pulse(3, 400)),
        (3, waveshare_relay.pulse(3, 400)),  # a probe has nothing to move
        (9, waveshare_relay.pulse(3, 400)),  # not configured
        (0, waveshare_relay.read_inputs()),
        (1, waveshare_relay.set_address(7)),
        (1, waveshare_relay.set_all_modes(waveshare_relay.Mode.LINKAGE)),
    ],
)
def test_other_frames_never_reach_the_wire(unit: int, request_: WriteOneRequest) -> None:
    async def body(bench: Bench) -> None:
        await bench.ready()
        with pytest.raises(FrameRefusedError):
            await _owner(bench).call(Priority.OPEN, unit, request_)
        assert bench.cable.sent == []
        assert None not in (await bench.hardware.door_bus.read_doors()).values()

    on_bench(body)


def test_opening_goes_before_everything_that_waits() -> None:
    async def body(bench: Bench) -> None:
        await bench.ready()
        owner = _owner(bench)
        jobs = [
            asyncio.create_task(owner.call(priority, unit, request))
            for priority, unit, request in (
                (Priority.SENSOR, 3, xy_md02.read_both()),
                (Priority.SENSOR, 4, xy_md02.read_both()),
                (Priority.SNAPSHOT, 2, waveshare_relay.read_inputs()),
                (Priority.DOOR, 1, waveshare_relay.read_inputs()),
                (Priority.OPEN, 1, waveshare_relay.pulse(3, 400)),
            )
        ]
        await asyncio.gather(*jobs)
        # one may have been on the wire already; the rest goes by urgency
        urgency = {(1, 5): 0, (1, 2): 1, (2, 2): 2, (3, 4): 3, (4, 4): 3}
        order = [urgency[s.data[0], s.data[1]] for s in bench.cable.sent]
        assert order[1:] == sorted(order[1:])
        assert sorted(order) == sorted(urgency.values())

    for seed in range(5):
        on_bench(body, seed=seed)


def test_frames_keep_their_distance() -> None:
    async def body(bench: Bench) -> None:
        await bench.ready()
        owner = _owner(bench)
        await owner.call(Priority.OPEN, 1, waveshare_relay.pulse(3, 400))
        answered_s = bench.loop.time()
        await owner.call(Priority.DOOR, 1, waveshare_relay.read_inputs())
        assert bench.cable.sent[1].at_s - answered_s >= 0.05 - 1e-9
        answered_s = bench.loop.time()
        await owner.call(Priority.DOOR, 1, waveshare_relay.read_inputs())
        assert bench.cable.sent[2].at_s - answered_s >= 0.005 - 1e-9

    on_bench(body)


def test_a_dead_board_rests_longer_and_longer_while_the_others_keep_their_pace() -> None:
    async def body(bench: Bench) -> None:
        await bench.ready()
        bench.cabinet.lay(NoAnswer(kind="no_answer", target=2))
        doors = bench.hardware.door_bus
        started_s = bench.loop.time()
        seen = 0
        while bench.loop.time() - started_s < 120:
            found = await doors.read_doors()
            assert found["A01"] is False
            assert found["B01"] is None
            seen += 1
            await asyncio.sleep(1)
        asked = [s.at_s for s in bench.cable.sent if s.data[0] == 2]
        assert len(asked) <= 3 + 5 + 4  # three in a row, then 1, 2, 4, 8, 16 s, then every 30 s
        assert seen > 100
        assert bench.changes == [("bus0", None, True), ("bus0", 2, False)]
        bench.cabinet.lift_all()
        await asyncio.sleep(30)
        await doors.read_doors()
        assert (await doors.read_doors())["B01"] is False
        assert bench.changes[-1] == ("bus0", 2, True)

    on_bench(body)


def test_a_resting_board_gets_no_pulse_but_an_urgent_look_asks_it() -> None:
    async def body(bench: Bench) -> None:
        await bench.ready()
        doors = bench.hardware.door_bus
        bench.cabinet.lay(NoAnswer(kind="no_answer", target=2))
        for _ in range(3):
            await doors.read_doors()
        assert await doors.pulse("B01") is PulseResult.NOT_SENT
        assert not bench.cable.pulses
        bench.cabinet.lift_all()
        assert (await doors.read_doors(urgent="B01"))["B01"] is False
        assert await doors.pulse("B01") is PulseResult.ACKED

    on_bench(body)


def test_a_pulled_adapter_stops_nothing_else_and_comes_back() -> None:
    async def body(bench: Bench) -> None:
        await bench.ready()
        doors = bench.hardware.door_bus
        bench.cable.pull()
        started_s = bench.loop.time()
        assert set((await doors.read_doors()).values()) == {None}
        assert await doors.pulse("A01") is PulseResult.NOT_SENT
        assert bench.loop.time() - started_s < 0.1
        assert not bench.hardware.bus_state["bus0"].up
        await asyncio.sleep(20)
        bench.cable.plugged = True
        await asyncio.sleep(3)
        assert set((await doors.read_doors()).values()) == {False}
        ups = [up for _, unit, up in bench.changes if unit is None]
        assert ups == [True, False, True]  # said once each, however often it was tried
        assert bench.cable.sent[-3].data.hex(" ").startswith("02 05 00 ff 00 00")

    on_bench(body)


def test_a_pulse_on_the_wire_when_the_adapter_goes_is_unconfirmed() -> None:
    async def body(bench: Bench) -> None:
        await bench.ready()
        pulse = asyncio.create_task(bench.hardware.door_bus.pulse("A01"))
        await bench.cable.wrote.wait()
        pulled_s = bench.loop.time()
        bench.cable.pull()
        assert await pulse is PulseResult.UNCONFIRMED
        assert bench.loop.time() - pulled_s < 0.1  # nobody waits for an answer that cannot come

    on_bench(body)


def test_a_cancelled_caller_leaves_the_wire_in_order() -> None:
    async def body(bench: Bench) -> None:
        await bench.ready()
        owner = _owner(bench)
        busy = asyncio.create_task(owner.call(Priority.SENSOR, 3, xy_md02.read_both()))
        await bench.cable.wrote.wait()
        waiting = asyncio.create_task(owner.call(Priority.OPEN, 1, waveshare_relay.pulse(3, 400)))
        await asyncio.sleep(0.001)
        busy.cancel()
        waiting.cancel()
        assert None not in (await bench.hardware.door_bus.read_doors()).values()
        assert not bench.cable.pulses  # what had not left yet never leaves

    on_bench(body)


def test_a_babbling_line_is_opened_afresh() -> None:
    async def body(bench: Bench) -> None:
        await bench.ready()
        bench.cabinet.lay(NoAnswer(kind="no_answer", target=1))

        async def babble() -> None:
            while bench.cable.connects == 1:
                bench.cable.say(b"\x55")
                await asyncio.sleep(0.1)

        noise = asyncio.create_task(babble())
        await bench.hardware.door_bus.read_doors(urgent="A01")
        read = asyncio.create_task(bench.hardware.door_bus.read_doors())
        await asyncio.wait_for(noise, 20)
        await read
        assert bench.cable.connects == 2

    on_bench(body)


def test_the_supply_gets_one_pulse_at_a_time() -> None:
    async def body(bench: Bench) -> None:
        await bench.ready()
        doors = bench.hardware.door_bus
        await asyncio.gather(doors.pulse("A01"), doors.pulse("B01"), doors.pulse("A02"))
        times = [s.at_s for s in bench.cable.pulses]
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert all(gap >= 0.4 + 0.15 for gap in gaps)

    on_bench(body)


def test_polarity_is_the_compartments() -> None:
    async def body(bench: Bench) -> None:
        part = bench.config.compartment[0].model_copy(update={"open_level": 0})
        rest = bench.config.compartment[1:]
        bench.config = bench.config.model_copy(update={"compartment": (part, *rest)})
        bench.hardware = bench.build()
        task = asyncio.create_task(bench.hardware.run())
        doors = await bench.hardware.door_bus.read_doors()
        assert [label for label, is_open in doors.items() if is_open] == ["A01"]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    on_bench(body)


def test_nothing_is_sent_while_the_port_is_away() -> None:
    async def body(bench: Bench) -> None:
        await bench.ready()
        bench.cable.pull()
        await asyncio.sleep(0.1)
        with pytest.raises(NotSentError, match="bus0"):
            await _owner(bench).call(Priority.SENSOR, 3, xy_md02.read_both())

    on_bench(body)


def _as_gateway(bench: Bench) -> "asyncio.Task[None]":
    section = bench.config.bus[0].model_copy(update={"port": "tcp://gateway:502"})
    bench.config = bench.config.model_copy(update={"bus": (section,)})
    bench.cable.gateway = True
    bench.hardware = bench.build()
    return asyncio.create_task(bench.hardware.run())


async def _stop(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_a_dead_board_behind_a_gateway_does_not_cost_the_connection() -> None:
    async def body(bench: Bench) -> None:
        task = _as_gateway(bench)
        doors = bench.hardware.door_bus
        assert set((await doors.read_doors()).values()) == {False}
        connects = bench.cable.connects
        bench.cabinet.lay(NoAnswer(kind="no_answer", target=2))
        for _ in range(9):
            assert (await doors.read_doors(urgent="B01"))["B01"] is None
        assert (await doors.read_doors())["A01"] is False
        assert bench.cable.connects == connects
        await _stop(task)

    on_bench(body)


def test_a_gateway_that_went_silent_is_connected_to_afresh() -> None:
    async def body(bench: Bench) -> None:
        task = _as_gateway(bench)
        doors = bench.hardware.door_bus
        await doors.read_doors()
        connects = bench.cable.connects
        for unit in (1, 2):
            bench.cabinet.lay(NoAnswer(kind="no_answer", target=unit))
        for _ in range(10):
            await doors.read_doors(urgent="A01")
        await asyncio.sleep(3)
        assert bench.cable.connects == connects + 1
        await _stop(task)

    on_bench(body)


def test_a_probe_that_refuses_has_a_bad_quality_and_no_number() -> None:
    async def body(bench: Bench) -> None:
        await bench.ready()
        bench.cabinet.lay(NoAnswer(kind="no_answer", target=3))
        reading = asyncio.create_task(bench.hardware.probes[0].read())
        await bench.cable.wrote.wait()
        await asyncio.sleep(0.02)
        bench.cable.say(with_crc(bytes.fromhex("03 84 04")))
        assert await reading == ProbeReading(None, None, Quality.BAD)

    on_bench(body)


def test_background_reads_stand_back_while_a_pulse_is_expected() -> None:
    async def body(bench: Bench) -> None:
        await bench.ready()
        loop, bus = asyncio.get_running_loop(), bench.hardware.door_bus
        before = len(bench.cable.sent)
        bus.expect_pulse()
        started_s = loop.time()
        reads = [
            asyncio.create_task(_owner(bench).call(Priority.SENSOR, 3, xy_md02.read_both())),
            asyncio.create_task(bus.read_doors()),
        ]
        await asyncio.sleep(EXPECT_S / 2)
        assert len(bench.cable.sent) == before
        assert await bus.pulse("A04") is PulseResult.ACKED
        assert bench.cable.sent[before].data == PULSE_A04
        await asyncio.gather(*reads)
        late_s = [s.at_s - started_s for s in bench.cable.sent[before + 1 :]]
        assert len(late_s) >= 2
        assert min(late_s) == pytest.approx(EXPECT_S, abs=1e-3)

    on_bench(body)


def test_an_urgent_look_does_not_stand_back() -> None:
    async def body(bench: Bench) -> None:
        await bench.ready()
        bus, loop = bench.hardware.door_bus, asyncio.get_running_loop()
        bus.expect_pulse()
        started_s = loop.time()
        await bus.read_doors(urgent="A04")
        assert loop.time() - started_s < EXPECT_S

    on_bench(body)
