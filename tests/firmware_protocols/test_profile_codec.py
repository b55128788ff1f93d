"""The rules of a profile, on a device made up for each of them."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from common.kit.config import load_toml
from common.kit.errors import ConfigError
from firmware_protocols import profile_codec
from firmware_protocols.errors import RangeError, WireError
from firmware_protocols.modbus_pdu import (
    DataReply,
    EchoReply,
    ExceptionReply,
    Function,
    ReadRequest,
    WriteManyRequest,
    WriteOneRequest,
    pack_registers,
)
from firmware_protocols.profile import Point, Profile, Table
from firmware_protocols.quality import Quality

ABOUT = {
    "name_zh": "试", "name_en": "Test", "maker": "Nobody", "family": "controller",
    "page": "x.md", "source": "made up for a test",
}  # fmt: skip
AIR = {"id": "air", "role": "air_temperature", "address": 10, "unit": "°C", "scale": 0.1}
STATE = {"id": "state", "role": "state", "address": 0, "type": "u16"}


def profile(*points: dict[str, Any], **read: int) -> Profile:
    return Profile.model_validate({"device": ABOUT, "read": read, "point": points})


def at(address: int, **more: Any) -> dict[str, Any]:
    return STATE | {"id": f"at_{address}", "address": address} | more


def asked(subject: Profile) -> list[tuple[int, int]]:
    return [(one.address, one.count) for one in profile_codec.plan(subject)]


def value_of(point: dict[str, Any], *words: int) -> Any:
    subject = profile(point, max_registers=2)
    (request,) = profile_codec.plan(subject)
    reply = DataReply(request.function, pack_registers(words))
    found = profile_codec.readings(subject, profile_codec.image(request, reply))
    return found[point["id"]].value


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, [(0, 1), (1, 1), (2, 1), (4, 1), (9, 1)]),
        ({"max_registers": 2}, [(0, 2), (2, 1), (4, 1), (9, 1)]),
        ({"max_registers": 8}, [(0, 3), (4, 1), (9, 1)]),
        ({"max_registers": 8, "max_hole": 1}, [(0, 5), (9, 1)]),
        ({"max_registers": 8, "max_hole": 4}, [(0, 5), (9, 1)]),
        ({"max_registers": 10, "max_hole": 4}, [(0, 10)]),
    ],
)
def test_reads_are_grouped_as_far_as_the_limits_let(
    limits: dict[str, int], expected: list[tuple[int, int]]
) -> None:
    assert asked(profile(*(at(n) for n in (4, 0, 9, 2, 1)), **limits)) == expected


def test_a_wide_point_is_never_cut() -> None:
    wide = {"id": "e", "role": "energy", "unit": "kWh", "address": 2, "type": "u32"}
    assert asked(profile(at(0), at(1), wide, max_registers=3)) == [(0, 2), (2, 2)]


def test_tables_are_asked_one_by_one() -> None:
    def flag(table: str, address: int) -> dict[str, Any]:
        return {
            "id": f"{table}_{address}", "role": "fan", "table": table, "type": "bit",
            "address": address,
        }  # fmt: skip

    subject = profile(
        at(3), at(4, table="input"), flag("coil", 1), flag("coil", 2), flag("discrete", 1),
        max_bits=8,
    )  # fmt: skip
    assert profile_codec.plan(subject) == (
        ReadRequest(Function.READ_COILS, 1, 2),
        ReadRequest(Function.READ_DISCRETE_INPUTS, 1, 1),
        ReadRequest(Function.READ_INPUT_REGISTERS, 4, 1),
        ReadRequest(Function.READ_HOLDING_REGISTERS, 3, 1),
    )
    assert all(profile_codec.allows_read(subject, one) for one in profile_codec.plan(subject))


@given(st.sets(st.integers(0, 60), min_size=1, max_size=20), st.integers(1, 12), st.integers(0, 5))
def test_no_other_grouping_needs_fewer_requests(places: set[int], most: int, hole: int) -> None:
    subject = profile(*(at(n) for n in sorted(places)), max_registers=most, max_hole=hole)
    ordered = sorted(places)
    best = [0]  # best[n]: the fewest requests for the first n places
    for end in range(1, len(ordered) + 1):
        best.append(
            min(
                best[start] + 1
                for start in range(end)
                if ordered[end - 1] - ordered[start] < most
                and all(b - a - 1 <= hole for a, b in zip(ordered[start:end], ordered[start + 1 : end], strict=False))
            )
        )  # fmt: skip
    assert len(profile_codec.plan(subject)) == best[-1]


@pytest.mark.parametrize(
    ("point", "words", "expected"),
    [
        (AIR | {"type": "s16"}, (0xFF49,), -18.3),
        (AIR | {"type": "s16", "offset": -40.0}, (500,), 10.0),
        (AIR | {"type": "s16", "error_values": [0x8000]}, (0x8000,), None),
        (AIR | {"type": "s16", "good_min": -50}, (0xFE0B,), None),
        (AIR | {"type": "s16", "good_min": -50}, (0xFE0C,), -50.0),
        (AIR | {"type": "s16", "good_max": 80}, (850,), None),
        (AIR | {"type": "u16"}, (0xFFFF,), 6553.5),
        (AIR | {"type": "u32"}, (1, 1), 6553.7),
        (AIR | {"type": "u32", "word_order": "low_first"}, (2, 1), 6553.8),
        (AIR | {"type": "s32"}, (0xFFFF, 0xFFFF), -0.1),
        (AIR | {"type": "f32", "scale": 1}, (0x4366, 0x3333), 230.2),
        (AIR | {"type": "f32", "scale": 1}, (0x7F80, 0), None),
        (AIR | {"type": "f32", "scale": 1}, (0xFFC0, 0), None),
        ({"id": "f", "role": "fan", "address": 0, "type": "flag"}, (1,), True),
        ({"id": "f", "role": "fan", "address": 0, "type": "flag", "invert": True}, (1,), False),
        ({"id": "f", "role": "fan", "address": 0, "type": "flag"}, (2,), None),
        ({"id": "f", "role": "fan", "address": 0, "type": "bit", "bit": 15}, (0x8000,), True),
        ({"id": "f", "role": "fan", "address": 0, "type": "bit", "bit": 0}, (0xFFFE,), False),
    ],
)
def test_what_registers_mean(point: dict[str, Any], words: tuple[int, ...], expected: Any) -> None:
    assert value_of(point, *words) == expected


def test_a_status_next_to_the_value_decides() -> None:
    point = AIR | {"address": 256, "status": {"address": 257, "mask": 3, "bad": [3]}}
    assert value_of(point, 41, 0x1102) == 4.1
    assert value_of(point, 41, 0x1103) is None


@pytest.mark.parametrize(
    "reply",
    [
        DataReply(Function.READ_HOLDING_REGISTERS, b"\x00"),
        DataReply(Function.READ_HOLDING_REGISTERS, bytes(4)),
        DataReply(Function.READ_INPUT_REGISTERS, bytes(2)),
        ExceptionReply(Function.READ_HOLDING_REGISTERS, 2),
        EchoReply(Function.WRITE_SINGLE_REGISTER, 0, 1),
    ],
)
def test_another_answer_is_no_reading(reply: Any) -> None:
    with pytest.raises(WireError):
        profile_codec.image(ReadRequest(Function.READ_HOLDING_REGISTERS, 0, 1), reply)


def test_a_point_whose_places_were_not_all_read_is_left_out() -> None:
    subject = profile(AIR, at(0), max_registers=2)
    assert set(profile_codec.readings(subject, {(Table.HOLDING, 0): 5})) == {"at_0"}


SET = {
    "id": "set_point", "role": "set_point", "address": 99, "unit": "°C", "scale": 0.1,
    "good_min": -30, "good_max": 15, "access": "operator",
}  # fmt: skip
START = {
    "id": "start", "role": "defrost_start", "table": "coil", "type": "bit", "address": 32,
    "access": "operator",
}  # fmt: skip
FLAG = {
    "id": "flag",
    "role": "defrost_start",
    "address": 1012,
    "type": "flag",
    "access": "operator",
}


def test_what_an_operator_may_write() -> None:
    subject = profile(SET, START, FLAG, AIR)
    made = [
        profile_codec.write(subject.named("set_point"), -18.5),
        profile_codec.write(subject.named("start"), value=True),
        profile_codec.write(subject.named("flag"), value=True),
    ]
    assert made == [
        WriteOneRequest(Function.WRITE_SINGLE_REGISTER, 99, 0x10000 - 185),
        WriteOneRequest(Function.WRITE_SINGLE_COIL, 32, 0xFF00),
        WriteOneRequest(Function.WRITE_SINGLE_REGISTER, 1012, 1),
    ]
    assert all(profile_codec.allows_write(subject, one) for one in made)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("air", 4.0), ("set_point", 15.1), ("set_point", -30.1), ("set_point", True),
        ("set_point", math.nan), ("start", False), ("start", 1.0), ("flag", False),
    ],
)  # fmt: skip
def test_what_nobody_may_write(name: str, value: Any) -> None:
    with pytest.raises(RangeError):
        profile_codec.write(profile(SET, START, FLAG, AIR).named(name), value)


@pytest.mark.parametrize(
    "request_",
    [
        WriteOneRequest(Function.WRITE_SINGLE_REGISTER, 99, 151),
        WriteOneRequest(Function.WRITE_SINGLE_COIL, 99, 0xFF00),
        WriteOneRequest(Function.WRITE_SINGLE_COIL, 32, 0x0000),
        WriteOneRequest(Function.WRITE_SINGLE_REGISTER, 32, 0xFF00),
        WriteOneRequest(Function.WRITE_SINGLE_REGISTER, 10, 0),
        WriteManyRequest(Function.WRITE_MULTIPLE_REGISTERS, 99, 1, bytes(2)),
        ReadRequest(Function.READ_HOLDING_REGISTERS, 99, 1),
    ],
)
def test_frames_that_are_no_change_of_an_operator(request_: Any) -> None:
    assert not profile_codec.allows_write(profile(SET, START, FLAG, AIR), request_)


@pytest.mark.parametrize(
    ("address", "count", "allowed"),
    [(0, 1, True), (0, 3, True), (0, 4, False), (1, 2, False), (2, 1, True), (5, 1, False), (0, 0, False)],
)  # fmt: skip
def test_reads_that_leave_the_profile(address: int, count: int, allowed: bool) -> None:
    subject = profile(at(0), at(2), at(8), max_registers=6, max_hole=1)
    request = ReadRequest(Function.READ_HOLDING_REGISTERS, address, count)
    assert profile_codec.allows_read(subject, request) is allowed
    elsewhere = ReadRequest(Function.READ_INPUT_REGISTERS, address, count)
    assert not profile_codec.allows_read(subject, elsewhere)


def test_a_read_of_too_many_or_by_another_function_is_none_of_the_profile() -> None:
    subject = profile(at(0), at(1), at(2), max_registers=2)
    assert not profile_codec.allows_read(
        subject, ReadRequest(Function.READ_HOLDING_REGISTERS, 0, 3)
    )
    assert not profile_codec.allows_read(subject, ReadRequest(Function.WRITE_SINGLE_COIL, 0, 1))


@pytest.mark.parametrize(
    ("point", "value", "held"),
    [
        (AIR, -18.3, {10: 0xFF49}),
        (AIR | {"error_values": [0x8000]}, None, {10: 0x8000}),
        (AIR | {"status": {"address": 11, "bad": [3]}}, None, {10: 0, 11: 3}),
        (AIR | {"status": {"address": 11, "bad": [3]}}, 1.0, {10: 10, 11: 0}),
        (AIR | {"type": "u32", "error_values": [0x12345]}, None, {10: 1, 11: 0x2345}),
        (AIR | {"type": "u32", "word_order": "low_first"}, 6553.7, {10: 1, 11: 1}),
        (AIR | {"type": "s32"}, -0.1, {10: 0xFFFF, 11: 0xFFFF}),
        (AIR | {"type": "f32", "scale": 1}, 230.2, {10: 0x4366, 11: 0x3333}),
        ({"id": "f", "role": "fan", "address": 5, "type": "bit", "bit": 3}, True, {5: 8}),
        ({"id": "f", "role": "fan", "address": 5, "type": "flag", "invert": True}, True, {5: 0}),
    ],
)
def test_what_a_device_holds(point: dict[str, Any], value: Any, held: dict[int, int]) -> None:
    found = profile_codec.encode(Point.model_validate(point), value)
    assert found == {(Table.HOLDING, address): word for address, word in held.items()}


@pytest.mark.parametrize(
    ("point", "value"),
    [
        (AIR, None), (AIR, 3276.8), (AIR, -3276.9), (AIR, math.inf), (AIR | {"type": "u16"}, -0.1),
        (AIR | {"type": "u16"}, 6553.6), (AIR | {"type": "f32"}, 1e39),
        (AIR | {"type": "f32", "scale": 1}, 1e39),
    ],
)  # fmt: skip
def test_what_no_register_holds(point: dict[str, Any], value: Any) -> None:
    with pytest.raises(RangeError):
        profile_codec.encode(Point.model_validate(point), value)


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ([AIR, AIR], "two points are called 'air'"),
        ([AIR, AIR | {"id": "b"}], "two probes have the same `channel`"),
        ([SET | {"confirmed_by": "nothing"}], "there is no point 'nothing'"),
        ([AIR | {"type": "u32"}], "wider than one request"),
        ([AIR | {"unit": "K"}], "`unit` of the role air_temperature is '°C'"),
        ([AIR | {"table": "coil"}], "whole bit"),
        ([AIR | {"table": "coil", "type": "bit", "bit": 1}], "whole bit"),
        ([AIR | {"type": "bit"}], "needs `bit`"),
        ([AIR | {"bit": 3}], "needs `bit`"),
        ([AIR | {"address": 0xFFFF, "type": "u32"}], "below address 65536"),
        ([AIR | {"access": "operator"}], "of the role air_temperature is never written"),
        ([SET | {"type": "flag"}], "a flag of the role set_point is never written"),
        ([SET | {"table": "input"}], "a input cannot be written"),
        ([SET | {"type": "u32"}], "one whole register"),
        ([FLAG | {"type": "bit", "bit": 0}], "only a whole coil"),
        ([{k: v for k, v in SET.items() if k != "good_max"}], "needs `good_min` and `good_max`"),
    ],
)
def test_profiles_that_cannot_be(points: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(ValidationError, match=said.replace("(", r"\(")):
        profile(*points)


def test_an_unknown_key_is_refused_with_file_line_and_the_nearest(tmp_path: Any) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        "[device]\n"
        + "".join(f'{key} = "{value}"\n' for key, value in ABOUT.items())
        + '[[point]]\nid = "state"\nrole = "state"\naddress = 1\ntyp = "u16"\n',
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as refused:
        load_toml(Profile, file, {})
    assert refused.value.detail == (
        f"{file} line 12: unknown key `point.0.typ`; did you mean `type`?"
    )


def test_a_value_that_is_not_believed_keeps_its_register() -> None:
    subject = profile(AIR | {"error_values": [0x8000]})
    found = profile_codec.readings(subject, {(Table.HOLDING, 10): 0x8000})["air"]
    assert (found.value, found.quality, found.raw) == (None, Quality.BAD, 0x8000)
