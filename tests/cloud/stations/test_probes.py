"""What stations add to their probes' readings, on both engines: kept as told, compared at every start."""

import pytest

from cloud.stations.probes import LOST, ProbeView
from common.contract.calibration import ProbeCalibrated, ProbeHeld, StationProbes
from tests.cloud.stations.world import STATION_ID, World, open_station

FIRST, SECOND, THIRD = (f"01K0CA1000000000000000000{n}" for n in range(1, 4))
PROBE, OTHER = "bus0/3", "bus0/4"


def compared(calibration_id: str, number: int, **said: object) -> ProbeCalibrated:
    made: dict[str, object] = {
        "calibration_id": calibration_id, "probe": PROBE, "number": number, "zone": "chilled",
        "kind": "offset", "supersedes": None, "by": "张敏", "at_ms": 1_780_000_000_000,
        "offset_k": -0.5, "reference_c": 0.0, "instrument": "Testo 110",
        "certificate_until": "2027-03-31", "readings_c": (0.4, 0.6), "after_c": 0.02,
        "due_at_ms": 1_811_536_000_000, "reason": "",
    }  # fmt: skip
    return ProbeCalibrated.model_validate(made | said)


def held(*known: tuple[str, str | None]) -> StationProbes:
    return StationProbes(
        probes=tuple(
            ProbeHeld(probe=name, zone="chilled", calibration_id=one, offset_k=-0.5 if one else 0.0)
            for name, one in known
        )
    )


async def probes(world: World) -> dict[str, ProbeView]:
    return {one.probe: one for one in (await world.stations.detail(STATION_ID)).probes}


async def alarms(world: World) -> list[tuple[str, str]]:
    return [(one.kind, one.detail) for one in (await world.stations.detail(STATION_ID)).alarms]


async def test_a_record_is_kept_as_it_was_told(world: World) -> None:
    await open_station(world)
    await world.report(held((PROBE, None), (OTHER, None)), compared(FIRST, 1))
    seen = await probes(world)
    assert list(seen) == [PROBE, OTHER]
    assert (seen[OTHER].newest, seen[OTHER].is_lost) == (None, False)
    view = seen[PROBE]
    assert not view.is_lost
    assert view.held_offset_k == -0.5
    record = view.newest
    assert record is not None
    assert (record.done_by, record.instrument, record.certificate_until) == (
        "张敏", "Testo 110", "2027-03-31",
    )  # fmt: skip
    assert (record.before_c, record.reference_c, record.after_c) == (0.5, 0.0, 0.02)
    assert await alarms(world) == []
    assert await world.violations() == []


async def test_a_station_that_came_back_from_an_older_copy_is_told_apart(world: World) -> None:
    await open_station(world)
    await world.report(held((PROBE, None)), compared(FIRST, 1), compared(SECOND, 2))
    assert not (await probes(world))[PROBE].is_lost
    await world.report(held((PROBE, FIRST)))
    view = (await probes(world))[PROBE]
    assert view.is_lost
    assert (view.held_id, view.newest and view.newest.calibration_id) == (FIRST, SECOND)
    assert await alarms(world) == [(LOST, PROBE)]
    await world.report(held((PROBE, None)))
    assert (await probes(world))[PROBE].is_lost, "none at all is lost as well"
    await world.report(compared(THIRD, 2, supersedes=FIRST))
    assert not (await probes(world))[PROBE].is_lost, "the station's newest word rules"
    await world.report(held((PROBE, THIRD)))
    assert not (await probes(world))[PROBE].is_lost


async def test_a_withdrawn_offset_is_a_record_too(world: World) -> None:
    await open_station(world)
    gone = compared(
        SECOND, 2, kind="withdrawn", offset_k=0.0, reference_c=None, readings_c=(), after_c=None,
        certificate_until=None, due_at_ms=None, instrument="", reason="new probe",
    )  # fmt: skip
    await world.report(compared(FIRST, 1), gone, held((PROBE, SECOND)))
    view = (await probes(world))[PROBE]
    assert not view.is_lost
    assert view.newest is not None
    assert (view.newest.kind, view.newest.reason, view.newest.before_c) == (
        "withdrawn", "new probe", None,
    )  # fmt: skip


async def test_a_probe_that_is_gone_is_shown_no_longer_and_known_when_it_comes_back(
    world: World,
) -> None:
    await open_station(world)
    await world.report(compared(FIRST, 1), held((OTHER, None)))
    assert list(await probes(world)) == [OTHER]
    assert await alarms(world) == []
    await world.report(held((PROBE, FIRST)))
    view = (await probes(world))[PROBE]
    assert view.newest is not None
    assert not view.is_lost
    await world.report(held())
    assert await probes(world) == {}


async def test_the_same_told_again_changes_nothing(world: World) -> None:
    await open_station(world)
    await world.report(compared(FIRST, 1))
    assert world.last is not None
    await world.deliver(world.last)
    await world.report(compared(FIRST, 1, by="another"))
    record = (await probes(world))[PROBE].newest
    assert record is not None
    assert record.done_by == "张敏", "a record is never changed"


@pytest.mark.parametrize("after", [(), (FIRST,)])
async def test_a_station_of_an_older_release_says_nothing_and_is_not_blamed(
    world: World, after: tuple[str, ...]
) -> None:
    await open_station(world)
    await world.report(*(compared(one, 1) for one in after))
    assert not any(one.is_lost for one in (await probes(world)).values())
    assert len(await probes(world)) == len(after)
