"""What holds for every protocol of a line: one flipped bit is never an answer, nor is half of one."""

from dataclasses import dataclass
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_protocols import kerong_cu16, kerong_cu48, modbus_rtu, qianming, wkly, xor_8a80
from firmware_protocols.modbus_pdu import DataReply, Function, ReadRequest


@dataclass(frozen=True, slots=True)
class Talk:
    """A request and its answer as they stand on the wire."""

    name: str
    wire: ModuleType
    sent: bytes
    answer: bytes

    def picked(self, received: bytes) -> bytes:
        if self.wire is modbus_rtu:
            return modbus_rtu.pick_reply(self.sent, received)
        frame: bytes = self.wire.pick_answer(self.sent, received)[0]
        return frame


TALKS = (
    Talk(
        "modbus",
        modbus_rtu,
        modbus_rtu.encode(1, ReadRequest(Function.READ_DISCRETE_INPUTS, 0, 8).pdu()),
        modbus_rtu.encode(1, DataReply(Function.READ_DISCRETE_INPUTS, b"\x05").pdu()),
    ),
    Talk(
        "wkly",
        wkly,
        wkly.encode(0, wkly.read_all()),
        wkly.encode(0, wkly.Answer(wkly.Command.READ_ALL, bytes([0, 24, *([1] * 24)]))),
    ),
    Talk(
        "8A/80, one",
        xor_8a80,
        xor_8a80.encode(1, xor_8a80.read_one(0)),
        bytes.fromhex("80 01 01 11 91"),
    ),
    Talk(
        "8A/80, all",
        xor_8a80,
        xor_8a80.encode(1, xor_8a80.read_all()),
        bytes.fromhex("80 01 00 00 00 05 33 B7"),
    ),
    Talk(
        "kerong cu16",
        kerong_cu16,
        kerong_cu16.encode(0, kerong_cu16.read_all()),
        bytes.fromhex("02 00 35 FF FE 00 00 03 37"),
    ),
    Talk(
        "kerong cu48",
        kerong_cu48,
        kerong_cu48.encode(3, kerong_cu48.read_all()),
        bytes.fromhex("02 03 00 75 06 FE FF FF FF FF 7F F9"),
    ),
    Talk(
        "qianming",
        qianming,
        qianming.encode(1, qianming.read_doors()),
        bytes.fromhex("5A A2 00 01 00 10 01 00 E8"),
    ),
)
every_talk = pytest.mark.parametrize("talk", TALKS, ids=lambda talk: talk.name)


@every_talk
def test_the_answer_itself(talk: Talk) -> None:
    assert talk.picked(talk.answer) == talk.answer


@every_talk
def test_one_flipped_bit_is_never_an_answer(talk: Talk) -> None:
    for place in range(len(talk.answer) * 8):
        broken = bytearray(talk.answer)
        broken[place // 8] ^= 1 << place % 8
        assert talk.picked(bytes(broken)) == b"", place


@every_talk
def test_half_an_answer_is_none(talk: Talk) -> None:
    for cut in range(len(talk.answer)):
        assert talk.picked(talk.answer[:cut]) == b""


@every_talk
def test_no_answer_to_one_protocol_is_an_answer_to_another(talk: Talk) -> None:
    for other in TALKS:
        if other.wire is not talk.wire:
            assert talk.picked(other.answer) == b""


@given(st.sampled_from(TALKS), st.binary(max_size=40), st.binary(max_size=40))
def test_garbage_around_an_answer_raises_nothing(talk: Talk, before: bytes, behind: bytes) -> None:
    picked = talk.picked(before + talk.answer + behind)
    assert picked == b"" or picked in before + talk.answer + behind
    assert talk.picked(bytes(8) + talk.answer + behind) == talk.answer
