"""A probe that is off on the wire is compared with a reference: what rules, what is kept, what is refused."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from common.contract.calibration import ProbeCalibrated
from common.contract.words import Quality
from common.kit import failpoints
from common.kit.chance import seeded_chance
from common.kit.errors import ConflictError, InvalidError, LinliError
from device_sim.faults import NoAnswer
from device_sim.iron_faults import SensorOffset, SensorShows
from device_sim.sensors import Shows
from edge.climate import CalibrationDesk, CalibrationSession, ZoneView
from edge.climate.calibrating import OUT_S
from edge.config import StationConfig
from edge.hardware.calibration import ProbeAsked, ProbeSaid
from tests.edge.climate.test_service import Rig, in_climate

PROBE, UNIT = "bus0/4", 4
TRUE_C = 24.0
OFF_K = 0.8


class Hands:
    """A technician with a reference beside the ambient probe."""

    def __init__(self, rig: Rig, config: StationConfig | None = None) -> None:
        self.rig = rig
        bench = rig.bench
        self.desk = CalibrationDesk(
            rig.climate.probes(), rig.climate.calibrations, config or bench.config, rig.state_db,
            rig.outbox, bench.clock, seeded_chance("calibrating"),
        )  # fmt: skip
        self.session: CalibrationSession = self.desk.session()

    async def still(self) -> ProbeSaid:
        """Read until the readings may be compared."""
        for _ in range(200):
            said = await self.session.answer(ProbeAsked(do="read", probe=PROBE))
            if said.steady:
                return said
            await asyncio.sleep(said.pace_s)
        raise AssertionError("never steady")

    async def compare(self, do: str = "write", **said: object) -> ProbeCalibrated:
        asked = {
            "do": do, "probe": PROBE, "reference_c": TRUE_C, "instrument": "Testo 110 SN 1",
            "certificate_until": "2027-03-31", "by": "张敏",
        }  # fmt: skip
        answer = await self.session.answer(ProbeAsked.model_validate(asked | said))
        assert answer.record is not None
        return answer.record

    async def whole(self) -> ProbeCalibrated:
        """Compare, write and hang the probe back."""
        await self.still()
        record = await self.compare()
        self.session.close()
        return record


def ambient(rig: Rig) -> ZoneView:
    return rig.climate.view()[1]


def lay_offset(rig: Rig, offset_k: float = OFF_K) -> None:
    rig.bench.cabinet.lay(SensorOffset(kind="sensor_offset", target=UNIT, offset_k=offset_k))


def off_by(
    folder: Path, body: Callable[[Rig, Hands], Awaitable[None]], offset_k: float = OFF_K
) -> None:
    async def on(rig: Rig) -> None:
        await asyncio.sleep(1)
        lay_offset(rig, offset_k)
        await body(rig, Hands(rig))

    in_climate(folder, on)


def blocks(rig: Rig) -> list[dict[str, object]]:
    return [one for one in rig.events("climate.block") if one["probe"] == PROBE]


async def refused(wish: Awaitable[object]) -> str:
    with pytest.raises(LinliError) as error:
        await wish
    return error.value.key


def test_the_offset_rules_and_what_the_probe_said_is_kept(tmp_path: Path) -> None:
    async def body(rig: Rig, hands: Hands) -> None:
        await asyncio.sleep(70)
        assert ambient(rig).temperature_c == pytest.approx(TRUE_C + OFF_K, abs=0.2)
        record = await hands.whole()
        assert (record.number, record.supersedes, record.by) == (1, None, "张敏")
        assert record.offset_k == pytest.approx(-OFF_K, abs=0.1)
        assert record.after_c == pytest.approx(TRUE_C, abs=0.2)
        assert len(record.readings_c) >= 30
        await asyncio.sleep(130)
        assert ambient(rig).temperature_c == pytest.approx(TRUE_C, abs=0.2)
        before, *_, after = blocks(rig)
        assert (before["calibration_id"], before["raw_c"]) == (None, [])
        assert after["calibration_id"] == record.calibration_id
        raw, shown = after["raw_c"], after["temperatures_c"]
        assert isinstance(raw, list)
        assert isinstance(shown, list)
        assert raw == [pytest.approx(TRUE_C + OFF_K, abs=0.2)] * 6
        assert shown == [pytest.approx(one + record.offset_k) for one in raw]
        (told,) = rig.events("probe.calibrated")
        assert told.pop("lane") == "facts"
        assert ProbeCalibrated.model_validate(told, strict=False) == record
        due = record.due_at_ms
        assert due is not None
        assert due - record.at_ms == pytest.approx(365 * 86_400_000, abs=1000)

    off_by(tmp_path, body)


def test_the_local_record_has_the_raw_value_too(tmp_path: Path) -> None:
    async def body(rig: Rig, hands: Hands) -> None:
        record = await hands.whole()
        await asyncio.sleep(70)
        row = rig.telemetry_db.write_now(
            lambda conn: conn.execute(
                "SELECT * FROM climate_block WHERE zone = 'ambient' ORDER BY started_ms DESC"
            ).fetchone()
        )
        assert row["calibration_id"] == record.calibration_id
        assert row["raw_c"].count(",") == row["temperatures_c"].count(",") == 5

    off_by(tmp_path, body)


def test_the_corrected_value_is_judged(tmp_path: Path) -> None:
    async def body(rig: Rig, hands: Hands) -> None:
        sampler = rig.climate._samplers["ambient"]
        sampler.limits = type(sampler.limits)(0.0, TRUE_C + OFF_K / 2)
        await asyncio.sleep(40)
        assert ambient(rig).over_limit
        record = await hands.whole()
        await asyncio.sleep(40)
        assert not ambient(rig).over_limit
        over, back = rig.events("climate.over_limit")
        assert (over["over"], over["calibration_id"]) == (True, None)
        assert over["raw_c"] == over["temperature_c"]
        assert (back["over"], back["calibration_id"]) == (False, record.calibration_id)
        assert back["raw_c"] == pytest.approx(TRUE_C + OFF_K, abs=0.2)

    off_by(tmp_path, body)


def test_what_is_bad_stays_bad_and_splits_no_block(tmp_path: Path) -> None:
    async def body(rig: Rig, hands: Hands) -> None:
        await hands.whole()
        await asyncio.sleep(70)
        count = len(blocks(rig))
        rig.bench.cabinet.lay(
            SensorShows(kind="sensor_shows", target=UNIT, shows=Shows.HUMIDITY, for_s=25)
        )
        await asyncio.sleep(62)
        assert len(blocks(rig)) == count + 1
        rig.bench.cabinet.lay(SensorShows(kind="sensor_shows", target=UNIT, shows=Shows.HUMIDITY))
        await asyncio.sleep(40)
        assert (ambient(rig).temperature_c, ambient(rig).quality) == (None, Quality.BAD)

    off_by(tmp_path, body)


def test_a_value_is_plausible_or_not_before_its_offset(tmp_path: Path) -> None:
    """60.5 °C is beyond what the device can measure; with -0.8 it would look as if it were not."""

    async def body(rig: Rig, hands: Hands) -> None:
        await hands.whole()
        rig.bench.cabinet.lift_all()
        lay_offset(rig, 36.5)
        await asyncio.sleep(60)
        assert (ambient(rig).temperature_c, ambient(rig).quality) == (None, Quality.BAD)

    off_by(tmp_path, body)


def test_a_probe_in_her_hands_says_nothing_of_its_zone(tmp_path: Path) -> None:
    async def body(rig: Rig, hands: Hands) -> None:
        await asyncio.sleep(40)
        assert ambient(rig).quality is Quality.GOOD
        said = await hands.still()
        assert said.raw_c == pytest.approx(TRUE_C + OFF_K, abs=0.2)
        assert (ambient(rig).temperature_c, ambient(rig).quality) == (None, Quality.STALE)
        other = hands.desk.session()
        again = other.answer(ProbeAsked(do="read", probe=PROBE))
        assert await refused(again) == "calibration.held"
        other.close()
        assert ambient(rig).quality is Quality.STALE, "who has it, has it still"
        hands.session.close()
        await asyncio.sleep(12)
        assert ambient(rig).quality is Quality.GOOD
        await asyncio.sleep(60)
        gap = [one["temperatures_c"] for one in blocks(rig)]
        assert any(None in one for one in gap if isinstance(one, list))
        assert rig.events("climate.over_limit") == []

    off_by(tmp_path, body)


def test_a_forgotten_probe_counts_again_after_half_an_hour(tmp_path: Path) -> None:
    async def body(rig: Rig, hands: Hands) -> None:
        await hands.still()
        await asyncio.sleep(OUT_S)
        assert ambient(rig).quality is Quality.GOOD
        late = hands.session.answer(ProbeAsked(do="read", probe=PROBE))
        assert await refused(late) == "calibration.too_long"

    off_by(tmp_path, body)


def test_what_cannot_be_right_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    async def body(rig: Rig, hands: Hands) -> None:
        ask = hands.session.answer
        assert await refused(ask(ProbeAsked(do="read", probe="bus9/1"))) == "calibration.no_probe"
        assert await refused(hands.compare()) == "calibration.unsteady"
        await hands.still()
        assert await refused(hands.compare(by=" ")) == "calibration.by"
        assert await refused(hands.compare(instrument="")) == "calibration.reference"
        assert await refused(hands.compare(reference_c=None)) == "calibration.reference"
        far = hands.compare(reference_c=TRUE_C + OFF_K + 2.3)
        assert await refused(far) == "calibration.too_far"
        taken_out = hands.compare("withdraw", reason="new probe")
        assert await refused(taken_out) == "calibration.none"
        assert rig.events("probe.calibrated") == []
        assert rig.climate.calibrations.of(PROBE) is None
        await hands.compare()
        assert await refused(hands.compare("withdraw", reason="")) == "calibration.reason"

    off_by(tmp_path, body)


@pytest.mark.parametrize("last", ["moved", "silent"])
def test_a_probe_that_is_pulled_out_at_the_last_moment_is_not_calibrated(
    tmp_path: Path, last: str
) -> None:
    async def body(rig: Rig, hands: Hands) -> None:
        await hands.still()
        if last == "moved":
            rig.bench.cabinet.lift_all()
        else:
            rig.bench.cabinet.lay(NoAnswer(kind="no_answer", target=UNIT))
        assert await refused(hands.compare()) == "calibration.unsteady"
        assert rig.events("probe.calibrated") == []

    off_by(tmp_path, body)


def test_a_proposal_writes_nothing(tmp_path: Path) -> None:
    async def body(rig: Rig, hands: Hands) -> None:
        await hands.still()
        proposed = await hands.compare("propose")
        assert proposed.offset_k == pytest.approx(-OFF_K, abs=0.1)
        assert rig.events("probe.calibrated") == []
        assert rig.climate.calibrations.of(PROBE) is None

    off_by(tmp_path, body)


def test_records_follow_one_another_and_outlive_a_restart(tmp_path: Path) -> None:
    async def body(rig: Rig, hands: Hands) -> None:
        first = await hands.whole()
        rig.bench.cabinet.lift_all()
        await hands.still()
        second = await hands.compare()
        assert (second.number, second.supersedes) == (2, first.calibration_id)
        assert second.offset_k == pytest.approx(0.0, abs=0.1), (
            "of the raw value, not of what was shown"
        )
        await rig.stop()
        await rig.boot()
        assert rig.climate.calibrations.of(PROBE) == second
        held = rig.events("station.probes")[-1]["probes"]
        assert isinstance(held, list)
        assert {one["probe"]: one["calibration_id"] for one in held} == {
            "bus0/3": None, PROBE: second.calibration_id,
        }  # fmt: skip
        hands = Hands(rig)
        gone = await hands.compare("withdraw", reason="new probe")
        assert (gone.kind, gone.number, gone.offset_k) == ("withdrawn", 3, 0.0)
        await asyncio.sleep(150)
        assert blocks(rig)[-1]["calibration_id"] is None
        assert await refused(hands.compare("withdraw", reason="again")) == "calibration.none"
        assert hands.desk.states()[1].record == gone

    off_by(tmp_path, body)


def test_of_two_at_the_same_moment_each_sees_the_others_record(tmp_path: Path) -> None:
    async def body(rig: Rig, hands: Hands) -> None:
        await hands.still()
        first = await hands.compare()
        other = Hands(rig)
        other.desk, other.session = hands.desk, hands.desk.session()
        ends = await asyncio.gather(
            hands.compare("withdraw", reason="mine"), other.compare("withdraw", reason="theirs"),
            hands.compare(), return_exceptions=True,
        )  # fmt: skip
        refusals = [one for one in ends if isinstance(one, LinliError)]
        assert {one.key for one in refusals} <= {"calibration.none"}
        made = sorted((e for e in ends if isinstance(e, ProbeCalibrated)), key=lambda e: e.number)
        assert len(made) + len(refusals) == 3
        assert len(made) >= 2
        chain = [first, *made]
        assert [one.number for one in chain] == list(range(1, len(chain) + 1))
        assert [one.supersedes for one in made] == [one.calibration_id for one in chain[:-1]]
        assert rig.climate.calibrations.of(PROBE) == made[-1]

    off_by(tmp_path, body)


@pytest.mark.parametrize("wish", ["UPDATE calibration SET body = ''", "DELETE FROM calibration"])
def test_no_record_is_ever_changed(tmp_path: Path, wish: str) -> None:
    async def body(rig: Rig, hands: Hands) -> None:
        await hands.whole()
        with pytest.raises(sqlite3.IntegrityError, match="never"):
            rig.state_db.write_now(lambda conn: conn.execute(wish).rowcount)

    off_by(tmp_path, body)


@pytest.mark.parametrize(
    ("point", "kept"),
    [
        ("sync.edge.appended", 0),
        ("kit.sqlite.before_commit", 0),
        ("climate.calibration_committed", 1),
    ],
)
def test_a_power_cut_leaves_all_of_a_record_or_nothing(
    tmp_path: Path, point: str, kept: int
) -> None:
    async def body(rig: Rig, hands: Hands) -> None:
        await hands.still()

        def cut() -> None:
            raise ConnectionAbortedError(point)

        await rig.stop()
        failpoints.arm(point, cut)
        with pytest.raises(ConnectionAbortedError):
            await hands.compare()
        failpoints.disarm_all()
        await rig.boot()
        assert len(rig.events("probe.calibrated")) == kept
        assert (rig.climate.calibrations.of(PROBE) is not None) == bool(kept)

    off_by(tmp_path, body)


def test_another_rule_of_stillness_and_of_the_widest_offset(tmp_path: Path) -> None:
    async def body(rig: Rig, _hands: Hands) -> None:
        record = rig.bench.config.model_dump() | {
            "calibration": {"steady_s": 10, "most_offset_k": 0.5}
        }
        hands = Hands(rig, StationConfig.model_validate(record))
        said = await hands.still()
        assert said.span_s == 10
        assert said.pace_s == pytest.approx(1 / 3)
        assert await refused(hands.compare()) == "calibration.too_far"

    off_by(tmp_path, body)


def test_refusals_say_what_would_be_right(tmp_path: Path) -> None:
    async def body(_rig: Rig, hands: Hands) -> None:
        with pytest.raises(InvalidError, match="there are bus0/3, bus0/4"):
            await hands.session.answer(ProbeAsked(do="read", probe="bus0/5"))
        with pytest.raises(ConflictError, match=r"0\.2 K over 60 s"):
            await hands.compare()

    off_by(tmp_path, body)
