"""The checksum against its published check value and against itself."""

from hypothesis import given
from hypothesis import strategies as st

from firmware_protocols.crc import crc16, crc_ok, with_crc


def test_published_check_value() -> None:
    assert crc16(b"123456789") == 0x4B37


def test_of_nothing_is_the_start_value() -> None:
    assert crc16(b"") == 0xFFFF


def test_too_short_is_no_frame() -> None:
    assert not crc_ok(b"\xff\xff")


@given(st.binary(min_size=1, max_size=253))
def test_what_we_sign_holds(data: bytes) -> None:
    assert crc_ok(with_crc(data))


@given(st.binary(min_size=1, max_size=64), st.data())
def test_one_wrong_bit_is_seen(data: bytes, draw: st.DataObject) -> None:
    frame = bytearray(with_crc(data))
    place = draw.draw(st.integers(0, len(frame) * 8 - 1))
    frame[place // 8] ^= 1 << place % 8
    assert not crc_ok(bytes(frame))
