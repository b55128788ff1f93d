"""Any device on a profile, as a client meets it on the wire."""

from typing import Any

import pytest

from common.kit.errors import InvalidError, NotFoundError
from device_sim.iron_faults import SensorShows
from device_sim.profile_board import DEFROST_S, DOOR_ALARM_S, shipped
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
    assert (found["set_point"], found["units"]) == (4.0, 0)
    assert rig.cabinet.pull("A00")  # of the other zone
    assert read(rig, "danfoss_ekc_202b")["door"] is False
    rig.cabinet.pull("A01")
    assert read(rig, "danfoss_ekc_202b")["door"] is True
    rig.wait(300)
    rig.cabinet.push("A01")
    rig.wait(10)
    found = read(rig, "danfoss_ekc_202b")
    assert (found["compressor"], found["fan"]) == (True, True)


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
    rig.wait(12 * 3600)
    rig.cabinet.settle_now()
    air_c = rig.cabinet.physics.zones["frozen"].air.temperature_c
    assert air_c == pytest.approx(-22.5, abs=0.6)
    over = WriteOneRequest(request.function, request.address, 5000)
    assert rig.ask(UNIT, over) == ExceptionReply(over.function, ExceptionCode.ILLEGAL_DATA_VALUE)


def test_an_operator_starts_a_defrost_that_ends_by_itself() -> None:
    rig, profile = rig_of("carel_pj_easy", "frozen"), shipped("carel_pj_easy")
    assert read(rig, "carel_pj_easy")["defrosting"] is False
    rig.ask(UNIT, profile_codec.write(profile.named("defrost_start"), value=True))
    found = read(rig, "carel_pj_easy")
    assert (found["defrosting"], found["defrost_relay"], found["compressor"]) == (True, True, False)
    rig.wait(DEFROST_S + 1)
    assert read(rig, "carel_pj_easy")["defrosting"] is False


def test_a_meter_counts_what_the_cooling_takes() -> None:
    """To the second, although it is asked once an hour and the compressors come and go in minutes."""
    rig = rig_of("sdm120")
    before = read(rig, "sdm120")
    assert before["power"] == pytest.approx(6.0)  # two controllers, nothing else runs
    rig.wait(3600)
    after = read(rig, "sdm120")
    zones = rig.cabinet.physics.zones.values()
    assert after["energy"] == pytest.approx(sum(zone.energy_kwh for zone in zones), abs=1e-3)
    assert 0.02 < after["energy"] - before["energy"] < 0.27
    assert after["voltage"] == pytest.approx(230, abs=1.1)
    assert read(rig_of("pzem_016", "chilled"), "pzem_016")["power"] == pytest.approx(3.0)


def test_a_module_says_what_its_probes_say() -> None:
    rig = rig_of("r4dcb08", "frozen", "chilled")
    for probe, shows in enumerate(("85.0", "-127")):
        rig.cabinet.lay(
            SensorShows(kind="sensor_shows", target=UNIT, probe=probe, shows=Shows(shows))
        )
    request = "09 03 00 00 00 03 04 83"
    (reply,) = rig.bus.feed(bytes.fromhex(request), rig.clock.now_s)
    assert reply.data[:9].hex(" ") == "09 03 06 03 52 fb 0a 80 00"
    rig.wait(1)
    assert read(rig, "r4dcb08")["probe_1"] is None
    rig.cabinet.lift_all()
    assert read(rig, "r4dcb08")["probe_1"] == pytest.approx(-20.0, abs=0.6)


def test_a_module_with_a_status_says_it_there() -> None:
    rig = rig_of("dixell_xjp60d", "chilled", "chilled")
    rig.cabinet.lay(
        SensorShows(kind="sensor_shows", target=UNIT, probe=1, shows=Shows.ERROR_STATUS)
    )
    found = read(rig, "dixell_xjp60d")
    assert found["probe_1"] is not None
    assert found["probe_2"] is None
    with pytest.raises(InvalidError, match=r"cannot say 85\.0"):
        rig.cabinet.lay(SensorShows(kind="sensor_shows", target=UNIT, shows=Shows.POWER_ON))


def test_a_controller_reports_its_broken_probe() -> None:
    rig = rig_of("danfoss_ekc_202b", "chilled")
    fault = SensorShows(kind="sensor_shows", target=UNIT, shows=Shows.ERROR_STATUS)
    for broken in (False, True):
        found = read(rig, "danfoss_ekc_202b")
        names = [p.id for p in shipped("danfoss_ekc_202b").point if p.role == "probe_fault"]
        assert names
        assert {found[name] for name in names} == {broken}
        rig.cabinet.lay(fault)


def test_a_meter_has_no_probe() -> None:
    rig = rig_of("sdm120")
    with pytest.raises(NotFoundError, match=r"unit 9 has no probe"):
        rig.cabinet.lay(SensorShows(kind="sensor_shows", target=UNIT))
