"""Messages of released versions parse for ever, and bytes that are hashed or signed never change.

A new event type or replica table needs its `tests/golden/*.v1.json`; existing files are never edited.
"""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from common.contract import protocol
from common.contract.base import Message
from common.contract.chain import Link, next_link
from common.contract.digest import EMPTY, moved, row_hash, segment_of
from common.contract.events import EVENT_TYPES, StationStarted
from common.contract.replica import REPLICA_TABLES, CommandRow, row_key
from common.contract.signing import command_message

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
_MESSAGES: dict[str, type[Message]] = {
    "hello": protocol.Hello,
    "hello_answer": protocol.HelloAnswer,
    "ops_answer": protocol.OpsAnswer,
    "snapshot_page": protocol.SnapshotPage,
    "events_batch": protocol.EventsBatch,
    "events_ack": protocol.EventsAck,
}


def _load(name: str) -> str:
    return (GOLDEN / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("event_type", sorted(EVENT_TYPES))
def test_every_event_type_has_a_golden_message(event_type: str) -> None:
    text = _load(f"event.{event_type}.v1.json")
    body = EVENT_TYPES[event_type][1].model_validate_json(text)
    said = json.loads(body.model_dump_json())
    assert json.loads(text).items() <= said.items(), "a released field changed its name or meaning"


def test_a_station_may_say_where_its_doors_stand() -> None:
    text = _load("event.station.started.layout.json")
    body = StationStarted.model_validate_json(text)
    assert json.loads(body.model_dump_json()) == json.loads(text)
    older = StationStarted.model_validate_json(_load("event.station.started.v1.json"))
    assert (older.layout, older.screen, older.zones) == ((), None, ())


@pytest.mark.parametrize(
    ("part", "wrong"),
    [("column", -1), ("row", 100), ("width", 0), ("height", 101), ("column", "0")],
)
def test_a_place_outside_every_cabinet_is_refused(part: str, wrong: object) -> None:
    said = json.loads(_load("event.station.started.layout.json"))
    said["layout"][0][part] = wrong
    with pytest.raises(ValidationError):
        StationStarted.model_validate_json(json.dumps(said))


@pytest.mark.parametrize("table", sorted(REPLICA_TABLES))
def test_every_replica_table_has_a_golden_row(table: str) -> None:
    text = _load(f"row.{table}.v1.json")
    row = REPLICA_TABLES[table].model_validate_json(text)
    assert json.loads(text).items() <= json.loads(row.model_dump_json()).items()
    assert row_key(table, row) == next(iter(json.loads(text).values()))


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.v*.json")), ids=lambda path: path.name)
def test_no_golden_message_is_of_a_type_we_forgot(path: Path) -> None:
    kind, _, rest = path.name.removesuffix(".json").partition(".")
    name, _, version = rest.rpartition(".")
    assert version.startswith("v")
    assert name in (set(EVENT_TYPES) if kind == "event" else set(REPLICA_TABLES))


@pytest.mark.parametrize("event_type", sorted(EVENT_TYPES))
def test_a_newer_station_s_fields_are_ignored(event_type: str) -> None:
    text, model = _load(f"event.{event_type}.v1.json"), EVENT_TYPES[event_type][1]
    newer = json.dumps({**json.loads(text), "mood": "fine"})
    assert model.model_validate_json(newer) == model.model_validate_json(text)


def test_the_chain_is_what_it_always_was() -> None:
    for vector in json.loads(_load("chain.json")):
        before, after = vector.pop("before"), vector.pop("after")
        assert next_link(bytes.fromhex(before), Link(**vector)).hex() == after


def test_every_field_moves_the_chain() -> None:
    first = json.loads(_load("chain.json"))[0]
    before, after = bytes.fromhex(first.pop("before")), first.pop("after")
    for name, value in first.items():
        other = value + 1 if isinstance(value, int) else value + "x"
        assert next_link(before, Link(**{**first, name: other})).hex() != after, name
    assert next_link(b"\1" * 32, Link(**first)).hex() != after


def test_a_byte_that_moves_between_fields_moves_the_chain() -> None:
    fields = {"boot_epoch": 1, "seq": 1, "occurred_at_ms": 1, "v": 1, "station_id": "s"}
    one = Link(lane="ab", type="c", body="de", **fields)  # type: ignore[arg-type] # mixed on purpose
    two = Link(lane="a", type="bc", body="de", **fields)  # type: ignore[arg-type] # mixed on purpose
    assert next_link(bytes(32), one) != next_link(bytes(32), two)


def test_the_digest_is_what_it_always_was() -> None:
    digest = EMPTY
    for vector in json.loads(_load("digest.json")):
        added = row_hash(vector["table"], vector["key"], vector["body"])
        digest = moved(digest, removed=None, added=added)
        assert (added.hex(), digest.hex()) == (vector["hash"], vector["digest"])
        assert segment_of(vector["table"], vector["key"]) == vector["segment"]


def test_what_a_command_s_signature_covers_is_what_it_always_was() -> None:
    vector = json.loads(_load("command.json"))
    row = CommandRow.model_validate_json(json.dumps(vector["row"]))
    assert command_message(row, station_id=vector["station_id"]).hex() == vector["message"]


def test_every_field_that_matters_is_signed() -> None:
    row = CommandRow.model_validate_json(_load("row.command.v1.json"))
    signed = command_message(row, station_id="s")
    assert command_message(row, station_id="t") != signed
    for name, value in (
        ("command_id", "01JZ0000000000000000000099"),
        ("issued_by", "x"),
        ("issued_at_ms", 1),
        ("expires_at_ms", 1),
        ("nonce", "ff"),
        ("args", row.args.model_copy(update={"compartment": "B9"})),
        ("args", row.args.model_copy(update={"reason": "another"})),
    ):
        assert command_message(row.model_copy(update={name: value}), station_id="s") != signed, name


@pytest.mark.parametrize("name", sorted(_MESSAGES))
def test_messages_on_the_wire_keep_their_bytes(name: str) -> None:
    text = json.loads(_load("protocol.json"))[name]["text"]
    assert _MESSAGES[name].model_validate_json(text).model_dump_json() == text


def test_a_hello_that_says_nothing_of_its_time_is_still_read() -> None:
    text = json.loads(_load("protocol.json"))["hello.0.1.0"]["text"]
    hello = protocol.Hello.model_validate_json(text)
    assert (hello.clock_state, hello.time_ms) == (None, None)
    assert hello.model_dump_json(exclude_none=True) == text


def test_a_problem_says_only_what_it_knows() -> None:
    empty = protocol.Problem.model_validate_json("{}")
    assert (empty.params.head, empty.params.at) == (None, None)
    told = protocol.ProblemParams(
        head_epoch=2, head_seq=3, head_chain="ab" * 32, at_epoch=1, at_seq=9
    )
    assert told.head is not None
    assert (told.head.order, told.at) == ((2, 3), (1, 9))
