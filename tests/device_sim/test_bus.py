"""The line: time of every byte, noise, silence, units that are not there, and the faults on the wire."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_sim.board import TURNAROUND_S
from device_sim.faults import LateAnswer, NoAnswer
from firmware_protocols import modbus_rtu
from firmware_protocols import waveshare_relay as relay
from firmware_protocols.modbus_pdu import EchoReply, Function
from tests.device_sim.cabinets import Rig

PULSE_1_3 = "01 05 02 03 00 04 3D B1"
READ_1 = "01 02 00 00 00 08 79 CC"
CHARACTER_S = 10 / 9600


def test_bytes_take_their_time_in_both_directions() -> None:
    rig = Rig()
    (reply,) = rig.send(PULSE_1_3)
    heard_s = 1000.0 + 8 * CHARACTER_S
    earliest = heard_s + rig.bus.gap_s + TURNAROUND_S[0]
    latest = heard_s + rig.bus.gap_s + TURNAROUND_S[1]
    assert earliest <= reply.starts_s <= latest
    assert reply.ends_s == pytest.approx(reply.starts_s + 8 * CHARACTER_S)
    assert reply.data == bytes.fromhex(PULSE_1_3)


def test_the_pulse_runs_when_its_last_byte_was_heard() -> None:
    rig = Rig()
    rig.send(PULSE_1_3)
    (pulse,) = rig.cabinet.witness.pulses
    assert pulse.at_s == pytest.approx(1000.0 + 8 * CHARACTER_S)
    assert (pulse.board, pulse.channel, pulse.ms) == (1, 3, 400)


def test_one_byte_at_a_time() -> None:
    rig = Rig()
    replies = []
    for byte in bytes.fromhex(PULSE_1_3):
        replies += rig.send(bytes([byte]))
        rig.wait(0.0005)
    assert [reply.data for reply in replies] == [bytes.fromhex(PULSE_1_3)]
    assert len(rig.cabinet.witness.pulses) == 1


@pytest.mark.parametrize("noise", ["00", "FF", "01", "01 05", "00 FF 00 55"])
def test_noise_before_a_frame(noise: str) -> None:
    rig = Rig()
    assert len(rig.send(noise + READ_1)) == 1


def test_a_frame_torn_by_silence_is_never_finished() -> None:
    rig = Rig()
    frame = bytes.fromhex(PULSE_1_3)
    assert rig.send(frame[:5]) == []
    rig.wait(5 * CHARACTER_S + rig.bus.gap_s * 1.5)
    assert rig.send(frame[5:]) == []
    assert rig.cabinet.witness.pulses == []
    rig.wait(0.1)
    assert len(rig.send(frame)) == 1


def test_a_damaged_frame_moves_nothing_and_is_not_answered() -> None:
    rig = Rig()
    assert rig.send(bytes.fromhex(PULSE_1_3)[:-1] + b"\x00") == []
    assert rig.cabinet.witness.pulses == []


@pytest.mark.parametrize("unit", [5, 9, 100, 247])
def test_a_unit_that_is_not_there_says_nothing(unit: int) -> None:
    rig = Rig()
    assert rig.ask(unit, relay.read_inputs()) is None
    assert rig.ask(unit, relay.pulse(0, 400)) is None
    assert rig.cabinet.witness.pulses == []


def test_a_broadcast_is_obeyed_by_all_and_answered_by_none() -> None:
    rig = Rig()
    assert rig.ask(0, relay.pulse(2, 300)) is None
    assert [(one.board, one.channel) for one in rig.cabinet.witness.pulses] == [(1, 2), (2, 2)]


def test_a_request_behind_another_waits_for_the_line() -> None:
    rig = Rig()
    rig.send(READ_1)
    rig.send(PULSE_1_3)
    (pulse,) = rig.cabinet.witness.pulses
    assert pulse.at_s == pytest.approx(1000.0 + 16 * CHARACTER_S)
    assert rig.bus.ahead_s(1000.0) == pytest.approx(16 * CHARACTER_S)


def test_two_answers_never_overlap() -> None:
    rig = Rig()
    rig.cabinet.lay(LateAnswer(kind="late_answer", target=1, delay_s=0.05))
    spoken = []
    for number in range(12):
        spoken += rig.send(READ_1 if number % 2 else "02 02 00 00 00 08 79 FF")
        rig.wait(0.009)
    spoken.sort(key=lambda reply: reply.starts_s)
    assert len(spoken) == 12
    assert all(one.ends_s <= other.starts_s for one, other in pairwise(spoken))


def test_a_deaf_unit_neither_acts_nor_answers() -> None:
    rig = Rig()
    rig.cabinet.lay(NoAnswer(kind="no_answer", target=1, for_s=10))
    assert rig.ask(1, relay.pulse(3, 400)) is None
    assert rig.cabinet.witness.pulses == []
    assert rig.ask(2, relay.pulse(3, 400)) is not None
    rig.wait(10)
    assert rig.ask(1, relay.pulse(3, 400)) is not None


def test_a_mute_unit_acts_and_its_answer_is_lost() -> None:
    rig = Rig()
    rig.cabinet.lay(NoAnswer(kind="no_answer", target=1, deaf=False))
    assert rig.ask(1, relay.pulse(3, 400)) is None
    assert len(rig.cabinet.witness.pulses) == 1
    assert rig.door("A04")[0]


def test_a_late_unit_acts_in_time_and_answers_late() -> None:
    rig = Rig()
    rig.cabinet.lay(LateAnswer(kind="late_answer", target=1, delay_s=0.6))
    (reply,) = rig.send(PULSE_1_3)
    assert 0.6 < reply.starts_s - 1000.0 < 0.63
    (pulse,) = rig.cabinet.witness.pulses
    assert pulse.at_s < 1000.01


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=60), max_size=6))
def test_garbage_never_breaks_the_line(chunks: list[bytes]) -> None:
    rig = Rig()
    for chunk in chunks:
        for reply in rig.send(chunk):
            modbus_rtu.decode(reply.data)
        rig.wait(0.003)
    rig.wait(1.0)
    echo = EchoReply(Function.WRITE_SINGLE_COIL, relay.FLASH_ON + 1, 4)
    assert rig.ask(1, relay.pulse(1, 400)) == echo
