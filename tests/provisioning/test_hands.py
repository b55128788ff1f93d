"""`--bench`: the hands at a simulated cabinet do what a technician does, and a real one has none."""

from pathlib import Path

import pytest

from common.kit.errors import InvalidError, UnavailableError
from device_sim.app import Sim
from device_sim.faults import Jam
from provisioning.hands import BenchHands
from tests.provisioning.site import at_cabinet
from tests.provisioning.small import drawing, small
from tests.provisioning.technician import Technician

pytestmark = pytest.mark.timeout(60)


def test_hands_see_and_shut_doors(tmp_path: Path) -> None:
    async def body(_technician: Technician, sim: Sim) -> None:
        hands = BenchHands(sim.bench.url)
        assert await hands.answer("which_door", "") == "-"
        sim.cabinet.pull("A01")
        assert await hands.answer("which_door", "") == "A01"
        sim.cabinet.pull("A02")
        assert await hands.answer("which_door", "") == "+"
        assert await hands.answer("shut_door", "A01") == ""
        assert await hands.answer("which_door", "") == "A02"
        sim.cabinet.lay(Jam(kind="jam", target="A02"))
        await hands.answer("all_shut", "")
        assert await hands.answer("which_door", "") == "A02", "jammed, and not pushed for ever"
        sim.cabinet.free("A02")
        await hands.answer("shut_all", "")
        assert await hands.answer("which_door", "") == "-"
        assert await hands.answer("confirm_board", "") == ""
        with pytest.raises(UnavailableError):
            await hands.answer("shut_door", "Z9")

    at_cabinet(tmp_path, small(), body)


@pytest.mark.parametrize("url", ["http://192.168.1.9:8820", "https://127.0.0.1:8820", "x"])
def test_a_bench_of_another_computer_is_refused(url: str) -> None:
    with pytest.raises(InvalidError):
        BenchHands(url)


def test_the_command_learns_with_them(tmp_path: Path) -> None:
    async def body(technician: Technician, sim: Sim) -> None:
        link, layout = str(sim.serial[0].link), tmp_path / "layout.toml"
        layout.write_text(drawing(small()), "utf-8")
        assert await technician.run("scan", "--port", link, "--units", "1-5") == 0
        technician.answers_left = 0  # nobody types
        words = ("learn", "--cabinet", str(layout), "--bench", sim.bench.url)
        assert await technician.run(*words) == 0, technician.errors

    at_cabinet(tmp_path, small(), body)
