"""Every profile that ships: it loads, asks no more than it may, and means what its vectors say."""

import json
import re
import tomllib
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from common.kit.config import load_toml
from firmware_protocols import modbus_pdu, modbus_rtu, profile_codec, profiles
from firmware_protocols.errors import WireError
from firmware_protocols.modbus_pdu import DataReply, ReadRequest
from firmware_protocols.profile import Point, Profile, Table
from firmware_protocols.quality import Quality
from tests.firmware_protocols.vectors import FRAMES
from tests.parts import ROOT

VECTORS = json.loads((FRAMES / "profiles.json").read_text(encoding="utf-8"))
KINDS = profiles.names()


@cache
def shipped(kind: str) -> Profile:
    return load_toml(Profile, profiles.path_of(kind), {})


def points_of(profile: Profile, names: list[str]) -> list[Point] | None:
    return [profile.named(name) for name in names] or None


def answered(profile: Profile, request: ReadRequest, data: bytes) -> dict[str, Any]:
    seen = profile_codec.image(request, DataReply(request.function, data))
    return dict(profile_codec.readings(profile, seen))


@pytest.mark.parametrize("vector", VECTORS["requests"], ids=lambda one: one["kind"])
def test_requests_on_the_wire(vector: dict[str, Any]) -> None:
    profile = shipped(vector["kind"])
    sent = [
        modbus_rtu.encode(1, request.pdu())
        for request in profile_codec.plan(profile, points_of(profile, vector["points"]))
    ]
    frame = bytes.fromhex(vector["frame"])
    assert frame in sent
    if not vector["condition"]:
        assert sent == [frame]


@pytest.mark.parametrize("vector", VECTORS["replies"], ids=lambda one: one["source"])
def test_replies_off_the_wire(vector: dict[str, Any]) -> None:
    profile = shipped(vector["kind"])
    (request,) = profile_codec.plan(profile, points_of(profile, vector["points"]))
    (frame,) = modbus_rtu.split_replies(bytes.fromhex(vector["frame"])).frames
    reply = modbus_pdu.parse_reply(frame.pdu)
    found = profile_codec.readings(profile, profile_codec.image(request, reply))
    assert {name: one.value for name, one in found.items()} == vector["values"]
    for one in found.values():
        assert one.quality is (Quality.BAD if one.value is None else Quality.GOOD)


@pytest.mark.parametrize("vector", VECTORS["whole"], ids=lambda one: one["source"])
def test_all_that_a_scale_says(vector: dict[str, Any]) -> None:
    profile = shipped(vector["kind"])
    seen: dict[profile_codec.Place, int] = {}
    for request, frame in zip(profile_codec.plan(profile), vector["frames"], strict=True):
        (whole,) = modbus_rtu.split_replies(bytes.fromhex(frame)).frames
        seen |= profile_codec.image(request, modbus_pdu.parse_reply(whole.pdu))
    found = profile_codec.readings(profile, seen)
    assert {name: one.value for name, one in found.items()} == vector["values"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_place_is_asked_for_once_and_within_the_limits(kind: str) -> None:
    profile = shipped(kind)
    requests = profile_codec.plan(profile)
    asked = [(one.function, one.address + n) for one in requests for n in range(one.count)]
    assert len(asked) == len(set(asked))
    assert all(profile_codec.allows_read(profile, request) for request in requests)
    for point in profile.point:
        assert (point.table.read, point.address) in asked
        assert (point.table.read, point.address + point.places - 1) in asked


@pytest.mark.parametrize("kind", KINDS)
def test_any_single_point_can_be_asked_for(kind: str) -> None:
    profile = shipped(kind)
    for point in profile.point:
        requests = profile_codec.plan(profile, [point])
        assert all(profile_codec.allows_read(profile, request) for request in requests)


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
def test_no_bytes_do_more_than_raise_a_wire_error(kind: str, data: st.DataObject) -> None:
    profile = shipped(kind)
    request = data.draw(st.sampled_from(profile_codec.plan(profile)))
    body = data.draw(st.binary(max_size=modbus_pdu.MAX_PDU_BYTES - 2))
    try:
        found = answered(profile, request, body)
    except WireError:
        return
    for name, one in found.items():
        point = profile.named(name)
        assert (one.value is None) is (one.quality is Quality.BAD)
        if one.value is not None and point.good_min is not None and point.good_max is not None:
            assert point.good_min <= one.value <= point.good_max


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
def test_what_a_device_says_comes_back(kind: str, data: st.DataObject) -> None:
    profile = shipped(kind)
    point = data.draw(st.sampled_from(profile.point))
    if point.is_flag:
        value: float | bool = data.draw(st.booleans())
    else:
        low = 0.0 if point.good_min is None else point.good_min
        high = 300.0 if point.good_max is None else point.good_max
        value = data.draw(st.floats(low, high, width=32))
    image = {place: 0 for one in profile.point for place in profile_codec.encode(one, False)}
    image |= {(one.table, one.address): one.must_be or 0 for one in profile.conditions}
    image |= profile_codec.encode(point, value)
    seen = profile_codec.readings(profile, image)[point.id]
    if point.must_be is not None or point.role == "state":
        return
    assert seen.quality is Quality.GOOD
    assert seen.value == pytest.approx(value, abs=point.scale * 0.501 + 1e-3, rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_but_set_point_and_defrost_is_ever_written(kind: str) -> None:
    written = {point.role.value for point in shipped(kind).point if point.access == "operator"}
    assert written <= {"set_point", "defrost_start"}


def test_the_danfoss_in_fahrenheit_measures_nothing() -> None:
    profile = shipped("danfoss_erc_213_wb_ref")
    air, units = profile.named("air"), profile.named("units")
    image = profile_codec.encode(air, 4.12) | profile_codec.encode(units, 1)
    assert profile_codec.readings(profile, image)["air"].quality is Quality.BAD
    image |= profile_codec.encode(units, 0)
    assert profile_codec.readings(profile, image)["air"].value == 4.12
    del image[units.table, units.address]
    assert profile_codec.readings(profile, image)["air"].quality is Quality.BAD


def test_a_scale_weighs_and_nothing_else_does() -> None:
    record = shipped("weigh_v380").model_dump()
    meter = record | {"device": record["device"] | {"family": "meter"}}
    with pytest.raises(ValidationError, match="a scale has one gross_weight"):
        Profile.model_validate(meter)
    bare = record | {"point": [one for one in record["point"] if one["role"] != "gross_weight"]}
    with pytest.raises(ValidationError, match="a scale has one gross_weight"):
        Profile.model_validate(bare)
    assert shipped("sdm120").weight is None


def test_the_eliwell_states_are_bits_of_registers() -> None:
    profile = shipped("eliwell_idplus_ttl")
    alarms = next(one for one in profile_codec.plan(profile) if one.address == 32876)
    assert alarms.count == 2
    found = answered(profile, alarms, bytes.fromhex("00A4 0002"))
    assert {name for name, one in found.items() if one.value} == {
        "door_alarm", "high_alarm", "probe_2_fault", "haccp",
    }  # fmt: skip


def test_a_probe_whose_fault_is_told_elsewhere_is_not_believed() -> None:
    profile = shipped("carel_ir33")
    air = profile.named("air")
    image = profile_codec.encode(air, 5.5)
    assert profile_codec.readings(profile, image)["air"].value == 5.5
    image |= profile_codec.encode(profile.named("probe_1_fault"), True)
    assert profile_codec.readings(profile, image)["air"].quality is Quality.BAD


def test_a_unit_with_many_probes_has_a_channel_for_each() -> None:
    assert sorted(shipped("r4dcb08").probes) == list(range(8))
    assert shipped("dixell_xjp60d").probes[5].id == "probe_6"
    assert shipped("carel_ir33").probes[0].id == "air"
    assert not shipped("pzem_016").probes


def test_the_profile_in_the_how_to_is_one() -> None:
    page = (ROOT / "docs/howto/add-a-device-driver.md").read_text(encoding="utf-8")
    (text,) = [
        block for block in re.findall(r"```toml\n(.*?)```", page, re.DOTALL) if "[device]" in block
    ]
    subject = Profile.model_validate(tomllib.loads(text))
    assert [(one.address, one.count) for one in profile_codec.plan(subject)] == [
        (0, 1),
        (5, 1),
        (10, 1),
    ]
    seen = {(Table.HOLDING, 0): 0x7FFF, (Table.HOLDING, 5): 4, (Table.HOLDING, 10): 0xFF4C}
    found = profile_codec.readings(subject, seen)
    assert {name: one.value for name, one in found.items()} == {
        "air": None, "compressor": True, "set_point": -18.0,
    }  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_profile_has_its_place_in_a_page(kind: str) -> None:
    page = ROOT / "docs/hardware" / shipped(kind).device.page
    assert f"`{kind}`" in page.read_text(encoding="utf-8")
