"""The text of a capsule: one spelling, nothing else is read, and no denser than an order's code."""

import base64
import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

from common.contract.capsule import GRANTS_MAX, PREFIX, Capsule, decode, encode, is_capsule
from common.kit.errors import InvalidError
from common.kit.identity import verify
from common.kit.ids import id_text

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
ids = st.binary(min_size=16, max_size=16).map(id_text)
capsules = st.builds(
    Capsule, st.integers(0, 65_535), ids, st.integers(0, 2**63), st.integers(0, 255),
    st.integers(0, 255), st.integers(0, 2**63),
    st.lists(ids, max_size=GRANTS_MAX).map(tuple),
)  # fmt: skip
ID = "01JABCDEFGHJKMNPQRSTVWXYZ0"
ONE = Capsule(1, ID, 7, 1, 1, 10**12, (ID,))


@given(capsule=capsules, signature=st.binary(min_size=64, max_size=64))
def test_what_is_written_is_read(capsule: Capsule, signature: bytes) -> None:
    text = encode(capsule, signature)
    assert decode(text) == (capsule, signature)
    assert decode(f" {text.lower()}\n") == (capsule, signature)
    assert is_capsule(text)


@given(content=st.binary(max_size=300))
def test_nothing_else_is_read(content: bytes) -> None:
    text = PREFIX + base64.b32encode(content).decode().rstrip("=")
    with suppress(InvalidError):
        assert encode(*decode(text)) == text


@pytest.mark.parametrize("text", ["", "LR1", "LG1AAAA", "LR1 AAAA", encode(ONE, b"")[:-1]])
def test_what_is_none_is_called_so(text: str) -> None:
    with pytest.raises(InvalidError) as refused:
        decode(text)
    assert refused.value.key == "qr.malformed"


def test_a_capsule_never_ends_more_than_fits() -> None:
    with pytest.raises(InvalidError):
        decode(encode(replace(ONE, grant_ids=(ID,) * (GRANTS_MAX + 1)), bytes(64)))


def test_a_full_capsule_is_no_denser_than_the_densest_code_of_an_order() -> None:
    text = encode(replace(ONE, grant_ids=(ID,) * GRANTS_MAX), bytes(64))
    assert int(segno.make_qr(text, error="m", boost_error=False).version) <= 10


def test_a_capsule_of_a_released_hub_is_read_for_ever() -> None:
    said = json.loads((GOLDEN / "capsule.json").read_text(encoding="utf-8"))
    capsule, signature = decode(said["text"])
    assert (capsule.station_id, capsule.epoch, capsule.part, capsule.parts) == (
        said["station_id"], said["epoch"], said["part"], said["parts"],
    )  # fmt: skip
    assert (capsule.expires_at_ms, list(capsule.grant_ids)) == (
        said["expires_at_ms"], said["grant_ids"],
    )  # fmt: skip
    assert verify(bytes.fromhex(said["public_key"]), capsule.message(), signature)
