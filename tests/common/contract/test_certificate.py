"""The text of a technician's certificate: one spelling, nothing else is read."""

import base64
from contextlib import suppress

import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

from common.contract.certificate import NAME_BYTES_MAX, PREFIX, Certificate, decode, encode
from common.contract.scanned import CHARS_MAX
from common.kit.errors import InvalidError
from common.kit.ids import id_text

ids = st.binary(min_size=16, max_size=16).map(id_text)
# fifteen characters of four bytes at most
names = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=15)
certificates = st.builds(
    Certificate, st.integers(0, 65_535), ids, ids, st.integers(0, 2**63), st.integers(0, 2**62),
    st.integers(0, 2**31), names,
)  # fmt: skip
ID = "01JABCDEFGHJKMNPQRSTVWXYZ0"


@given(one=certificates, signature=st.binary(min_size=64, max_size=64))
def test_what_is_written_is_read(one: Certificate, signature: bytes) -> None:
    text = encode(one, signature)
    assert decode(text) == (one, signature)
    assert decode(f" {text.lower()}\n") == (one, signature)


@given(content=st.binary(max_size=300))
def test_nothing_else_is_read(content: bytes) -> None:
    text = PREFIX + base64.b32encode(content).decode().rstrip("=")
    with suppress(InvalidError):
        assert encode(*decode(text)) == text


@pytest.mark.parametrize("name", ["", "x" * (NAME_BYTES_MAX + 1), "a\nb", "\x00"])
def test_a_certificate_names_somebody(name: str) -> None:
    with pytest.raises(InvalidError):
        decode(encode(Certificate(1, ID, ID, 1, 1, 1, name), bytes(64)))


def test_the_longest_name_is_still_read_by_a_simple_scanner() -> None:
    text = encode(Certificate(1, ID, ID, 1, 1, 1, "李" * 20), bytes(64))
    assert int(segno.make_qr(text, error="m", boost_error=False).version) <= 10


def test_what_is_of_another_kind_or_too_long_is_refused() -> None:
    text = encode(Certificate(1, ID, ID, 1, 1, 1, "李"), bytes(64))
    for wrong in ("LL1" + text[len(PREFIX) :], PREFIX + "A" * CHARS_MAX):
        with pytest.raises(InvalidError) as refused:
            decode(wrong)
        assert refused.value.key == "qr.malformed"
