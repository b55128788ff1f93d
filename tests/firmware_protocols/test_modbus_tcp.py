"""MBAP frames: there and back, split at any byte, and headers that are not Modbus."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_protocols.errors import RangeError, WireError
from firmware_protocols.modbus_tcp import TcpFrame, split

frames = st.builds(
    TcpFrame, st.integers(0, 0xFFFF), st.integers(0, 0xFF), st.binary(min_size=1, max_size=253)
)


def test_published_layout() -> None:
    frame = TcpFrame(0x0001, 0x11, bytes.fromhex("03 00 6B 00 03"))
    assert frame.encode() == bytes.fromhex("0001 0000 0006 11 03 006B 0003")


@given(st.lists(frames, max_size=4), st.integers(0, 300))
def test_frames_come_back_from_any_cut(sent: list[TcpFrame], cut: int) -> None:
    stream = b"".join(frame.encode() for frame in sent)
    first, rest = split(stream[:cut])
    second, rest = split(rest + stream[cut:])
    assert [*first, *second] == sent
    assert rest == b""


def test_half_a_frame_is_kept() -> None:
    whole = TcpFrame(1, 2, b"\x02\x00\x00\x00\x08").encode()
    assert split(whole[:3]) == ((), whole[:3])
    assert split(whole[:9]) == ((), whole[:9])


@given(st.binary(max_size=600))
def test_garbage_is_refused_or_kept(garbage: bytes) -> None:
    try:
        found, rest = split(garbage)
    except WireError:
        return
    assert b"".join(frame.encode() for frame in found) + rest == garbage


@pytest.mark.parametrize("header", ["0001 0001 0006 11", "0001 0000 0001 11", "0001 0000 00FF 11"])
def test_a_header_that_is_not_modbus(header: str) -> None:
    with pytest.raises(WireError):
        split(bytes.fromhex(header))


@pytest.mark.parametrize(
    "frame",
    [
        TcpFrame(0x10000, 1, b"\x01"),
        TcpFrame(1, 256, b"\x01"),
        TcpFrame(1, 1, b""),
        TcpFrame(1, 1, bytes(254)),
    ],
)
def test_what_does_not_fit_is_not_sent(frame: TcpFrame) -> None:
    with pytest.raises(RangeError):
        frame.encode()
