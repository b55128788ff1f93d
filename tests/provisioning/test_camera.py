"""`linli provision test --part camera`: one picture beside the running station, in the record and in the report."""

import asyncio
import base64
import hashlib
import stat
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from common.kit.clock import SystemClock
from common.kit.errors import UnavailableError
from common.kit.folder import hold
from common.ui.i18n import Catalogue, Lang
from device_sim.app import Sim
from device_sim.camera_faults import CameraGone
from edge.camera_check import REMEDIES, camera_findings
from edge.check import check_station
from edge.data_folder import LOCK_FILE
from edge.findings import Level
from edge.hardware.ports import Look, Picture
from edge.peripherals import CameraSection
from linli.demo.ports import Ports
from linli.demo.station_file import station_toml
from provisioning.camera_trial import PICTURE_FILE, picture_of, try_camera
from provisioning.device_words import said_of
from provisioning.doctor import pack
from provisioning.record import LastTest, Record, load_record
from provisioning.report_page import render
from provisioning.tried import DeviceTried
from tests.edge.hardware.device_bench import station_with
from tests.parts import require
from tests.provisioning.site import at_cabinet, job_in
from tests.provisioning.small import small
from tests.provisioning.technician import Technician

pytestmark = pytest.mark.timeout(60)
STATION = "01K0YANGGVANG0000000000003"
CAMERA = {
    "width_px": 640,
    "height_px": 360,
    "frames_per_s": 20,
    "user": "lens",
    "password": "hunter/2",
}
SECRETS = ("hunter/2", "hunter%2F2", "lens:")
JPEG = b"\xff\xd8 a picture \xff\xd9"
PICTURE = Picture(
    jpeg=JPEG, width_px=1280, height_px=720, brightness=120.4, spread=44.44, sharpness=99.4,
    look=Look.WELL, is_sure=True,
)  # fmt: skip


def camera_of(folder: Path) -> DeviceTried:
    tested = load_record(folder).tested
    assert tested is not None
    (found,) = [one for one in tested.devices if one.name == "camera"]
    return found


def test_a_picture_beside_the_running_station(tmp_path: Path) -> None:
    require("opencv")
    cabinet, file = small(camera=CAMERA), tmp_path / "station.toml"

    async def body(technician: Technician, sim: Sim) -> None:
        assert sim.camera is not None
        ports = replace(Ports.from_base(8800), simulator=sim.camera.server.port - 1)
        text = station_toml(cabinet, station_id=STATION, ports=ports, ptys=tmp_path / "sim")
        file.write_text(text, "utf-8")
        words = ("test", "--config", str(file), "--part", "camera")
        picture, data = technician.data / PICTURE_FILE, technician.data
        technician.answers_left = 0
        data.mkdir()
        with hold(data, LOCK_FILE, key="x", who="the station"):
            assert await technician.run(*words) == 0, technician.errors
        (said,) = technician.steps("device_tested")
        assert (said["name"], said["outcome"]) == ("camera", "well")
        assert said["figures"]["sha256"] == hashlib.sha256(picture.read_bytes()).hexdigest()
        assert (said["figures"]["width_px"], said["figures"]["height_px"]) == (640, 360)
        assert stat.S_IMODE(picture.stat().st_mode) == 0o600
        report = tmp_path / "report.html"
        assert await technician.run("report", "--out", str(report)) == 1  # not paired, no doors
        assert base64.b64encode(picture.read_bytes()).decode() in report.read_text("utf-8")
        sim.cabinet.lay(CameraGone(kind="camera_gone", target="camera"))
        assert await technician.run(*words, "--again") == 3, "nobody is there to mend it"
        assert camera_of(data).why == "camera_away"
        assert not picture.exists(), "an old one would be taken for this one"
        said_everywhere = technician.errors + (data / "provision.json").read_text("utf-8")
        assert not [one for one in SECRETS if one in said_everywhere]

    at_cabinet(tmp_path, cabinet, body)


def _unpacked(bundle: Path) -> dict[str, str]:
    with tarfile.open(bundle) as archive:
        parts = {one.name: archive.extractfile(one) for one in archive}
        return {name: part.read().decode() for name, part in parts.items() if part is not None}


class Still:
    """A camera that always answers the same."""

    def __init__(self, answer: Picture | UnavailableError) -> None:
        self._answer = answer

    async def picture(self) -> Picture:
        if isinstance(self._answer, UnavailableError):
            raise self._answer
        return self._answer


def tried(folder: Path, answer: Picture | UnavailableError) -> DeviceTried:
    section = CameraSection(source="rtsp://keeper:hunter2@cam.lan/1")
    with job_in(folder) as job:
        return asyncio.run(try_camera(job, section, Still(answer)))


@pytest.mark.parametrize(
    ("look", "is_sure", "outcome", "why"),
    [
        (Look.WELL, True, "well", "camera_well"),
        (Look.BLURRED, False, "well", "camera_soft"),
        (Look.BLURRED, True, "bad", "camera_blurred"),
        (Look.BLACK, True, "bad", "camera_black"),
        (Look.WHITE, True, "bad", "camera_white"),
        (Look.FLAT, True, "bad", "camera_flat"),
        (Look.FROZEN, True, "bad", "camera_frozen"),
    ],
)
def test_every_look_is_kept_and_said(
    tmp_path: Path, look: Look, is_sure: bool, outcome: str, why: str
) -> None:
    found = tried(tmp_path, replace(PICTURE, look=look, is_sure=is_sure))
    assert (found.outcome, found.why) == (outcome, why)
    assert picture_of(tmp_path, found) == JPEG
    for lang in Lang:
        said = said_of(Catalogue().texts(lang), found)
        assert "–" not in said, "every figure of its sentence is there"


@pytest.mark.parametrize("why", ["missing", "forbidden", "no_opencv", "away", "slow", "broken"])
def test_no_picture_is_kept_as_such(tmp_path: Path, why: str) -> None:
    (tmp_path / PICTURE_FILE).write_bytes(JPEG)
    found = tried(tmp_path, UnavailableError(f"camera.{why}", "x"))
    assert (found.outcome, found.why) == ("bad", f"camera_{why}")
    assert not (tmp_path / PICTURE_FILE).exists()
    for lang in Lang:
        assert "–" not in said_of(Catalogue().texts(lang), found)


def test_a_picture_of_another_time_is_not_in_the_report(tmp_path: Path) -> None:
    found = tried(tmp_path, PICTURE)
    (tmp_path / PICTURE_FILE).write_bytes(JPEG + b"x")
    assert picture_of(tmp_path, found) is None
    (tmp_path / PICTURE_FILE).unlink()
    assert picture_of(tmp_path, found) is None


@pytest.mark.parametrize(
    ("lang", "saw", "gone"),
    [
        (Lang.EN, "What the camera saw<br>", "The camera&#39;s picture is not there any more."),
        (Lang.ZH, "摄像头看到的画面<br>", "摄像头的图片已经不在了。"),
    ],
)
def test_the_report_shows_it_in_both_languages(
    tmp_path: Path, lang: Lang, saw: str, gone: str
) -> None:
    found = tried(tmp_path, PICTURE)
    at = "2026-11-27T01:00:00Z"
    record = Record(tested=LastTest(at=at, technician="", doors=(), probes=(), devices=(found,)))
    texts = Catalogue().texts(lang)
    page = render(record, texts, STATION, None, JPEG).decode()
    assert f"data:image/jpeg;base64,{base64.b64encode(JPEG).decode()}" in page
    assert saw in page
    assert str(found.figures["sha256"]) in page
    page = render(record, texts, STATION, None).decode()
    assert "data:image" not in page
    assert gone in page
    assert str(found.figures["sha256"]) in page


def test_what_is_sent_to_whoever_helps_has_no_picture_and_no_password(tmp_path: Path) -> None:
    station, bundle = tmp_path / "station.toml", tmp_path / "bundle.tar.gz"
    station.write_text('[camera]\nsource = "rtsp://lens:hunter2@cam.lan/1"\n', "utf-8")
    tried(tmp_path, PICTURE)
    with job_in(tmp_path) as job:
        job.keep()
        pack(bundle, [], job, station)
    packed = _unpacked(bundle)
    assert packed["linli-doctor/station.toml"] == '[camera]\nsource = "rtsp://cam.lan/…"\n'
    assert {Path(name).name for name in packed} == {
        "findings.txt", "versions.json", "station.toml", "provision.json",
    }  # fmt: skip
    assert not [text for text in packed.values() if "hunter2" in text]


def test_edge_check_looks_at_it_beside_a_running_station(tmp_path: Path) -> None:
    station = station_with(camera={"source": "/dev/v4l/by-id/usb-none"})
    with hold(tmp_path, LOCK_FILE, key="x", who="the station"):
        found = asyncio.run(check_station(station, tmp_path, SystemClock()))
    assert [one.key for one in found][-2:] == ["camera.away", "data.held"]


def _found(answer: Picture | UnavailableError, source: str) -> list[tuple[Level, str]]:
    station = station_with(camera={"source": source})
    return [(one.level, one.key) for one in asyncio.run(camera_findings(station, Still(answer)))]


def test_what_edge_check_says() -> None:
    for look in Look:
        level = Level.OK if look is Look.WELL else Level.WRONG
        key = "camera.well" if look is Look.WELL else "camera.poor"
        assert _found(replace(PICTURE, look=look), "/dev/video0") == [(level, key)]
    unsure = replace(PICTURE, look=Look.BLURRED, is_sure=False)
    assert _found(unsure, "http://cam/x") == [(Level.UNKNOWN, "camera.poor")]
    gone = UnavailableError("camera.away", "x")
    assert _found(gone, "http://cam/x") == [(Level.AWAY, "camera.away")]
    assert asyncio.run(camera_findings(station_with())) == []
    assert {*REMEDIES} == {*Look} - {Look.WELL}


def test_edge_check_hints_at_a_name_that_lasts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_id = tmp_path / "by-id"
    by_id.mkdir()
    (by_id / "usb-cam-index0").symlink_to("/dev/null")
    monkeypatch.setattr("edge.camera_check.V4L", tmp_path)
    station = station_with(camera={"source": "/dev/null"})
    hint, _ = asyncio.run(camera_findings(station, Still(PICTURE)))
    assert (hint.level, hint.key) == (Level.OK, "camera.hint")
    assert str(by_id / "usb-cam-index0") in hint.text
