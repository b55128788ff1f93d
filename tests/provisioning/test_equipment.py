"""`linli provision test` at scale, printer, scanner and card reader: on real ports, and every way to go wrong."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from common.kit.clock import SystemClock
from common.kit.errors import InvalidError
from common.kit.folder import hold
from common.ui.i18n import Catalogue, Lang
from device_sim.app import Sim
from device_sim.card_device import CardDevice
from device_sim.printer_device import PrinterDevice
from device_sim.scale_device import ScaleDevice
from device_sim.scanner_device import ScannerDevice
from device_sim.tcp_port import BareTcpPort
from edge.config import StationConfig
from edge.data_folder import LOCK_FILE
from edge.peripherals import PrinterSection
from firmware_protocols.escpos import Paper, Status
from firmware_protocols.weights import Flaw, Weight
from linli.demo.ports import Ports
from linli.demo.station_file import station_toml
from provisioning.cycling import try_step
from provisioning.equipment import tell_equipment, try_equipment
from provisioning.hand_trials import receipt_lines
from provisioning.hands import BenchHands
from provisioning.job import Job
from provisioning.lease import Leases
from provisioning.parts import DEVICES, Part
from provisioning.record import DoorCycles, LastTest, LearntDoor, Record, load_record
from provisioning.report_page import render
from provisioning.talk import StopError, Talk
from provisioning.tried import DeviceTried
from provisioning.weigh_trial import allowed_g
from tests.edge.hardware.device_bench import DeviceBench, cabinet_with, on_devices, station_with
from tests.provisioning.site import at_cabinet
from tests.provisioning.small import small
from tests.provisioning.technician import Technician

pytestmark = pytest.mark.timeout(60)
STATION = "01K0YANGGVANG0000000000003"
SERIAL: tuple[dict[str, object], ...] = (
    {"kind": "toledo", "name": "scale", "checksum": True},
    {"kind": "escpos", "name": "printer"},
    {"kind": "gm65", "name": "scanner"},
    {"kind": "rdm6300", "name": "card_reader"},
)
SECTIONS: dict[str, Any] = {
    "scale": {
        "kind": "toledo", "port": "/dev/x", "checksum": True, "capacity_g": 30_000, "division_g": 10,
    },
    "printer": {"port": "/dev/y"},
    "scanner": {"kind": "gm65", "port": "/dev/z"},
    "card_reader": {"port": "/dev/w"},
}  # fmt: skip
READY = Status(is_off_line=False, is_cover_open=False, has_error=False, paper=Paper.OK)


def devices_of(folder: Path) -> dict[str, DeviceTried]:
    tested = load_record(folder).tested
    return {one.name: one for one in tested.devices} if tested else {}


def test_all_of_them_on_real_ports(tmp_path: Path) -> None:
    """The command, pseudo-terminals, and hands at the bench; then the report says it in both languages."""
    cabinet = small(serial=list(SERIAL))
    station = tmp_path / "station.toml"
    station.write_text(
        station_toml(cabinet, station_id=STATION, ports=Ports.from_base(8800), ptys=tmp_path / "sim"),
        "utf-8",
    )  # fmt: skip

    async def body(technician: Technician, sim: Sim) -> None:
        words = [word for part in DEVICES for word in ("--part", part.value)]
        words += ["--config", str(station), "--bench", sim.bench.url]
        technician.answers_left = 0  # nobody types
        assert await technician.run("test", *words) == 0, technician.errors
        found = devices_of(technician.data)
        assert {name: one.why for name, one in found.items()} == {
            "scale": "scale_weighed", "printer": "printer_read", "scanner": "scanner_read",
            "card_reader": "card_read", "camera": "not_in_settings",
        }  # fmt: skip
        assert found["scale"].figures["read_g"] == 5000
        _, printer = sim.cabinet.serial.find(PrinterDevice)
        paper = printer.printed.decode("gb18030")
        assert paper.count("中文正常：冷藏 冷冻 常温") == 1
        assert STATION in paper
        assert await technician.run("test", *words) == 0
        assert not [one for one in technician.said if "ask" in one], "well: not tried again"

    at_cabinet(tmp_path, cabinet, body)
    record = load_record(tmp_path / "data")
    for lang, words in (
        (
            Lang.ZH,
            ("空秤 0 克；5000 克称得 5000 克", "已打印，纸上看得清", "station.toml 里没有它的一节"),
        ),
        (Lang.EN, ("5000 g were weighed as 5000 g", "printed, and its paper can be read")),
    ):
        page = render(record, Catalogue().texts(lang), STATION, None).decode()
        assert all(word in page for word in words)


@dataclass
class Hands(BenchHands):
    """Hands at the simulated devices themselves, in virtual time; `acts` are what is done at the n-th question."""

    bench: DeviceBench
    acts: dict[str, Iterator[Callable[[DeviceBench], str]]]
    asked: list[str] = field(default_factory=list)

    async def answer(self, key: str, label: str) -> str:
        self.asked.append(key)
        act = next(self.acts.get(key, iter(())), None)
        return "" if act is None else act(self.bench)


def say(word: str) -> Callable[[DeviceBench], str]:
    return lambda _bench: word


def lay(load_g: float, word: str = "", **how: float) -> Callable[[DeviceBench], str]:
    def act(bench: DeviceBench) -> str:
        scale = bench.cabinet.scales.find()
        way = {"moving_s": 0.5, "drift_g_per_s": 0.0} | how
        scale.put(load_g, bench.cabinet.settle_now(), **way)
        return word

    return act


def become(word: str = "", status: Status = READY) -> Callable[[DeviceBench], str]:
    def act(bench: DeviceBench) -> str:
        bench.cabinet.serial.find(PrinterDevice)[1].become(status)
        return word

    return act


def scan(text: bytes) -> Callable[[DeviceBench], str]:
    def act(bench: DeviceBench) -> str:
        name, scanner = bench.cabinet.serial.find(ScannerDevice)
        bench.say(name, scanner.show(text))
        return ""

    return act


def flawed(flaw: Flaw) -> Callable[[DeviceBench], str]:
    def act(bench: DeviceBench) -> str:
        _, scale = bench.cabinet.serial.find(ScaleDevice)  # type: ignore[type-abstract] # any of them
        scale.weight = lambda at_s: Weight(0, False, flaw)  # type: ignore[method-assign]
        return ""

    return act


def pulled(name: str) -> Callable[[DeviceBench], str]:
    def act(bench: DeviceBench) -> str:
        bench.cables[name].pull()
        return ""

    return act


@contextmanager
def job_with(folder: Path, hands: BenchHands) -> Iterator[Job]:
    talk = Talk(Catalogue().texts(Lang.EN), as_json=True, out=StringIO(), hands=hands)
    yield Job(folder, load_record(folder), talk, SystemClock(), Leases(folder))


def tried(
    folder: Path,
    part: Part,
    *,
    settings: Mapping[str, object] = MappingProxyType({}),
    changes: Mapping[str, object] = MappingProxyType({}),
    before: Callable[[DeviceBench], object] = lambda _bench: None,
    **acts: Any,
) -> DeviceTried:
    """Try one part on simulated devices in virtual time; `acts`: question → what hands do, one after the other."""
    station = station_with(**{part.value: SECTIONS[part.value] | dict(settings)})

    async def body(bench: DeviceBench) -> None:
        given = {key: iter(one if isinstance(one, tuple) else (one,)) for key, one in acts.items()}
        ticking = asyncio.create_task(_time(bench))
        try:
            with job_with(folder, Hands(bench, given)) as job:
                lines: Any = lambda section: bench.cables[section.name]  # noqa: E731
                await try_equipment(job, station, {part}, again=True, lines=lines)
        finally:
            ticking.cancel()

    def begin(bench: DeviceBench) -> None:
        before(bench)

    serial = [one | dict(changes) if one["name"] == part else one for one in SERIAL]
    bare = StationConfig.model_validate(station.model_dump() | dict.fromkeys(SECTIONS))
    on_devices(cabinet_with(*serial), bare, body, before=begin)
    return devices_of(folder)[part.value]


async def _time(bench: DeviceBench) -> None:
    while True:
        bench.cabinet.settle_now()
        await asyncio.sleep(0.05)


SCALES: list[tuple[str, dict[str, Any]]] = [
    ("scale_zero", {"scale_empty": lay(10)}),
    ("scale_weighed", {"scale_empty": lay(-10), "known_weight": lay(1000, "1000"), "scale_clear": lay(0)}),
    ("scale_weighed", {"known_weight": lay(1010, "1000"), "scale_clear": lay(0)}),
    ("scale_wrong", {"known_weight": lay(1030, "1000")}),
    ("scale_not_zero", {"scale_empty": lay(30)}),
    ("scale_not_zero", {"scale_empty": lay(-30)}),
    ("scale_not_back", {"known_weight": lay(1000, "1000"), "scale_clear": lay(40)}),
    ("scale_moving", {"scale_empty": lay(0, moving_s=60)}),
    ("scale_moving", {"scale_empty": lay(0, drift_g_per_s=50)}),
    ("scale_moving", {"known_weight": lay(5000, "5000", moving_s=60)}),
    ("scale_range", {"scale_empty": lay(31_000)}),
    ("scale_unit", {"scale_empty": flawed(Flaw.UNIT)}),
    ("scale_busy", {"scale_empty": flawed(Flaw.BUSY)}),
    ("away", {"scale_empty": pulled("scale")}),
]  # fmt: skip


CASES = [
    (kind, why, acts)
    for kind in ("toledo", "mt_sics")
    for why, acts in SCALES
    if kind == "mt_sics"
    or why not in ("scale_unit", "scale_busy")  # a Toledo's frames cannot say it
]


@pytest.mark.parametrize(("kind", "why", "acts"), CASES, ids=map(str, range(len(CASES))))
def test_a_scale(tmp_path: Path, kind: str, why: str, acts: dict[str, Any]) -> None:
    how = {"kind": kind, "checksum": kind == "toledo"}
    found = tried(tmp_path, Part.SCALE, settings=how, changes=how, **acts)
    assert found.why == why
    assert found.outcome == ("well" if why in ("scale_zero", "scale_weighed") else "bad")


def test_grams_are_read_as_people_write_them(tmp_path: Path) -> None:
    again = (lay(0, "20"), lay(0, "40000"), lay(1000.5, "1000,5"))
    acts: dict[str, Any] = {
        "known_weight": say("1 kg"),
        "known_weight_again": again,
        "scale_clear": lay(0),
    }
    found = tried(tmp_path, Part.SCALE, **acts)
    assert (found.why, found.figures["known_g"]) == ("scale_weighed", 1000.5)
    found = tried(tmp_path, Part.SCALE, known_weight=say("x"), known_weight_again=say(""))
    assert found.why == "scale_zero"


@pytest.mark.parametrize(
    ("load_g", "allowed"), [(200, 10), (5000, 10), (5001, 20), (20_000, 20), (20_001, 30)]
)
def test_what_a_scale_in_use_may_be_wrong_by(load_g: float, allowed: float) -> None:
    assert allowed_g(load_g, 10) == allowed


def test_a_scale_that_was_mended_is_tried_again(tmp_path: Path) -> None:
    acts: dict[str, Any] = {"scale_empty": (lay(500), lay(0)), "again": say("r")}
    assert tried(tmp_path, Part.SCALE, **acts).why == "scale_zero"


NO_PAPER = Status(is_off_line=False, is_cover_open=False, has_error=False, paper=Paper.OUT)
OPEN = Status(is_off_line=False, is_cover_open=True, has_error=False, paper=Paper.OK)


def test_a_printer_that_prints_and_one_that_nobody_can_read(tmp_path: Path) -> None:
    found = tried(tmp_path, Part.PRINTER, did_it_print=(say(""), say("perhaps"), say("Y")))
    assert (found.outcome, found.why) == ("well", "printer_read")
    found = tried(tmp_path, Part.PRINTER, did_it_print=say("n"))
    assert (found.outcome, found.why) == ("bad", "printer_unread")


def test_a_printer_without_paper_and_with_a_new_roll(tmp_path: Path) -> None:
    def out(bench: DeviceBench) -> None:
        become(status=NO_PAPER)(bench)

    assert tried(tmp_path, Part.PRINTER, before=out).why == "printer_no_paper"
    acts: dict[str, Any] = {"again": become("r"), "did_it_print": say("y")}
    assert tried(tmp_path, Part.PRINTER, before=out, **acts).why == "printer_read"


def test_an_open_printer_and_one_that_is_not_there(tmp_path: Path) -> None:
    found = tried(tmp_path, Part.PRINTER, before=lambda bench: become(status=OPEN)(bench))
    assert (found.why, found.figures) == (
        "printer_not_ready", {"detail": "its cover is open; shut it"},
    )  # fmt: skip
    found = tried(tmp_path, Part.PRINTER, before=pulled("printer"))
    assert (found.outcome, found.why) == ("bad", "away")


def test_a_printer_without_chinese_signs_is_not_asked_for_them(tmp_path: Path) -> None:
    lines = receipt_lines(PrinterSection(port="/dev/x", encoding="cp437"), STATION, "now")
    assert "".join(lines).isascii()
    found = tried(tmp_path, Part.PRINTER, settings={"encoding": "cp437"}, did_it_print=say("y"))
    assert found.why == "printer_read"


@pytest.mark.parametrize(
    ("act", "outcome", "why"),
    [
        (scan(b"6901234567892"), "well", "scanner_read"),
        (scan(b"\xff\xfe" * 40), "bad", "scanner_unreadable"),
        (say(""), "bad", "scanner_nothing"),
        (say("-"), "left_out", "left_out"),
    ],
)
def test_a_scanner(
    tmp_path: Path, act: Callable[[DeviceBench], str], outcome: str, why: str
) -> None:
    found = tried(tmp_path, Part.SCANNER, hold_code=act)
    assert (found.outcome, found.why) == (outcome, why)
    assert "6901234567892" not in (tmp_path / "provision.json").read_text("utf-8")


def test_what_a_scanner_read_is_shown_in_part(tmp_path: Path) -> None:
    """A resident's code may be before it: enough to recognise it by, too little to open anything with."""
    grant = b"LP1" + b"k" * 90
    out = StringIO()

    async def body(bench: DeviceBench) -> None:
        hands = Hands(bench, {"hold_code": iter([scan(grant)])})
        talk = Talk(Catalogue().texts(Lang.ZH), out=out, hands=hands)
        job = Job(tmp_path, load_record(tmp_path), talk, SystemClock(), Leases(tmp_path))
        lines: Any = lambda section: bench.cables[section.name]  # noqa: E731
        station = station_with(scanner=SECTIONS["scanner"])
        await try_equipment(job, station, {Part.SCANNER}, lines=lines)

    on_devices(cabinet_with(*SERIAL), station_with(), body)
    assert "读到：LP1kkkkkkkkk…" in out.getvalue()
    assert "k" * 10 not in out.getvalue()


@pytest.mark.parametrize(
    ("answer", "why"), [("y", "wedge_works"), ("", "wedge_fails"), ("-", "left_out")]
)
def test_a_scanner_that_types_is_tried_at_the_screen(tmp_path: Path, answer: str, why: str) -> None:
    found = tried(
        tmp_path, Part.SCANNER, settings={"kind": "wedge", "port": ""}, wedge_works=say(answer)
    )
    assert found.why == why


def hold_card(bench: DeviceBench) -> str:
    _, reader = bench.cabinet.serial.find(CardDevice)
    reader.hold("0123456789", bench.cabinet.settle_now() + 1)
    return ""


@pytest.mark.parametrize(
    ("act", "why"), [(hold_card, "card_read"), (say(""), "card_nothing"), (say("-"), "left_out")]
)
def test_a_card_reader(tmp_path: Path, act: Callable[[DeviceBench], str], why: str) -> None:
    assert tried(tmp_path, Part.CARD_READER, hold_card=act).why == why
    assert "0123456789" not in (tmp_path / "provision.json").read_text("utf-8")


class Stubborn(dict[int, int]):
    """Settings that do not change."""

    def __ior__(self, other: object) -> "Stubborn":  # type: ignore[override,misc]
        return self


def test_what_does_its_work_but_needs_a_hand_is_not_well(tmp_path: Path) -> None:
    def mute(bench: DeviceBench) -> None:
        scanner = bench.cabinet.serial.find(ScannerDevice)[1]
        scanner.zones = Stubborn(scanner.zones)

    found = tried(tmp_path, Part.SCANNER, before=mute, hold_code=scan(b"6901234567892"))
    assert (found.outcome, found.why) == ("bad", "unsound")
    assert "does not keep its settings" in str(found.figures["detail"])


def test_what_is_not_in_the_settings_and_what_the_daemon_holds(tmp_path: Path) -> None:
    with job_with(tmp_path, BenchHands("http://127.0.0.1:9")) as job:
        station = station_with(scale=SECTIONS["scale"])
        asyncio.run(try_equipment(job, station, set(DEVICES[1:])))
        with hold(tmp_path, LOCK_FILE, key="x", who="the station"):
            asyncio.run(try_equipment(job, station, {Part.SCALE}))
        assert job.record.tested is not None
        assert {one.name: one.why for one in job.record.tested.devices} == {
            "scale": "daemon_runs", "printer": "not_in_settings", "scanner": "not_in_settings",
            "card_reader": "not_in_settings", "camera": "not_in_settings",
        }  # fmt: skip
        assert tell_equipment(job, job.record.tested.devices) == ["scale"]


def test_devices_without_settings_are_refused_before_anything_moves(tmp_path: Path) -> None:
    with (
        job_with(tmp_path, BenchHands("http://127.0.0.1:9")) as job,
        pytest.raises(InvalidError, match="--config"),
    ):
        asyncio.run(
            try_step(job, cycles=1, technician="", labels=(), again=False, parts=[Part.SCALE])
        )
    assert load_record(tmp_path).tested is None


def test_an_interruption_keeps_what_was_tried_and_goes_on_there(tmp_path: Path) -> None:
    station = station_with(scale=SECTIONS["scale"], card_reader=SECTIONS["card_reader"])
    parts = {Part.SCALE, Part.CARD_READER}
    asked: list[list[str]] = []

    async def body(bench: DeviceBench) -> None:
        def gone(_bench: DeviceBench) -> str:
            raise StopError("provision.stopped", "the terminal is gone")

        lines: Any = lambda section: bench.cables[section.name]  # noqa: E731
        ticking = asyncio.create_task(_time(bench))
        for acts in ({"hold_card": gone}, {"hold_card": hold_card}):
            hands = Hands(bench, {key: iter((act,)) for key, act in acts.items()})
            asked.append(hands.asked)
            with job_with(tmp_path, hands) as job:
                try:
                    await try_equipment(job, station, parts, lines=lines)
                except StopError:
                    assert {*devices_of(tmp_path)} == {"scale"}
        ticking.cancel()

    on_devices(cabinet_with(*SERIAL), station_with(), body)
    assert asked == [["scale_empty", "known_weight", "hold_card"], ["hold_card"]]
    assert devices_of(tmp_path)["card_reader"].outcome == "well"


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        ("well", "Everything is well"),
        ("not_fitted", "Everything is well"),
        ("bad", "Not everything is well"),
        ("left_out", "Not everything is well"),
    ],
)
def test_the_report_is_as_good_as_its_devices(outcome: str, verdict: str) -> None:
    at = "2026-11-27T01:00:00Z"
    one = DeviceTried.of("printer", outcome, "printer_not_ready", detail="paper is low")
    door = LearntDoor(
        label="A01", bus="bus0", unit=1, kind="waveshare_8ch_d", channel=0, sensor_unit=1,
        sensor_kind="waveshare_8ch_d", sensor_channel=0, open_level=1, pulse_ms=400,
        latency_ms=60, at=at,
    )  # fmt: skip
    cycles = DoorCycles(label="A01", pulses=1, opened=1, shut=1, latencies_ms=(60,))
    tested = LastTest(at=at, technician="", doors=(cycles,), probes=(), devices=(one,))
    page = render(Record(doors=(door,), tested=tested), Catalogue().texts(Lang.EN), STATION, None)
    assert f">{verdict}</p>" in page.decode()
    assert "cannot print: paper is low" in page.decode()


def test_a_printer_behind_a_serial_server(tmp_path: Path) -> None:
    cabinet = small(serial=[SERIAL[1]])

    async def body(technician: Technician, sim: Sim) -> None:
        (bus,) = sim.cabinet.serial.buses
        server = BareTcpPort(bus, "127.0.0.1", 0, SystemClock())
        await server.listen()
        serving = asyncio.create_task(server.run())
        station = station_with(printer={"port": f"tcp://127.0.0.1:{server.port}"})
        hands = BenchHands(sim.bench.url)
        with job_with(technician.data, hands) as job:
            await try_equipment(job, station, {Part.PRINTER})
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        assert devices_of(technician.data)["printer"].why == "printer_read"

    at_cabinet(tmp_path, cabinet, body)
