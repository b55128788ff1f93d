"""RDM6300: frames in both directions, noise, single bytes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_protocols import rdm6300
from firmware_protocols.errors import RangeError
from tests.firmware_protocols.vectors import FRAMES

ROWS = json.loads((FRAMES / "rdm6300.json").read_text(encoding="utf-8"))["cards"]
cards = st.binary(min_size=5, max_size=5).map(lambda raw: raw.hex().upper())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_frames_in_both_directions(row: dict[str, str]) -> None:
    wire = bytes.fromhex(row["frame"])
    assert rdm6300.encode(row["card"]) == wire
    assert rdm6300.Parser().feed(wire) == [row["card"]]


@given(
    st.lists(cards, max_size=4),
    st.integers(1, 9),
    st.sampled_from([b"", b"\x00", b"\x02\x02", b"\x03"]),
)
def test_cut_anywhere_with_noise_between(held: list[str], step: int, noise: bytes) -> None:
    stream = b"".join(noise + rdm6300.encode(card) for card in held)
    subject = rdm6300.Parser()
    seen = [
        card
        for place in range(0, len(stream), step)
        for card in subject.feed(stream[place : place + step])
    ]
    assert seen == held


@given(cards, st.integers(0, 13), st.integers(1, 255))
def test_one_damaged_byte_is_no_other_card(card: str, place: int, change: int) -> None:
    wire = bytearray(rdm6300.encode(card))
    wire[place] ^= change
    # the same digit in small letters is the same number
    assert rdm6300.Parser().feed(bytes(wire)) in ([], [card])


@given(st.lists(st.binary(max_size=100), max_size=6))
def test_rubbish_raises_nothing_and_fills_nothing(chunks: list[bytes]) -> None:
    subject = rdm6300.Parser()
    for chunk in chunks:
        for card in subject.feed(chunk):
            assert len(bytes.fromhex(card)) == 5
        assert subject.pending_bytes < 14


@pytest.mark.parametrize("card", ["", "0100ABCDE", "0100ABCDEG", "01 0ABCDEF"])
def test_what_is_no_card(card: str) -> None:
    with pytest.raises(RangeError):
        rdm6300.encode(card)
