"""Serial scales: frames in both directions, noise, single bytes, and what is no weight."""

import json
from collections.abc import Callable
from typing import Any, Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_protocols import cas, mt_sics, toledo
from firmware_protocols.errors import RangeError, WireError
from firmware_protocols.framing import xor_of
from firmware_protocols.mt_sics import Answer
from firmware_protocols.toledo import Frame
from firmware_protocols.weights import SCALES, Flaw, Weight, milligrams
from tests.firmware_protocols.vectors import FRAMES

FILE = json.loads((FRAMES / "scales.json").read_text(encoding="utf-8"))
KG = Weight(12_340_000, is_stable=True)


class Parser(Protocol):
    """What the three have in common."""

    @property
    def pending_bytes(self) -> int: ...

    def feed(self, data: bytes) -> list[Any]: ...


PARSERS: dict[str, Callable[[], Parser]] = {
    "toledo": lambda: toledo.Parser(checksum=False),
    "toledo_checked": lambda: toledo.Parser(checksum=True),
    "mt_sics": mt_sics.Parser,
    "cas": cas.Parser,
}


def vectors(kind: str) -> list[tuple[str, bytes, Weight]]:
    found = []
    for row in FILE[kind]:
        wire = bytes.fromhex(row["frame"]) if "frame" in row else f"{row['line']}\r\n".encode()
        flaw = Flaw(row["flaw"]) if row["flaw"] else None
        found.append((row["name"], wire, Weight(row["gross_mg"], row["is_stable"], flaw)))
    return found


ALL = [(kind, *row) for kind in PARSERS for row in vectors(kind)]


def weights(kind: str, heard: list[Any]) -> list[Weight]:
    return [one.weight for one in heard] if kind == "mt_sics" else heard


def test_a_toledo_field_of_other_blanks_is_noise() -> None:
    subject = toledo.Parser(checksum=False)
    assert subject.feed(b"\x02\x20\x20\x20" + b"\t" * 6 + b"123456\r") == []


@pytest.mark.parametrize(("kind", "name", "wire", "weight"), ALL)
def test_published_frames(kind: str, name: str, wire: bytes, weight: Weight) -> None:
    subject = PARSERS[kind]()
    assert weights(kind, subject.feed(wire)) == [weight]
    assert subject.pending_bytes == 0


@pytest.mark.parametrize(("kind", "name", "wire", "weight"), ALL)
@pytest.mark.parametrize(
    "noise", [b"\x00", b"\xff\x00\xff", b"\r\n", b"\x06", b"\x02\x02", b"\x01"]
)
def test_byte_by_byte_with_noise_around(
    kind: str, name: str, wire: bytes, weight: Weight, noise: bytes
) -> None:
    subject = PARSERS[kind]()
    text = b"" if kind == "mt_sics" else noise  # a line that has noise in it is no answer
    stream = text + wire + text + wire + b"\r\n"
    heard = [one for byte in stream for one in subject.feed(bytes([byte]))]
    assert weights(kind, heard) == [weight, weight]


@pytest.mark.parametrize("kind", PARSERS)
@given(st.lists(st.binary(max_size=200), max_size=6))
def test_rubbish_raises_nothing_and_fills_nothing(kind: str, chunks: list[bytes]) -> None:
    subject = PARSERS[kind]()
    for chunk in chunks:
        subject.feed(chunk)
        assert subject.pending_bytes <= 256


frames = st.builds(
    Frame,
    shown=st.integers(-999_999, 999_999),
    tare=st.integers(0, 999_999),
    place=st.integers(0, 7),
    is_net=st.booleans(),
    is_moving=st.booleans(),
    is_out_of_range=st.booleans(),
    is_kg=st.booleans(),
    unit=st.integers(0, 7),
)


@given(frames, st.booleans())
def test_every_toledo_frame_comes_through(frame: Frame, checksum: bool) -> None:
    wire = toledo.encode(frame, checksum=checksum)
    assert toledo.frames(b"\x02" + wire, checksum=checksum).frames == (wire,)
    assert toledo.parse(wire) == frame


@given(st.integers(-9_999, 99_999), st.booleans())
def test_every_weight_comes_through_sics_and_cas(grams: int, is_stable: bool) -> None:
    weight = Weight(grams * 1000, is_stable)
    assert mt_sics.Parser().feed(mt_sics.encode(weight))[0].weight == weight
    if grams < 99_999:
        assert cas.Parser().feed(cas.encode(weight)) == [weight]


@pytest.mark.parametrize("flaw", [Flaw.RANGE, Flaw.UNIT])
def test_flaws_come_through(flaw: Flaw) -> None:
    weight = Weight(0, is_stable=True, flaw=flaw)
    assert cas.Parser().feed(cas.encode(weight))[0].flaw is flaw
    said = mt_sics.Parser().feed(mt_sics.encode(weight))[0].weight
    assert said is not None
    assert said.flaw is flaw


def test_a_busy_balance() -> None:
    weight = Weight(0, is_stable=False, flaw=Flaw.BUSY)
    assert mt_sics.Parser().feed(mt_sics.encode(weight)) == [Answer("S", "I", weight)]


@given(st.integers(1, 16), st.integers(1, 0x7F))
def test_the_checksum_finds_every_damage_of_one_byte(place: int, change: int) -> None:
    wire = bytearray(bytes.fromhex(FILE["toledo_checked"][0]["frame"]))
    wire[place] ^= change
    assert toledo.Parser(checksum=True).feed(bytes(wire)) == []


@pytest.mark.parametrize(
    "frame",
    [
        "02 2C 30 20 20 20 31 32 33 34 20 20 20 20 20 30 0A",  # no CR
        "02 0C 30 20 20 20 31 32 33 34 20 20 20 20 20 30 0D",  # a status byte without bit 5
        "02 AC 30 20 20 20 31 32 33 34 20 20 20 20 20 30 0D",  # eight bits: read with the wrong parity
        "02 2C 30 20 20 20 31 20 33 34 20 20 20 20 20 30 0D",  # a hole in the number
        "02 2C 30 20 20 20 31 32 33 34 20 20 20 20 41 30 0D",  # a letter in the tare
    ],
)
def test_what_is_no_toledo_frame(frame: str) -> None:
    assert toledo.Parser(checksum=False).feed(bytes.fromhex(frame)) == []


@pytest.mark.parametrize(
    "frame",
    [
        Frame(1_000_000, 0, 2),
        Frame(0, -1, 2),
        Frame(0, 1_000_000, 2),
        Frame(0, 0, 8),
        Frame(0, 0, 2, unit=8),
    ],
)
def test_what_fits_no_toledo_frame(frame: Frame) -> None:
    with pytest.raises(RangeError):
        toledo.encode(frame, checksum=False)


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b"Z A", Answer("Z", "A")),
        (b"T S   0.50 kg", Answer("T", "S")),
        (b"ES", Answer("", "ES")),
    ],
)
def test_answers_without_a_weight(line: bytes, answer: Answer) -> None:
    assert mt_sics.parse(line) == answer


@pytest.mark.parametrize(
    "line",
    [b"", b"S", b"S S 1.0", b"S S abc g", b"S S 1e3 g", b"S X 1.0 g", b"\xff", b"Z Q", b"ES 1"],
)
def test_what_is_no_answer(line: bytes) -> None:
    with pytest.raises(WireError):
        mt_sics.parse(line)
    assert mt_sics.Parser().feed(line + b"\r\nES\r\n") == [Answer("", "ES")]


def test_a_line_that_never_ends_is_given_up() -> None:
    subject = mt_sics.Parser()
    subject.feed(b"S S " + b"1" * 500)
    assert subject.pending_bytes == mt_sics.LONGEST_LINE_BYTES
    assert subject.feed(b" g\r\n") == []
    assert subject.feed(b"ES\r\n") == [Answer("", "ES")]


@pytest.mark.parametrize(
    "change",
    [(2, ord("X")), (3, ord("+")), (6, ord("a")), (8, ord(".")), (12, 0), (13, 0), (14, 0)],
)
def test_what_is_no_cas_frame(change: tuple[int, int]) -> None:
    wire = bytearray(bytes.fromhex(FILE["cas"][0]["frame"]))
    wire[change[0]] = change[1]
    if change[0] < 12:
        wire[12] = xor_of(bytes(wire[2:12]))
    assert cas.Parser().feed(bytes(wire)) == []


@pytest.mark.parametrize(
    ("number", "unit"), [("1.", "g"), ("", "g"), ("1", "t"), ("٣", "g"), ("1_0", "g")]
)
def test_what_is_no_weight(number: str, unit: str) -> None:
    with pytest.raises(WireError):
        milligrams(number, unit)


def test_every_scale_has_facts() -> None:
    assert [bool(facts.doubt) for facts in SCALES.values()] == [False, True, True]
    assert milligrams("-0.020", "kg") == -20_000
