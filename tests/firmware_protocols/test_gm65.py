"""GM65 scanners: the published frames in both directions, and codes that strangers wrote."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_protocols import gm65
from firmware_protocols.errors import RangeError, WireError
from firmware_protocols.gm65 import Code, Command, Heard, Mode, Order, Parser, Reply, Unreadable
from tests.firmware_protocols.vectors import FRAMES

FILE = json.loads((FRAMES / "gm65.json").read_text(encoding="utf-8"))
DONE = bytes.fromhex("02 00 00 01 00 33 31")


def named(row: dict[str, Any]) -> str:
    return str(row["name"])


@pytest.mark.parametrize("row", FILE["commands"], ids=named)
def test_commands_on_the_wire(row: dict[str, Any]) -> None:
    wire = bytes.fromhex(row["frame"])
    assert getattr(gm65, row["call"])(*row["args"]) == wire
    assert gm65.encode(gm65.parse_command(wire)) == wire


@pytest.mark.parametrize("row", FILE["unchecked"], ids=named)
def test_commands_that_others_send(row: dict[str, Any]) -> None:
    command = Command(Order(row["order"]), row["zone"], bytes.fromhex(row["data"]))
    assert gm65.parse_command(bytes.fromhex(row["frame"])) == command


@pytest.mark.parametrize("row", FILE["replies"], ids=named)
def test_replies_off_the_wire(row: dict[str, Any]) -> None:
    wire, data = bytes.fromhex(row["frame"]), bytes.fromhex(row["data"])
    assert Parser().feed(wire) == [Reply(data, beat=row["beat"])]
    assert gm65.answer(data, beat=row["beat"]) == wire


@pytest.mark.parametrize("end", [b"\r\n", b"\r", b"\n"])
def test_a_line_is_a_code(end: bytes) -> None:
    assert Parser().feed(b"LG1ABC" + end + end) == [Code("LG1ABC")]


def test_without_a_line_end_silence_ends_a_code() -> None:
    subject = Parser()
    assert subject.feed(b"LG1ABC") == []
    assert subject.pending
    assert subject.idle() == [Code("LG1ABC")]
    assert not subject.pending
    assert subject.idle() == []


def test_an_answer_in_the_middle_of_a_code() -> None:
    for cut in range(7):
        assert Parser().feed(b"ABCDEF"[:cut] + DONE + b"ABCDEF"[cut:] + b"\r\n") == [
            Reply(b"\x00"),
            Code("ABCDEF"),
        ]


def test_half_an_answer_is_a_strangers_code_once_it_is_silent() -> None:
    for cut in range(1, len(DONE)):
        subject = Parser()
        assert subject.feed(DONE[:cut]) == []
        assert subject.pending
        assert subject.idle() == [Unreadable(cut)]


@pytest.mark.parametrize(
    "line",
    [
        DONE[:-1] + b"\x00",  # the checksum is wrong
        b"\x02\x01\x00",
        b"\x02\x00\x01",
        "二维码".encode(),
        "二维码".encode("gbk"),
        b"A\x00B",
        b"A\x1b[2J",
        b"\x7f",
    ],
)
def test_what_is_not_printable_is_said_to_be_unreadable(line: bytes) -> None:
    assert Parser().feed(line + b"\r\n") == [Unreadable(len(line))]


def test_the_longest_code_and_one_byte_more() -> None:
    longest = "A" * gm65.LONGEST_CODE_BYTES
    subject = Parser()
    assert subject.feed(longest.encode() + b"\r\n") == [Code(longest)]
    assert subject.feed(longest.encode() + b"B\r\nC\r\n") == [Unreadable(513), Code("C")]


def test_a_flood_without_an_end_takes_no_memory() -> None:
    subject = Parser()
    for _ in range(100):
        assert subject.feed(b"A" * 1000) == []
    assert len(subject._line) == gm65.LONGEST_CODE_BYTES
    assert subject.idle() == [Unreadable(100_000)]


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\x7e",
        gm65.save()[:-1],
        gm65.save() + b"\x00",
        gm65.save()[:-1] + b"\x00",
        b"\x7e\x01" + gm65.save()[2:],
        bytes.fromhex("7E 00 01 01 00 00 00 AB CD"),  # an order that nobody knows
        bytes.fromhex("7E 00 08 00 00 00 AB CD AB"),  # nothing to write
    ],
)
def test_what_is_no_command(frame: bytes) -> None:
    with pytest.raises(WireError):
        gm65.parse_command(frame)


def test_commands_are_found_among_noise() -> None:
    wire = gm65.read_zone(0)
    found = gm65.commands(b"\x00" + wire + b"\x7e" + wire + wire[:3])
    assert found.frames == (wire, wire)
    assert found.rest == wire[:3]


@pytest.mark.parametrize("value", [-1, 256])
def test_a_value_that_is_no_byte(value: int) -> None:
    with pytest.raises(RangeError):
        gm65.write_zone(0, value)


@pytest.mark.parametrize(
    "command", [Command(Order.WRITE, 0x10000, b"\x00"), Command(Order.WRITE, 0, b"")]
)
def test_what_fits_no_frame(command: Command) -> None:
    with pytest.raises(RangeError):
        gm65.encode(command)


def test_settings_leave_the_other_bits_alone() -> None:
    assert gm65.mode_setting(Mode.INDUCTION).of(0b1101_0110) == 0b1101_0111
    assert gm65.SCANNERS["gm65"].tail.of(0b0111_0001) == 0b0011_0001
    closed = gm65.SCANNERS["gm65"].closed
    assert closed is not None
    assert closed.of(0b01) == 0b11


texts = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=60)
frames = st.builds(gm65.answer, st.binary(min_size=1, max_size=8), beat=st.booleans())
pieces = st.one_of(texts.map(lambda text: text.encode() + b"\r\n"), frames)


def heard(chunks: list[bytes]) -> list[Heard]:
    subject = Parser()
    return [one for chunk in chunks for one in subject.feed(chunk)] + subject.idle()


@given(st.lists(pieces, max_size=8), st.integers(1, 7))
def test_cut_anywhere_the_same_comes_out(sent: list[bytes], step: int) -> None:
    stream = b"".join(sent)
    cut = [stream[place : place + step] for place in range(0, len(stream), step)]
    whole = heard([stream])
    assert heard(cut) == whole
    assert len(whole) == len(sent)


@given(st.lists(st.binary(max_size=300), max_size=6))
def test_rubbish_raises_nothing_and_fills_nothing(chunks: list[bytes]) -> None:
    subject = Parser()
    for chunk in chunks:
        for one in subject.feed(chunk):
            if isinstance(one, Code):
                assert 0 < len(one.text) <= gm65.LONGEST_CODE_BYTES
                assert one.text.isascii()
                assert one.text.isprintable()
        assert len(subject._line) <= gm65.LONGEST_CODE_BYTES
        assert len(subject._head) <= 261
    subject.idle()
    assert not subject.pending
    gm65.commands(b"".join(chunks))


@given(
    st.builds(
        Command,
        st.sampled_from(Order),
        st.integers(0, 0xFFFF),
        st.binary(min_size=1, max_size=255),
    )
)
def test_every_command_comes_through(command: Command) -> None:
    wire = gm65.encode(command)
    assert gm65.parse_command(wire) == command
    assert gm65.commands(wire[:5]).rest == wire[:5]
