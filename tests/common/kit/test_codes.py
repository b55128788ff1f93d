"""Pickup codes: hard to guess, hard to mistype into another, one tag for one code at one station."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.kit.chance import seeded_chance
from common.kit.codes import (
    Cost,
    code_verifier,
    confusable,
    hash_secret,
    is_weak_code,
    new_code,
    secret_matches,
)

DIGITS = st.text("0123456789", min_size=8, max_size=8)


@pytest.mark.parametrize(
    "code", ["00000000", "12345678", "98765432", "11112222", "48294829", "13579135", "90123456"]
)
def test_easy_codes_are_weak(code: str) -> None:
    assert is_weak_code(code)


def test_new_codes_have_eight_digits_and_are_not_weak() -> None:
    chance = seeded_chance("codes")
    codes = [new_code(chance) for _ in range(500)]
    assert all(len(c) == 8 and c.isdigit() and not is_weak_code(c) for c in codes)
    assert len(set(codes)) == 500


@given(DIGITS, st.integers(0, 7), st.sampled_from("0123456789"))
def test_one_wrong_digit_is_confusable(code: str, index: int, digit: str) -> None:
    assert confusable(code, code[:index] + digit + code[index + 1 :])


@given(DIGITS, st.integers(0, 6))
def test_one_swap_is_confusable(code: str, index: int) -> None:
    swapped = code[:index] + code[index + 1] + code[index] + code[index + 2 :]
    assert confusable(code, swapped)


def test_two_wrong_digits_are_not_confusable() -> None:
    assert not confusable("48291507", "48291576"[:6] + "65")
    assert not confusable("48291507", "18291506")


def _tag(
    *,
    pepper: bytes = b"p" * 32,
    salt: bytes = b"s" * 16,
    station: str = "A",
    code: str = "48291507",
) -> bytes:
    return code_verifier(pepper=pepper, salt=salt, station_id=station, code=code)


def test_the_tag_depends_on_code_station_pepper_and_salt() -> None:
    others = {
        _tag(pepper=b"q" * 32),
        _tag(salt=b"t" * 16),
        _tag(station="B"),
        _tag(code="48291508"),
    }
    assert len(others | {_tag()}) == 5
    assert _tag() == _tag()
    assert all(len(tag) == 16 for tag in others)


def test_secrets_match_only_themselves() -> None:
    phc = hash_secret("246810")
    assert secret_matches(phc, "246810")
    assert not secret_matches(phc, "246811")
    assert not secret_matches("not a hash", "246810")


def test_a_secret_costs_the_memory_and_rounds_asked_for() -> None:
    assert "$argon2id$v=19$m=64,t=2,p=1$" in hash_secret("246810", Cost(memory_kib=64, rounds=2))
