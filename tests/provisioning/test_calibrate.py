"""`linli provision calibrate` at a probe that is off on a real line: guided, at once, refused, left in the middle."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from common.kit.errors import ConflictError, InvalidError, LinliError
from device_sim.iron_faults import SensorOffset
from edge.hardware.calibration import ProbeAsked, ProbeState
from edge.instruments import CalibrationSection
from provisioning.calibrate import Wish, calibrate_step
from provisioning.job import Job
from provisioning.lease import Leases
from provisioning.record import FoundBus, FoundUnit, LastTest, load_record
from provisioning.replace import replace_step
from provisioning.report import report_step
from provisioning.report_page import render
from provisioning.talk import StopError
from tests.edge.test_lease import Daemon, with_daemon
from tests.provisioning.site import job_in, said

pytestmark = pytest.mark.timeout(60)
QUICK = CalibrationSection(steady_s=1.0)
PROBE, UNIT, TRUE_C, OFF_K = "bus0/4", 4, 24.0, 0.8
WHOLE = Wish(PROBE, TRUE_C, "Testo 110 SN 7", "2027-03-31", "张敏", yes=True)
Answers = Callable[[str], Awaitable[str]]


class Typist:
    """Answers as told, and does something with the probe before that."""

    def __init__(self, answers: dict[str, str], before: Callable[[str], None]) -> None:
        self._answers, self._before = answers, before

    async def answer(self, key: str, _label: str) -> str:
        self._before(key)
        return self._answers.get(key, "")


def at_probe(
    folder: Path, body: Callable[[Daemon], Awaitable[None]], offset_k: float = OFF_K
) -> None:
    async def on(daemon: Daemon) -> None:
        lay(daemon, offset_k)
        await body(daemon)

    with_daemon(folder, on, QUICK)


def lay(daemon: Daemon, offset_k: float) -> None:
    daemon.cabinet.lift_all()
    daemon.cabinet.lay(SensorOffset(kind="sensor_offset", target=UNIT, offset_k=offset_k))


async def step(
    daemon: Daemon, wish: Wish, *answers: str, typist: Typist | None = None
) -> tuple[bool, list[dict[str, Any]]]:
    """Carry the command out in this process; return its end and what it said."""
    with job_in(daemon.folder, *answers) as job:
        if typist is not None:
            job.talk._hands = typist  # type: ignore[assignment]
        try:
            fine = await calibrate_step(job, wish)
        finally:
            await job.leases.close()
    return fine, said(daemon.folder)


def steps(spoken: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    return [one for one in spoken if one.get("step") in names]


async def until_out(daemon: Daemon, *, out: bool) -> None:
    """Wait until the probe is in somebody's hands, or until the daemon has seen the end of the connection."""
    another = Leases(daemon.folder)
    async with asyncio.timeout(10):
        while daemon.climate.calibrations.is_out(PROBE) is not out:
            await another.about_probe(ProbeAsked(do="list"))  # a turn of the loop
    await another.close()


def test_a_person_is_led_through_and_wrong_answers_are_asked_again(tmp_path: Path) -> None:
    async def body(daemon: Daemon) -> None:
        fine, spoken = await step(
            daemon, Wish(), "bus9/9", "2", "warm", "24,0 °C", "", "Testo 110 SN 7", "tomorrow",
            "2027-03-31", "", "张敏", "y", "",
        )  # fmt: skip
        assert fine
        wrong = steps(spoken, "no_such_probe", "no_number", "no_day")
        assert len(wrong) == 3
        (proposed,) = steps(spoken, "proposed")
        assert float(proposed["raw"]) == pytest.approx(TRUE_C + OFF_K, abs=0.2)
        assert proposed["before"] == proposed["raw"]
        assert float(proposed["offset"]) == pytest.approx(-OFF_K, abs=0.2)
        assert float(proposed["after"]) == pytest.approx(TRUE_C, abs=0.2)
        (done,) = steps(spoken, "calibrated")
        assert abs(float(done["off"])) < 0.2
        asks = [one["ask"] for one in spoken if "ask" in one]
        assert asks[-2:] == ["agreed", "back"]
        assert len(steps(spoken, "reading")) >= 9, "they are shown while she waits"
        rules = daemon.climate.calibrations.of(PROBE)
        assert rules is not None
        assert (rules.by, rules.instrument, rules.certificate_until) == (
            "张敏", "Testo 110 SN 7", "2027-03-31",
        )  # fmt: skip
        assert not daemon.climate.calibrations.is_out(PROBE)
        fine, spoken = await step(daemon, Wish(only_list=True))
        _, listed = steps(spoken, "probe")
        assert (listed["probe"], listed["by"]) == (PROBE, "张敏")
        assert listed["record"]["calibration_id"] == rules.calibration_id

    at_probe(tmp_path, body)


def test_a_program_does_it_at_once(tmp_path: Path) -> None:
    async def body(daemon: Daemon) -> None:
        fine, spoken = await step(daemon, WHOLE)
        assert fine
        assert not [one for one in spoken if "ask" in one]
        assert not steps(spoken, "expired")
        lay(daemon, 0.0)
        fine, spoken = await step(daemon, replace(WHOLE, certificate_until="2020-01-01"))
        assert fine
        assert steps(spoken, "expired")[0]["day"] == "2020-01-01"
        record = daemon.climate.calibrations.of(PROBE)
        assert record is not None
        assert record.number == 2
        assert record.offset_k == pytest.approx(0.0, abs=0.2)
        kept = load_record(daemon.folder).calibrations
        assert ProbeState(probe=PROBE, zone="ambient", kind="xy_md02", record=record) in kept

    at_probe(tmp_path, body)


@pytest.mark.parametrize("answered", range(7))
def test_left_at_any_question_nothing_is_half_done(tmp_path: Path, answered: int) -> None:
    answers = ("2", "24.0", "ice water", "-", "张敏", "y", "")

    async def body(daemon: Daemon) -> None:
        with pytest.raises(StopError):
            await step(daemon, Wish(), *answers[:answered])
        written = daemon.climate.calibrations.of(PROBE) is not None
        assert written is (answered == 6), "only after the yes"
        await until_out(daemon, out=False)

    at_probe(tmp_path, body)


def test_ended_while_it_reads_nothing_is_half_done(tmp_path: Path) -> None:
    async def body(daemon: Daemon) -> None:
        task = asyncio.create_task(step(daemon, WHOLE))
        await until_out(daemon, out=True)
        task.cancel()  # what Ctrl-C does
        with suppress(asyncio.CancelledError):
            await task
        assert daemon.climate.calibrations.of(PROBE) is None
        await until_out(daemon, out=False)

    at_probe(tmp_path, body)


def test_no_is_no(tmp_path: Path) -> None:
    async def body(daemon: Daemon) -> None:
        fine, spoken = await step(daemon, replace(WHOLE, yes=False), "n", "")
        assert not fine
        assert steps(spoken, "left")
        assert daemon.climate.calibrations.of(PROBE) is None

    at_probe(tmp_path, body)


def test_a_probe_that_moves_while_she_decides_is_waited_for_and_asked_again(tmp_path: Path) -> None:
    async def body(daemon: Daemon) -> None:
        moved: list[str] = []

        def pull_out(key: str) -> None:
            if key == "agreed" and not moved:
                moved.append(key)
                lay(daemon, 0.1)

        answers = {"agreed": "y"}
        wish = replace(WHOLE, yes=False)
        fine, spoken = await step(daemon, wish, typist=Typist(answers, pull_out))
        assert fine
        assert steps(spoken, "moved")
        first, second = steps(spoken, "proposed")
        assert float(first["offset"]) == pytest.approx(-OFF_K, abs=0.2)
        assert float(second["offset"]) == pytest.approx(-0.1, abs=0.2)
        record = daemon.climate.calibrations.of(PROBE)
        assert record is not None
        assert record.offset_k == pytest.approx(-0.1, abs=0.2)

    at_probe(tmp_path, body)


def test_a_broken_probe_is_not_calibrated(tmp_path: Path) -> None:
    async def body(daemon: Daemon) -> None:
        with pytest.raises(ConflictError, match="it is broken") as refused:
            await step(daemon, WHOLE)
        assert refused.value.key == "calibration.too_far"
        assert daemon.climate.calibrations.of(PROBE) is None

    at_probe(tmp_path, body, offset_k=3.0)


def test_an_offset_is_withdrawn_with_a_reason(tmp_path: Path) -> None:
    async def body(daemon: Daemon) -> None:
        await step(daemon, WHOLE)
        wish = Wish(PROBE, by="张敏", withdraw="new probe")
        assert (await step(daemon, wish, "n"))[0] is False
        assert daemon.climate.calibrations.of(PROBE).kind == "offset"  # type: ignore[union-attr]
        assert (await step(daemon, replace(wish, yes=True)))[0]
        assert daemon.climate.calibrations.of(PROBE).kind == "withdrawn"  # type: ignore[union-attr]
        _, spoken = await step(daemon, Wish(only_list=True))
        assert steps(spoken, "probe")[1]["reason"] == "new probe"

    at_probe(tmp_path, body)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"probe": "bus0/7"}, "there are bus0/3, bus0/4"),
        ({"reference_c": 200.0}, "-60 to 80"),
        ({"reference_c": float("nan")}, "-60 to 80"),
        ({"certificate_until": "2027-02-30"}, "like 2027-03-31"),
        ({"certificate_until": "20270331"}, "like 2027-03-31"),
        ({"by": " "}, "one to 60"),
        ({"instrument": "x" * 81}, "one to 80"),
        ({"withdraw": ""}, "one to 200"),
    ],
)
def test_bad_input_is_refused_with_what_would_be_right(
    tmp_path: Path, wrong: dict[str, Any], hint: str
) -> None:
    async def body(daemon: Daemon) -> None:
        with pytest.raises(InvalidError, match=hint):
            await step(daemon, replace(WHOLE, **wrong))
        assert not daemon.climate.calibrations.is_out(PROBE)

    at_probe(tmp_path, body)


def test_without_a_daemon_it_says_what_to_do(tmp_path: Path) -> None:
    with job_in(tmp_path) as job, pytest.raises(LinliError, match="systemctl start linli-edge"):
        asyncio.run(calibrate_step(job, WHOLE))


def test_the_report_lists_calibrations_as_the_station_knows_them(tmp_path: Path) -> None:
    async def body(daemon: Daemon) -> None:
        await step(daemon, WHOLE)
        with job_in(daemon.folder) as job:
            tested = LastTest(
                at="2026-11-27T09:00:00+00:00", technician="张敏", doors=(), probes=()
            )
            job.keep(tested=tested, calibrations=())
            await report_step(job, daemon.folder / "report.html")
            await job.leases.close()
            page = (daemon.folder / "report.html").read_text("utf-8")
            assert "Testo 110 SN 7" in page
            assert "2027-03-31" in page
            assert "never compared" in page, "the other probe"
            _withdrawn(job)
            assert "new probe" in render(job.record, job.talk.texts, "x", None).decode()

    at_probe(tmp_path, body)


def _withdrawn(job: Job) -> None:
    state = job.record.calibrations[1]
    assert state.record is not None
    gone = state.record.model_copy(update={"kind": "withdrawn", "reason": "new probe"})
    job.keep(calibrations=(state.model_copy(update={"record": gone}),))


def test_a_swapped_probe_is_said_to_carry_the_old_ones_offset(tmp_path: Path) -> None:
    async def body(daemon: Daemon) -> None:
        await step(daemon, WHOLE)
        port = str((daemon.folder / "bus0").resolve())
        units = tuple(FoundUnit(unit=n, kind="xy_md02", sure="certain") for n in (3, UNIT))
        bus = FoundBus(name="bus0", port=port, baud=9600, protocol="modbus", units=units)
        for board, told in (("bus0/3", 0), (PROBE, 1)):
            with job_in(daemon.folder) as job:
                job.keep(buses=(bus,))
                assert await replace_step(job, board, None)
                await job.leases.close()
            assert len(steps(said(daemon.folder), "offset_stands")) == told

    at_probe(tmp_path, body)
