"""Learning with what goes wrong: contacts the other way round, none, two, a linked board, a guess that is wrong."""

import asyncio
import random
import signal
import sys
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path

import pytest

from common.kit.clock import SystemClock
from common.kit.errors import ConflictError, InvalidError
from common.ui.i18n import Catalogue, Lang
from device_sim.app import Sim
from device_sim.relay_board import RelayBoard
from edge.hardware.kerong import KerongCu16
from provisioning.bench import Place, Workbench
from provisioning.job import Job
from provisioning.learning import learn_step
from provisioning.lease import Leases
from provisioning.record import load_record
from provisioning.scanning import scan_step, wanted
from provisioning.talk import Talk
from tests.provisioning.site import at_cabinet
from tests.provisioning.small import drawing, small
from tests.provisioning.technician import Technician

pytestmark = pytest.mark.timeout(90)
Read = Callable[[Workbench, str], object]


class Person(Talk):
    """Sees the cabinet and has hands; answers as a technician does."""

    def __init__(self, technician: Technician, **special: str) -> None:
        super().__init__(Catalogue().texts(Lang.EN), as_json=True, out=StringIO())
        self.technician, self.special = technician, special
        self.asked: list[str] = []
        self.told: list[str] = []

    def tell(self, step: str, text: str, /, **params: object) -> None:
        self.told.append(step)
        super().tell(step, text, **params)

    async def ask(self, key: str, text: str, /, default: str = "", **params: object) -> str:
        self.asked.append(key)
        if key in self.special:
            return self.special[key]
        if key in ("which_door", "shut_door", "all_shut", "shut_all"):
            said = {"ask": key, "default": default} | params
            answer = await self.technician._answer(said)
            return answer or (default if key != "which_door" else "-")
        return default


async def learn(
    folder: Path, person: Person, sim: Sim, anew: Sequence[str] = (), **options: bool
) -> tuple[bool, Job]:
    data = folder / "data"
    data.mkdir(exist_ok=True)
    job = Job(data, load_record(data), person, SystemClock(), Leases(data))
    if not job.record.buses:
        ports = [str(port.link) for port in sim.serial]
        assert await scan_step(job, wanted(ports, [], "0-5", 0.08))
    layout = folder / "layout.toml"
    layout.write_text(drawing(sim.cabinet.config), "utf-8")
    done = await learn_step(
        job, layout, pulse_ms=400, again=options.get("again", False), forget=options.get("forget", False),
        anew=anew,
    )  # fmt: skip
    return done, job


def seen_as(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[dict[Place, bool | None]], None]
) -> None:
    """Let every reading of contacts go through `change`, as wires that a person has crossed."""
    real = Workbench.inputs

    async def inputs(bench: Workbench, bus: str) -> dict[Place, bool | None]:
        said = await real(bench, bus)
        change(said)
        return said

    monkeypatch.setattr(Workbench, "inputs", inputs)


def test_a_contact_the_other_way_round_is_learnt_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def turned(said: dict[Place, bool | None]) -> None:
        said[1, 0] = None if said[1, 0] is None else not said[1, 0]

    async def body(technician: Technician, sim: Sim) -> None:
        seen_as(monkeypatch, turned)
        done, job = await learn(tmp_path, Person(technician), sim)
        assert done
        levels = {door.label: (door.channel, door.open_level) for door in job.record.doors}
        assert levels == {"A01": (2, 1), "A02": (0, 0), "A03": (1, 1)}

    at_cabinet(tmp_path, small(), body)


def test_a_door_that_was_answered_wrongly_is_learnt_anew(tmp_path: Path) -> None:
    async def body(technician: Technician, sim: Sim) -> None:
        mistaken = iter(("A02", "A01", "A03"))
        person = Person(technician)
        real = person.ask

        async def ask(key: str, text: str, /, default: str = "", **params: object) -> str:
            answer = await real(key, text, default, **params)
            if key == "shut_door":
                for label in await technician.open_doors():
                    await technician.push(label)
            return next(mistaken) if key == "which_door" else answer

        person.ask = ask  # type: ignore[method-assign]
        _, job = await learn(tmp_path, person, sim)
        wrong = {door.label: door.channel for door in job.record.doors}
        assert wrong == {"A01": 1, "A02": 0, "A03": 2}
        with pytest.raises(InvalidError, match="known are"):
            await learn(tmp_path, Person(technician), sim, anew=["Z99"])
        done, job = await learn(tmp_path, Person(technician), sim, anew=["A01", "A03"])
        assert done
        right = {door.label: door.channel for door in job.record.doors}
        assert right == {"A01": 2, "A02": 0, "A03": 1}

    at_cabinet(tmp_path, small(), body)


def test_a_label_is_taken_back_while_its_door_is_to_be_shut(tmp_path: Path) -> None:
    async def body(technician: Technician, sim: Sim) -> None:
        person = Person(technician)
        real, said = person.ask, iter(("A03", None, None, None))
        back = iter(("", "r", "", "", ""))

        async def ask(key: str, text: str, /, default: str = "", **params: object) -> str:
            if key == "which_door" and (label := next(said)) is not None:
                person.asked.append(key)
                return label
            if key == "shut_door" and params["label"] == "A03" and (word := next(back)) == "r":
                return word
            if key == "shut_door" and person.asked.count("which_door") == 1:
                return ""  # the door that was named is shut, another one stands open
            return await real(key, text, default, **params)

        person.ask = ask  # type: ignore[method-assign]
        done, job = await learn(tmp_path, person, sim)
        assert done
        assert "still_open" in person.told
        assert {door.label: door.channel for door in job.record.doors} == {
            "A01": 2, "A02": 0, "A03": 1,
        }  # fmt: skip

    at_cabinet(tmp_path, small(), body)


def test_a_file_that_is_no_drawing_of_this_cabinet_changes_nothing(tmp_path: Path) -> None:
    async def body(technician: Technician, sim: Sim) -> None:
        _, job = await learn(tmp_path, Person(technician), sim)
        before = job.record
        empty, other = tmp_path / "day.toml", tmp_path / "other.toml"
        empty.write_text("speed = 60\n", "utf-8")
        other.write_text(drawing(small()).replace("A03", "C03"), "utf-8")
        for path, error, said in (
            (empty, InvalidError, "no \\[\\[door"), (other, ConflictError, "has no A03"),
        ):  # fmt: skip
            with pytest.raises(error, match=said):
                await learn_step(job, path, pulse_ms=400, again=False, forget=False)
            assert job.record == before

    at_cabinet(tmp_path, small(), body)


@pytest.mark.parametrize("why", ["no_sensor", "two_sensors", "did_not_shut"])
def test_a_door_whose_contact_cannot_be_trusted_is_not_learnt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    was_open: set[Place] = set()

    def crossed(said: dict[Place, bool | None]) -> None:
        if why == "no_sensor":
            said[1, 0] = False
        elif why == "two_sensors":
            said[1, 5] = said[1, 0]
        elif said[1, 0] or (1, 0) in was_open:
            was_open.add((1, 0))
            said[1, 0] = True

    async def body(technician: Technician, sim: Sim) -> None:
        seen_as(monkeypatch, crossed)
        done, job = await learn(tmp_path, Person(technician), sim)
        assert not done
        assert [(one.channel, one.why) for one in job.record.odd if one.channel == 0] == [(0, why)]
        assert sorted(door.label for door in job.record.doors) == ["A01", "A03"]

    at_cabinet(tmp_path, small(), body)


def test_a_board_whose_inputs_drive_relays_is_put_right_first(tmp_path: Path) -> None:
    async def body(technician: Technician, sim: Sim) -> None:
        board = sim.cabinet._boards[1]
        assert isinstance(board, RelayBoard)
        board._modes = [1] * 8
        person = Person(technician)
        done, job = await learn(tmp_path, person, sim)
        assert done
        assert "modes_set" in person.told
        assert board._modes == [0] * 8
        person = Person(technician)
        assert (await learn(tmp_path, person, sim))[0]
        assert "nothing_left" in person.told
        done, job = await learn(tmp_path, Person(technician), sim, forget=True)
        assert done
        assert len(job.record.doors) == 3

    at_cabinet(tmp_path, small(), body)


def test_a_guess_is_confirmed_and_a_pulse_that_burns_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def minute(_board: KerongCu16) -> int:
        return 60_000

    async def body(technician: Technician, sim: Sim) -> None:
        person = Person(technician, confirm_board="n")
        done, _ = await learn(tmp_path, person, sim)
        assert (done, sim.cabinet.state().pulses) == (False, ())
        assert person.told.count("board_skipped") == 1
        assert (await learn(tmp_path, Person(technician), sim))[0]

    at_cabinet(tmp_path, small("xor_8a80"), body)

    async def burns(technician: Technician, sim: Sim) -> None:
        monkeypatch.setattr(KerongCu16, "read_pulse_ms", minute)
        person = Person(technician)
        done, _ = await learn(tmp_path / "k", person, sim)
        assert (done, sim.cabinet.state().pulses) == (False, ())
        assert "pulse_too_long" in person.told

    (tmp_path / "k").mkdir()
    at_cabinet(tmp_path / "k", small("kerong_cu16"), burns)


def test_without_a_drawing_zones_and_labels_are_asked(tmp_path: Path) -> None:
    async def body(technician: Technician, sim: Sim) -> None:
        data = tmp_path / "data"
        data.mkdir()
        answers = iter(["four", "4 -"])
        person = Person(technician)
        real = person.ask

        async def ask(key: str, text: str, /, default: str = "", **params: object) -> str:
            if key == "zones":
                return next(answers)
            return await real(key, text, default, **params)

        person.ask = ask  # type: ignore[method-assign]
        job = Job(data, load_record(data), person, SystemClock(), Leases(data))
        ports = [str(port.link) for port in sim.serial]
        assert await scan_step(job, wanted(ports, [], "0-5", 0.08))
        assert await learn_step(job, None, pulse_ms=400, again=False, forget=False)
        drawing_ = job.record.drawing
        assert [zone.set_point_c for zone in drawing_.zone] == [4.0, None]
        assert [door.label for door in drawing_.door] == ["A02", "A03", "A01"]
        assert {(probe.zone, probe.unit) for probe in job.record.probes} == {
            ("zone1", 4), ("zone2", 3),
        }  # fmt: skip

    at_cabinet(tmp_path, small(), body)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_at_any_moment_it_goes_on(tmp_path: Path, how: signal.Signals) -> None:
    async def body(technician: Technician, sim: Sim) -> None:
        link = str(sim.serial[0].link)
        assert await technician.run("scan", "--port", link, "--units", "1-5") == 0
        layout = tmp_path / "layout.toml"
        layout.write_text(drawing(sim.cabinet.config), "utf-8")
        words = ("learn", "--cabinet", str(layout), "--data", str(technician.data), "--json")
        for seed in range(3):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "linli", "provision", *words,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            assert process.stdout is not None
            assert process.stdin is not None
            process.stdin.write(b"\n")
            await process.stdout.readline()
            try:  # somewhere between the first frame and the answer to the first pulse
                async with asyncio.timeout(random.Random(seed).uniform(0.0, 0.8)):
                    await process.wait()
            except TimeoutError:
                process.send_signal(how)
            assert await process.wait() == (130 if how is signal.SIGINT else -how)
            for label in await technician.open_doors():
                await technician.push(label)
        assert await technician.run("learn") == 0, technician.errors
        assert len(load_record(technician.data).doors) == 3

    at_cabinet(tmp_path, small(), body)
