"""The text of a QR code: one spelling for one grant, and nothing else is read."""

import base64
import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.contract.qr import (
    CHARS_MAX,
    CHILD_PREFIX,
    PARCELS_MAX,
    PREFIX,
    QrGrant,
    decode,
    encode,
    key_message,
)
from common.kit.errors import InvalidError
from common.kit.identity import verify
from common.kit.ids import id_bytes, id_text

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
ids = st.binary(min_size=16, max_size=16).map(id_text)
grants = st.builds(
    QrGrant, st.integers(0, 65_535), ids, ids, st.integers(0, 2**32 - 1), st.integers(0, 2**63),
    st.lists(ids, max_size=PARCELS_MAX).map(tuple), st.none() | ids,
)  # fmt: skip
signatures = st.binary(min_size=64, max_size=64)
STATION = "01JABCDEFGHJKMNPQRSTVWXYZ0"
ONE = QrGrant(1, STATION, STATION, 3600, 10**12, (STATION,))


@given(grant=grants, signature=signatures)
def test_what_is_written_is_read(grant: QrGrant, signature: bytes) -> None:
    text = encode(grant, signature)
    assert decode(text) == (grant, signature)
    assert decode(f" {text.lower()}\n") == (grant, signature)
    assert len(text) <= CHARS_MAX
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


@given(
    text=st.one_of(
        st.text(max_size=500),
        st.builds(
            lambda prefix, content: prefix + base64.b32encode(content).decode().rstrip("="),
            st.sampled_from([PREFIX, CHILD_PREFIX]), st.binary(max_size=300),
        ),
    )
)  # fmt: skip
def test_nothing_else_is_read(text: str) -> None:
    with suppress(InvalidError):
        grant, signature = decode(text)
        assert encode(grant, signature) == text.strip().upper()


@pytest.mark.parametrize("one", [ONE, replace(ONE, parent_id=STATION)])
def test_a_changed_letter_is_another_message_or_no_code(one: QrGrant) -> None:
    text = encode(one, bytes(64))
    for at in range(len(text)):
        changed = text[:at] + ("B" if text[at] != "B" else "C") + text[at + 1 :]
        try:
            grant, signature = decode(changed)
        except InvalidError:
            continue
        assert (grant.message(), signature) != (one.message(), bytes(64))


@pytest.mark.parametrize("ulid", ["", "01", "8" + "0" * 25, "0" * 25 + "U", "0" * 27])
def test_what_is_no_ulid_has_no_bytes(ulid: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        id_bytes(ulid)


def test_a_code_of_a_released_hub_is_read_for_ever() -> None:
    """The golden text, key row and command key were made once and are never edited."""
    said = json.loads((GOLDEN / "qr.json").read_text(encoding="utf-8"))
    row = json.loads((GOLDEN / "row.grant_key.v1.json").read_text(encoding="utf-8"))
    grant, signature = decode(said["text"])
    assert (grant.kid, grant.station_id, grant.grant_id, grant.valid_for_s, grant.not_after_ms) == (
        said["kid"], said["station_id"], said["grant_id"], said["valid_for_s"],
        said["not_after_ms"],
    )  # fmt: skip
    assert grant.parcel_ids == (said["parcel_id"],)
    public = bytes.fromhex(row["public_key"])
    assert verify(public, grant.message(), signature)
    vouched = key_message(grant.station_id, grant.kid, public)
    assert verify(bytes.fromhex(said["command_key"]), vouched, bytes.fromhex(row["signature"]))


def test_a_code_given_away_of_a_released_hub_is_read_for_ever() -> None:
    said = json.loads((GOLDEN / "qr_child.json").read_text(encoding="utf-8"))
    grant, signature = decode(said["text"])
    assert (grant.grant_id, grant.parent_id) == (said["grant_id"], said["parent_id"])
    assert grant.parcel_ids == (said["parcel_id"],)
    assert verify(bytes.fromhex(said["public_key"]), grant.message(), signature)
    orphan = replace(grant, parent_id=None)
    assert not verify(bytes.fromhex(said["public_key"]), orphan.message(), signature)
