"""What a bad line does to frames, on every protocol where it can."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from common.kit.errors import NotFoundError
from device_sim.bus import Reply
from device_sim.faults import Fault
from device_sim.forge import FORGES
from edge.hardware.lock_drivers import SPEECHES
from firmware_protocols import kerong_cu16, kerong_cu48, modbus_rtu, qianming, wkly, xor_8a80
from firmware_protocols import waveshare_relay as relay
from firmware_protocols.errors import WireError
from firmware_protocols.lock_boards import LineProtocol, LockKind
from firmware_protocols.modbus_pdu import ExceptionReply, parse_reply
from tests.device_sim.cabinets import Rig, lock_cabinet

READ_1 = bytes.fromhex("01 02 00 00 00 08 79 CC")
SHUT_1 = modbus_rtu.encode(1, bytes.fromhex("02 01 00"))
PULSE_1_3 = bytes.fromhex("01 05 02 03 00 04 3D B1")
_FAULT: TypeAdapter[Fault] = TypeAdapter(Fault)
FRAMED: dict[LineProtocol, tuple[LockKind, Any, Any, Any]] = {
    LineProtocol.WKLY: ("wkly", wkly, wkly.read_all(), wkly.open_one(0)),
    LineProtocol.XOR_8A80: ("xor_8a80", xor_8a80, xor_8a80.read_all(), xor_8a80.open_one(0)),
    LineProtocol.KERONG_CU16: (
        "kerong_cu16", kerong_cu16, kerong_cu16.read_all(), kerong_cu16.open_one(0),
    ),
    LineProtocol.KERONG_CU48: (
        "kerong_cu48", kerong_cu48, kerong_cu48.read_all(), kerong_cu48.open_one(0),
    ),
    LineProtocol.QIANMING: ("qianming", qianming, qianming.read_doors(), qianming.open_box()),
}  # fmt: skip
every_framed = pytest.mark.parametrize("protocol", FRAMED)


def lay(rig: Rig, **fields: object) -> None:
    rig.cabinet.lay(_FAULT.validate_python(fields))


def said(replies: list[Reply]) -> bytes:
    return b"".join(reply.data for reply in replies)


def test_an_answer_to_the_next_request_is_one_behind() -> None:
    rig = Rig()
    lay(rig, kind="answer_to_next", target=1)
    assert rig.send(READ_1) == []
    rig.wait(1)
    rig.cabinet.lift_all()
    first, second = rig.send("02 02 00 00 00 08 79 FF")
    assert (first.data, second.data[0]) == (SHUT_1, 2)
    assert first.ends_s <= second.starts_s


def test_at_most_so_many_answers_in_a_row_are_one_behind() -> None:
    rig = Rig()
    lay(rig, kind="answer_to_next", target=1, most_in_a_row=2)
    counts = []
    for _ in range(6):
        counts.append(len(rig.send(READ_1)))
        rig.wait(1)
    assert counts == [0, 1, 2, 0, 1, 2]


def test_what_an_adapter_hands_over_in_bursts_keeps_its_order() -> None:
    rig = Rig()
    lay(rig, kind="answer_to_next", target=1)
    assert rig.send(READ_1) == []
    rig.wait(1)
    rig.cabinet.lift_all()
    lay(rig, kind="split_answer", target=1, burst_bytes=2, pause_s=0.016)
    first, second = rig.send(READ_1)
    assert (first.burst_bytes, second.burst_bytes) == (2, 2)
    (third,) = rig.send(READ_1)
    assert first.ends_s <= second.starts_s + 1e-9
    assert second.ends_s <= third.starts_s + 1e-9


def test_answers_come_in_bursts() -> None:
    rig = Rig()
    lay(rig, kind="split_answer", target=1, burst_bytes=4, pause_s=0.01)
    (reply,) = rig.send(READ_1)
    pieces = list(reply.bursts())
    assert [piece for _, piece in pieces] == [SHUT_1[:4], SHUT_1[4:]]
    assert pieces[0][0] == pytest.approx(reply.starts_s + 4 * reply.character_s)
    assert pieces[1][0] == pytest.approx(reply.starts_s + 6 * reply.character_s + 0.01)
    assert reply.ends_s == pieces[1][0]
    assert reply.arrives_s(1) == pieces[0][0]


def test_garbage_is_drawn_from_its_seed() -> None:
    def heard(seed: int) -> bytes:
        rig = Rig()
        lay(rig, kind="garbage", target=1, before=5, after=2, seed=seed)
        return said(rig.send(READ_1))

    assert heard(1)[5:-2] == SHUT_1
    assert heard(1) == heard(1) != heard(2)


@pytest.mark.parametrize("most_bits", [1, 3])
def test_bits_turn_over_at_most_so_many(most_bits: int) -> None:
    rig = Rig()
    lay(rig, kind="bit_flips", target="bus0", rate=0.5, most_bits=most_bits)
    for _ in range(20):
        wrong = int.from_bytes(said(rig.send(READ_1)), "big") ^ int.from_bytes(SHUT_1, "big")
        assert wrong.bit_count() == most_bits
        with pytest.raises(WireError):
            modbus_rtu.decode((int.from_bytes(SHUT_1, "big") ^ wrong).to_bytes(6, "big"))
        rig.wait(0.1)


def test_flips_towards_the_boards_keep_them_from_obeying() -> None:
    rig = Rig()
    lay(rig, kind="bit_flips", target="bus0", rate=1, most_bits=1, direction="requests")
    assert rig.send(PULSE_1_3) == []
    assert rig.cabinet.witness.pulses == []


def test_a_share_hits_some() -> None:
    rig = Rig()
    lay(rig, kind="garbage", target=1, share=0.5)
    lay(rig, kind="bit_flips", target="bus0", share=0.2, rate=1, most_bits=1)
    sizes = []
    for _ in range(60):
        sizes.append(len(said(rig.send(READ_1))))
        rig.wait(0.1)
    assert {6, 9} == set(sizes)
    assert 15 < sizes.count(9) < 45


@pytest.mark.parametrize("instead", [True, False])
def test_another_units_frame_has_a_right_checksum(instead: bool) -> None:
    rig = Rig()
    lay(rig, kind="foreign_frame", target=1, by=7, instead=instead)
    foreign = modbus_rtu.encode(8, bytes.fromhex("02 01 00"))
    assert said(rig.send(READ_1)) == foreign + (b"" if instead else SHUT_1)


@pytest.mark.parametrize("instead", [True, False])
def test_another_functions_frame_has_a_right_checksum(instead: bool) -> None:
    rig = Rig()
    lay(rig, kind="foreign_function", target=1, instead=instead)
    foreign = modbus_rtu.encode(1, bytes.fromhex("01 01 00"))
    assert said(rig.send(READ_1)) == foreign + (b"" if instead else SHUT_1)


def test_of_several_forged_frames_each_has_a_right_checksum() -> None:
    """Forged out of two frames in a row, a checksum would be wrong by what the forging changed."""
    rig = Rig()
    lay(rig, kind="foreign_frame", target=1, by=7, instead=False)
    for seed in (1, 2):
        lay(rig, kind="foreign_function", target=1, instead=False, seed=seed)
    stranger = modbus_rtu.encode(8, bytes.fromhex("02 01 00"))
    other = modbus_rtu.encode(1, bytes.fromhex("01 01 00"))
    assert said(rig.send(READ_1)) == other + other + stranger + SHUT_1


def test_an_echo_is_what_was_sent() -> None:
    rig = Rig()
    lay(rig, kind="local_echo", target="bus0")
    echo, reply = rig.send(READ_1)
    assert (echo.data, echo.is_echo, reply.data) == (READ_1, True, SHUT_1)
    (alone,) = rig.send("09 02 00 00 00 08 78 84")
    assert alone.is_echo


def test_two_boards_with_one_address_both_obey_and_talk_over_each_other() -> None:
    rig = Rig()
    lay(rig, kind="same_address", target=1, other=2)
    (reply,) = rig.send(PULSE_1_3)
    assert reply.data != PULSE_1_3
    assert [(one.board, one.channel) for one in rig.cabinet.witness.pulses] == [(1, 3), (2, 3)]
    rig.wait(1)
    assert rig.send("02 02 00 00 00 08 79 FF") == []
    assert len(rig.send("03 04 00 01 00 02 21 E9")) == 1


def test_a_busy_board_says_so_and_does_not_obey() -> None:
    rig = Rig()
    lay(rig, kind="busy", target=1, code=4)
    reply = parse_reply(modbus_rtu.decode(said(rig.send(PULSE_1_3))).pdu)
    assert isinstance(reply, ExceptionReply)
    assert reply.code == 4
    assert len(rig.send("02 02 00 00 00 08 79 FF")) == 1
    assert rig.cabinet.witness.pulses == []


@pytest.mark.parametrize(
    ("place", "at"), [("before", 0), ("middle", 3), ("after", 6)], ids=["before", "middle", "after"]
)
def test_an_unasked_frame_stands_beside_or_in_an_answer(place: str, at: int) -> None:
    rig = Rig()
    lay(rig, kind="unsolicited", target=1, place=place)
    heard = said(rig.send(READ_1))
    assert heard[:at] + heard[at + 6 :] == SHUT_1
    assert modbus_rtu.decode(heard[at : at + 6]).unit == 8


@every_framed
@pytest.mark.parametrize("fault", ["foreign_frame", "foreign_function"])
def test_forged_frames_are_sound_and_answer_nothing(protocol: LineProtocol, fault: str) -> None:
    kind, codec, read, opening = FRAMED[protocol]
    forge = FORGES[protocol]
    for request in (read, opening):
        asked = codec.encode(1, request)
        rig = Rig(lock_cabinet(kind))
        lay(rig, kind=fault, target=1)
        heard = said(rig.send(asked))
        assert forge.is_sound(heard)
        # the answer to a 千鸣 opening names no box: nobody can tell it from another board's
        if (kind, request, fault) != ("qianming", opening, "foreign_frame"):
            assert codec.pick_answer(asked, heard) == (b"", None)


@every_framed
def test_a_busy_lock_board_does_not_obey(protocol: LineProtocol) -> None:
    kind, codec, read, opening = FRAMED[protocol]
    rig = Rig(lock_cabinet(kind))
    lay(rig, kind="busy", target=1)
    for request in (read, opening):
        asked = codec.encode(1, request)
        heard = said(rig.send(asked))
        if heard:
            _, answer = codec.pick_answer(asked, heard)
            assert answer is None or codec.refusal(answer)
        rig.wait(2)
    assert rig.cabinet.witness.pulses == []


@every_framed
def test_a_twin_of_a_lock_board_obeys_too(protocol: LineProtocol) -> None:
    kind, codec, _, opening = FRAMED[protocol]
    made = lock_cabinet(kind)
    twin = made.board[0].model_copy(update={"unit": 17 if kind == "qianming" else 2})
    rig = Rig(made.model_copy(update={"board": (*made.board, twin)}))
    lay(rig, kind="same_address", target=1, other=twin.unit)
    rig.send(codec.encode(1, opening))
    assert [one.board for one in rig.cabinet.witness.pulses] == [1, twin.unit]


def test_every_protocol_has_its_forge() -> None:
    assert set(FORGES) == set(SPEECHES)


def test_news_of_a_wkly_board_in_the_middle() -> None:
    rig = Rig(lock_cabinet("wkly"))
    lay(rig, kind="unsolicited", target=1, place="before")
    asked = wkly.encode(1, wkly.read_all())
    heard = said(rig.send(asked))
    assert [wkly.parse_answer(one)[1].command for one in wkly.frames(heard).frames] == [
        wkly.Command.MOVED,
        wkly.Command.READ_ALL,
    ]


def test_what_cannot_be_is_refused() -> None:
    rig = Rig()
    for target in ({"target": 9}, {"target": 1, "other": 9}):
        with pytest.raises(NotFoundError):
            lay(rig, kind="same_address", **({"other": 2} | target))
    with pytest.raises(NotFoundError):
        lay(rig, kind="local_echo", target="bus7")
    for wrong in (
        {"kind": "same_address", "target": 1, "other": 1},
        {"kind": "foreign_frame", "target": 1, "by": 0},
        {"kind": "bit_flips", "target": "bus0", "rate": 2},
    ):
        with pytest.raises(ValidationError):
            lay(rig, **wrong)


def test_a_gateway_passes_on_sound_frames_of_the_unit_alone() -> None:
    from device_sim.tcp_port import _passed_on

    wild = b"\x07" + modbus_rtu.encode(2, b"\x02\x01\x00") + SHUT_1 + b"\x55"
    assert _passed_on(Reply(0, wild, 0.001), 1) == b"\x02\x01\x00"
    assert _passed_on(Reply(0, wild[:-4], 0.001), 1) is None
    assert _passed_on(Reply(0, PULSE_1_3, 0.001, is_echo=True), 1) is None


def test_the_pulse_of_the_relay_board_is_known() -> None:
    assert modbus_rtu.encode(1, relay.pulse(3, 400).pdu()) == PULSE_1_3
