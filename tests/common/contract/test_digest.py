"""The digest of a set of rows does not care in which order they came and went."""

from hypothesis import given
from hypothesis import strategies as st

from common.contract.digest import DIGEST_BYTES, EMPTY, SEGMENTS, moved, row_hash, segment_of

_hash = st.binary(min_size=DIGEST_BYTES, max_size=DIGEST_BYTES)


def _sum(hashes: list[bytes]) -> bytes:
    digest = EMPTY
    for one in hashes:
        digest = moved(digest, removed=None, added=one)
    return digest


@given(
    st.lists(_hash, max_size=8).flatmap(
        lambda all_: st.tuples(st.just(all_), st.permutations(all_))
    )
)
def test_order_does_not_matter(pair: tuple[list[bytes], list[bytes]]) -> None:
    hashes, mixed = pair
    assert _sum(mixed) == _sum(hashes)


@given(st.lists(_hash, max_size=8), _hash, _hash)
def test_a_row_that_left_leaves_no_trace(hashes: list[bytes], old: bytes, new: bytes) -> None:
    digest = _sum(hashes)
    assert moved(moved(digest, removed=None, added=old), removed=old, added=None) == digest
    changed = moved(moved(digest, removed=None, added=old), removed=old, added=new)
    assert changed == moved(digest, removed=None, added=new)


@given(st.text(max_size=8), st.text(max_size=8))
def test_segments_are_numbers_of_keys(table: str, key: str) -> None:
    assert 0 <= segment_of(table, key) < SEGMENTS
    assert row_hash(table, key, "a") != row_hash(table, key, "b")
