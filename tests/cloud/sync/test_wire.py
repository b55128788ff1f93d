"""The quick reader of batches says what the contract's model says, about good batches and about bad ones."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cloud.sync.wire import AnyBatch, Batch, read_batch
from common.contract.protocol import EventsBatch
from common.kit.errors import InvalidError
from tests.cloud.sync.stories import batch, doors

GOOD: dict[str, Any] = json.loads(batch(doors("A1", "A2")).model_dump_json())
PLACES = (
    ("lane",), ("hole",), ("chain",), ("events",), ("after",), ("after", "chain"), ("after", "seq"),
    ("after", "boot_epoch"), ("events", 0), ("events", 1, "seq"), ("events", 0, "v"),
    ("events", 0, "type"), ("events", 0, "body"), ("events", 1, "boot_epoch"),
    ("events", 0, "occurred_at_ms"), ("events", 1, "more"), ("more",),
)  # fmt: skip
ODD: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers(-(2**60), 2**60)
    | st.sampled_from([0, 1, 1.0, -1, 2**53, 2**53 - 1, 10_000, 10_001, 253_370_764_800_000])
    | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=70)
    | st.sampled_from(["facts", "telemetry", "FACTS", "a.b", "A.b", "a\n", "", "a\0b", "ab" * 32, "\ud800"])
    | st.lists(st.integers(), max_size=2) | st.just({}) | st.just([])
)  # fmt: skip


def _plain(read: AnyBatch) -> dict[str, Any]:
    names = ("boot_epoch", "seq", "occurred_at_ms", "type", "v", "body")
    return {
        "lane": read.lane,
        "hole": read.hole,
        "chain": read.chain,
        "after": (read.after.order, read.after.chain),
        "events": [tuple(getattr(one, name) for name in names) for one in read.events],
    }


def _agree(raw: bytes) -> AnyBatch | None:
    try:
        wanted = EventsBatch.model_validate_json(raw)
    except ValidationError:
        with pytest.raises(InvalidError):
            read_batch(raw)
        return None
    read = read_batch(raw)
    assert _plain(read) == _plain(wanted)
    return read


def test_a_usual_batch_takes_the_quick_way() -> None:
    assert isinstance(_agree(json.dumps(GOOD).encode()), Batch)


@given(place=st.sampled_from(PLACES), value=ODD)
def test_both_agree_about_every_value_at_every_place(
    place: tuple[str | int, ...], value: object
) -> None:
    message: Any = json.loads(json.dumps(GOOD))
    inside = message
    for step in place[:-1]:
        inside = inside[step]
    inside[place[-1]] = value
    _agree(json.dumps(message).encode())


@given(place=st.sampled_from([one for one in PLACES if one[-1] != "more"]))
def test_both_agree_about_what_is_missing(place: tuple[str | int, ...]) -> None:
    message: Any = json.loads(json.dumps(GOOD))
    inside = message
    for step in place[:-1]:
        inside = inside[step]
    del inside[place[-1]]
    _agree(json.dumps(message).encode())


def test_what_is_no_text_in_an_unknown_field_is_refused() -> None:
    good = json.dumps(GOOD).encode()
    assert _agree(good[:-1] + b', "more": "\xff"}') is None


@given(st.binary(max_size=60), st.integers(0, 200))
def test_both_agree_about_noise(noise: bytes, at: int) -> None:
    good = json.dumps(GOOD).encode()
    _agree(noise)
    _agree(good[:at] + noise + good[at + len(noise) :])
    _agree(good + noise)


@pytest.mark.parametrize("count", [0, 1, 500, 501])
def test_both_agree_about_how_many_events_travel(count: int) -> None:
    _agree(json.dumps(GOOD | {"events": GOOD["events"][:1] * count}).encode())


def test_a_long_body_is_still_read() -> None:
    for size in (512 * 1024, 512 * 1024 + 1):
        event = GOOD["events"][0] | {"body": "x" * size}
        _agree(json.dumps(GOOD | {"events": [event]}).encode())
