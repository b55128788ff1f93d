"""Any device on a profile, as a client meets it on the wire."""

from typing import Any

import pytest

from device_sim.iron_faults import SensorShows
from device_sim.profile_board import DOOR_ALARM_S, shipped
from device_sim.sensors import Shows
from firmware_protocols import profile_codec, profiles
from firmware_protocols.modbus_pdu import (
    EchoReply,
    ExceptionCode,
    ExceptionReply,
    Function,
    ReadRequest,
    WriteManyRequest,
    WriteOneRequest,
)
from tests.device_sim.cabinets import Rig, profile_cabinet

UNIT = 9


def rig_of(kind: str, *zones: str) -> Rig:
    return Rig(profile_cabinet({"kind": kind, "unit": UNIT, "zones": zones}))


def read(rig: Rig, kind: str) -> dict[str, Any]:
    """Return id → value as a client sees them."""
    profile = shipped(kind)
    seen: dict[profile_codec.Place, int] = {}
    for request in profile_codec.plan(profile):
        reply = rig.ask(UNIT, request)
        assert reply is not None
        seen |= profile_codec.image(request, reply)
    return {name: one.value for name, one in profile_codec.readings(profile, seen).items()}


def until_it_cools(rig: Rig, kind: str) -> None:
    for _ in range(200):
        if read(rig, kind)["compressor"]:
            return
        rig.wait(60)
    pytest.fail("it never cooled")


@pytest.mark.parametrize("kind", profiles.names())
def test_every_profile_is_played_in_full(kind: str) -> None:
    profile, found = shipped(kind), read(rig_of(kind, *["chilled"] * 8), kind)
    assert set(found) == {point.id for point in profile.point}
    assert None not in found.values()
    for point in profile.probes.values():
        assert found[point.id] == pytest.approx(4.0, abs=0.2)


@pytest.mark.parametrize("kind", profiles.names())
def test_what_the_profile_does_not_name_is_refused(kind: str) -> None:
    rig, limits = rig_of(kind, "chilled"), shipped(kind).read
    for request, code in (
        (ReadRequest(Function.READ_HOLDING_REGISTERS, 60000, 1), None),
        (ReadRequest(Function.READ_INPUT_REGISTERS, 60000, 1), None),
        (WriteOneRequest(Function.WRITE_SINGLE_REGISTER, 60000, 1), 2),
        (WriteManyRequest(Function.WRITE_MULTIPLE_REGISTERS, 99, 1, bytes(2)), 1),
    ):
        reply = rig.ask(UNIT, request)
        assert isinstance(reply, ExceptionReply)
        assert reply.code in ({1, 2} if code is None else {code})
    first = profile_codec.plan(shipped(kind))[0]
    many = limits.max_bits + 1 if first.function in (1, 2) else limits.max_registers + 1
    reply = rig.ask(UNIT, ReadRequest(first.function, first.address, many))
    assert reply == ExceptionReply(first.function, ExceptionCode.ILLEGAL_DATA_VALUE)


def test_each_probe_of_a_module_hangs_where_the_file_says() -> None:
    found = read(rig_of("r4dcb08", "frozen", "chilled"), "r4dcb08")
    assert found["probe_1"] == pytest.approx(-20.0, abs=0.11)
    assert found["probe_2"] == pytest.approx(4.0, abs=0.11)
    assert [found[f"probe_{n}"] for n in range(3, 9)] == [None] * 6
    found = read(rig_of("dixell_xjp60d", "chilled"), "dixell_xjp60d")
    assert [found[f"probe_{n}"] for n in range(2, 7)] == [None] * 5


def test_a_controller_sees_its_door_and_the_warm_air() -> None:
    rig = rig_of("danfoss_ekc_202b", "chilled")
    found = read(rig, "danfoss_ekc_202b")
    assert (found["compressor"], found["door"], found["high_alarm"]) == (False, False, False)
    until_it_cools(rig, "danfoss_ekc_202b")
    found = read(rig, "danfoss_ekc_202b")
    assert (found["set_point"], found["units"]) == (4.0, 0)
    assert rig.cabinet.pull("A00")  # of the other zone
    assert read(rig, "danfoss_ekc_202b")["door"] is False
    rig.cabinet.pull("A01")
    found = read(rig, "danfoss_ekc_202b")
    assert (found["door"], found["compressor"]) == (True, False)  # an open door stops it


def test_an_alarm_of_its_own() -> None:
    rig = rig_of("carel_ir33", "chilled")
    rig.cabinet.pull("A01")
    assert read(rig, "carel_ir33")["door_alarm"] is False
    rig.wait(DOOR_ALARM_S + 600)
    found = read(rig, "carel_ir33")
    assert (found["door_alarm"], found["high_alarm"], found["low_alarm"]) == (True, True, False)
    rig.cabinet.push("A01")
    assert read(rig, "carel_ir33")["door_alarm"] is False


def test_an_operator_sets_the_set_point() -> None:
    rig, point = (
        rig_of("eliwell_idplus_ttl", "frozen"),
        shipped("eliwell_idplus_ttl").named("set_point"),
    )
    request = profile_codec.write(point, -22.5)
    assert rig.ask(UNIT, request) == EchoReply(request.function, request.address, request.value)
    assert read(rig, "eliwell_idplus_ttl")["set_point"] == -22.5
    rig.wait(4 * 3600)
    assert read(rig, "eliwell_idplus_ttl")["air"] == pytest.approx(-22.5, abs=1.5)
    over = WriteOneRequest(request.function, request.address, 5000)
    assert rig.ask(UNIT, over) == ExceptionReply(over.function, ExceptionCode.ILLEGAL_DATA_VALUE)


def test_an_operator_starts_a_defrost_that_ends_by_itself() -> None:
    rig, profile = rig_of("carel_pj_easy", "frozen"), shipped("carel_pj_easy")
    assert read(rig, "carel_pj_easy")["defrosting"] is False
    rig.ask(UNIT, profile_codec.write(profile.named("defrost_start"), value=True))
    found = read(rig, "carel_pj_easy")
    assert (found["defrosting"], found["defrost_relay"], found["compressor"]) == (True, True, False)
    rig.wait(3600)
    assert read(rig, "carel_pj_easy")["defrosting"] is False


def test_a_meter_counts_what_the_cooling_takes() -> None:
    rig, taken_wh, hours = rig_of("sdm120"), 0.0, 10 / 3600
    before = read(rig, "sdm120")
    for _ in range(180):  # both zones, against one step of half an hour
        rig.wait(10)
        taken_wh += read(rig, "sdm120")["power"] * hours
    after = read(rig, "sdm120")
    counted_wh = 1000 * (after["energy"] - before["energy"])
    assert counted_wh == pytest.approx(taken_wh, rel=0.1)
    assert after["voltage"] == pytest.approx(230, abs=1.1)
    at_once = rig_of("sdm120")
    at_once.wait(rig.clock.now_s - at_once.clock.now_s)
    assert read(at_once, "sdm120")["energy"] == pytest.approx(after["energy"], abs=0.001)
    one = read(rig_of("pzem_016", "chilled"), "pzem_016")
    assert one["power"] * 2 == pytest.approx(before["power"], abs=0.2)


@pytest.mark.parametrize(
    ("kind", "shows", "probe"),
    [
        ("r4dcb08", Shows.NO_SENSOR, "probe_1"),
        ("r4dcb08", Shows.POWER_ON, "probe_1"),
        ("r4dcb08", Shows.UNDER_POWERED, "probe_1"),
        ("r4dcb08", Shows.GONE, "probe_1"),
        ("dixell_xjp60d", Shows.ERROR_STATUS, "probe_1"),
        ("eliwell_idplus_ttl", Shows.NO_SENSOR, "air"),
    ],
)
def test_a_probe_that_lies_is_no_number_to_whoever_reads(
    kind: str, shows: Shows, probe: str
) -> None:
    rig = rig_of(kind, "chilled", "chilled")
    rig.cabinet.lay(SensorShows(kind="sensor_shows", target=UNIT, probe=0, shows=shows))
    found = read(rig, kind)
    assert found[probe] is None
    if "probe_2" in found:
        assert found["probe_2"] == pytest.approx(4.0, abs=0.2)
    rig.cabinet.lift_all()
    assert read(rig, kind)[probe] == pytest.approx(4.0, abs=0.2)
