"""Finding frames in a stream, whatever stands around them."""

from hypothesis import given
from hypothesis import strategies as st

from firmware_protocols.framing import LONGEST_FRAME_BYTES, split, sum_of, xor_of


def size(head: bytes) -> int | None:
    """A toy: 7E, length of the whole frame, …, XOR."""
    if head[0] != 0x7E:
        return 0
    if len(head) < 2:
        return None
    return head[1] if head[1] >= 3 else 0


def sound(frame: bytes) -> bool:
    return xor_of(frame) == 0


def frame_of(data: bytes) -> bytes:
    frame = bytes([0x7E, len(data) + 3]) + data
    return frame + bytes([xor_of(frame)])


def test_checksums() -> None:
    assert (xor_of(b""), xor_of(b"\x01\x03")) == (0, 2)
    assert (sum_of(b""), sum_of(b"\xff\x02")) == (0, 1)


def test_frames_between_noise_are_found_and_noise_is_counted() -> None:
    one, two = frame_of(b"a"), frame_of(b"bc")
    found = split(b"\x00" + one + b"\xff\x01" + two + b"\x09", size, sound)
    assert found.frames == (one, two)
    assert found.rest == b""
    assert found.noise_bytes == 4


def test_an_unfinished_frame_is_kept() -> None:
    one = frame_of(b"abc")
    for cut in range(1, len(one)):
        found = split(b"\x00" + one[:cut], size, sound)
        assert found.frames == ()
        assert found.rest == one[:cut]
        assert split(found.rest + one[cut:], size, sound).frames == (one,)


def test_a_frame_behind_a_false_head_is_found() -> None:
    one = frame_of(b"a")
    assert split(b"\x7e\x40" + one, size, sound).frames == (one,)


def test_a_head_that_never_ends_is_given_up() -> None:
    stream = b"\x7e\xff" + bytes(LONGEST_FRAME_BYTES)
    found = split(stream, lambda head: None if head[0] == 0x7E else 0, sound)
    assert len(found.rest) == LONGEST_FRAME_BYTES


@given(st.lists(st.binary(max_size=20), max_size=6), st.integers(1, 7))
def test_cut_anywhere_the_same_frames_come_out(datas: list[bytes], step: int) -> None:
    stream = b"".join(map(frame_of, datas))
    rest = b""
    found: list[bytes] = []
    for place in range(0, len(stream), step):
        pieces = split(rest + stream[place : place + step], size, sound)
        rest = pieces.rest
        found += pieces.frames
    assert found == [frame_of(data) for data in datas]
