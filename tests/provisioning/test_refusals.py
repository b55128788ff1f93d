"""A refusal says what is there and what to do, in both languages; a program gets one line with its key."""

import asyncio
import errno
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from common.kit import durable
from common.kit.identity import StationSecrets
from firmware_protocols.lock_boards import LineProtocol
from provisioning import backup, refusals
from provisioning.cli import app
from provisioning.record import DrawnDoor, DrawnZone, LearntProbe, Record, load_record, save_record
from tests.parts import ROOT
from tests.provisioning.site import job_in
from tests.provisioning.test_lines import KNOWN, line

pytestmark = pytest.mark.timeout(60)
STATION = "01K0YANGGVANG0000000000003"
SECRETS = StationSecrets(STATION, b"\x11" * 32, b"\x22" * 32, b"\x33" * 16, b"\x44" * 32)
ZONE = DrawnZone(name="z", name_zh="常温", name_en="air")
DOORS = tuple(
    DrawnDoor(label=label, zone="z", size="M", column=1, row=row)
    for row, label in enumerate(("A01", "B01"), start=1)
)
PROBES = line(9, name="bus2", port="/dev/c", kind="xy_md02", protocol=LineProtocol.MODBUS)
KNOWN_CABINET = KNOWN.with_(
    buses=(*KNOWN.buses, PROBES),
    probes=(LearntProbe(zone="z", bus="bus2", unit=9, kind="xy_md02"),),
    drawing=KNOWN.drawing.model_copy(update={"zone": (ZONE,), "door": DOORS}),
)
NOWHERE = "/proc/no"
"""A folder that nobody can make, root neither."""


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def prepared(folder: Path, record: Record = KNOWN_CABINET) -> Path:
    data = folder / "data"
    save_record(data, record)
    SECRETS.save(data / "secrets.json")
    return data


def called(data: Path, *words: str, lang: str = "en") -> Result:
    return CliRunner().invoke(app, [*words, "--data", str(data), "--json", "--lang", lang])


def refusal(done: Result) -> dict[str, Any]:
    """Return what a program is told; it is the last line of standard output."""
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert set(told) == {"error", "detail", "params"}
    return told


NAMED = {
    "a line that is not there": (
        ["identify", "--board", "bus9/1"], 2, "provision.no_line",
        "bus9: not in the record; there are bus0, bus1, bus2", "记录里没有总线 bus9；有：bus0、bus1、bus2",
    ),
    "a board that is not there": (
        ["identify", "--board", "bus0/7"], 2, "provision.board",
        "'bus0/7' is no board of the record; there are bus0/1, bus0/2, bus1/5, bus2/9",
        "有：bus0/1、bus0/2、bus1/5、bus2/9",
    ),
    "a board of no line": (
        ["replace", "x"], 2, "provision.board",
        "'x' is no board of the record; there are bus0/1, bus0/2, bus1/5, bus2/9", "记录里没有控制板 'x'",
    ),
    "no name at all": (["identify"], 2, "provision.board", "give --door A01, or", "请给出 --door A01"),
    "a door whose light": (
        ["identify", "--door", "z99"], 2, "provision.no_door",
        "Z99: not learnt yet; known are A01, B01", "还没有学习过的门：Z99；已知的门：A01、B01",
    ),
    "a door to try": (
        ["test", "--door", "Z99", "--door", "A01"], 2, "provision.no_door",
        "Z99: not learnt yet; known are A01, B01", "还没有学习过的门：Z99；已知的门：A01、B01",
    ),
    "a door to learn anew": (
        ["learn", "--door", "Z99"], 2, "provision.no_door",
        "Z99: not learnt yet; known are A01, B01", "还没有学习过的门：Z99；已知的门：A01、B01",
    ),
    "an id of nonsense": (
        ["config", "--station-id", "nonsense"], 2, "provision.station_id",
        "'nonsense' is no id of a station: 26 digits and capital letters", "编号是 26 位数字和大写字母",
    ),
    "a setting that is not there": (
        ["config", "--station-id", STATION, "--set", "screen.keeper_prot=1"], 2, "provision.settings",
        "unknown key `screen.keeper_prot`; did you mean `keeper_port`?",
        "未知的键 `screen.keeper_prot`；是不是 `keeper_port`？",
    ),
    "a gateway's address": (
        ["scan", "--port", "tcp://127.0.0.1:99999"], 2, "bus.address",
        "tcp://127.0.0.1:99999 is no address of a gateway", "端口为 1 到 65535",
    ),
    "a hub's address": (
        ["enrol", "--hub", "quatsch", "--token", "x"], 2, "provision.hub",
        "'quatsch' is no address of a hub", "'quatsch' 不是中心的地址",
    ),
    "a hub's address with a port of nonsense": (
        ["enrol", "--hub", "https://h:x", "--token", "x"], 2, "provision.hub",
        "'https://h:x' is no address of a hub", "https://hub.example.cn:8801",
    ),
    "no backup": (
        ["restore", "/nosuch.tar.gz"], 1, "provision.not_empty", "holds secrets.json already", "请恢复到空目录",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_what_is_named_wrongly_is_answered_with_what_is_there(tmp_path: Path, name: str) -> None:
    words, code, key, english, chinese = NAMED[name]
    data = prepared(tmp_path)
    if words[0] == "config":
        words = [*words, "--out", str(tmp_path / "station.toml")]
    done = called(data, *words)
    assert done.exit_code == code, done.output
    told = refusal(done)
    assert told["error"] == key
    assert english in told["detail"]
    assert english in done.stderr
    assert chinese in called(data, *words, lang="zh").stderr
    assert load_record(data) == KNOWN_CABINET
    assert not (tmp_path / "station.toml").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("config", "--station-id", STATION, "--out"),
        ("report", "--out"),
        ("backup", "--out"),
        ("doctor", "--bundle"),
    ],
)
def test_a_place_that_cannot_be_written_is_named_as_it_was_typed(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    typed = f"{NOWHERE}/some.file"
    done = called(prepared(tmp_path), *words, typed)
    assert done.exit_code == 3, done.output
    told = refusal(done)
    assert told["error"] == "provision.file"
    assert told["params"]["path"] == typed
    assert told["params"]["remedy"] == "is its name right, and is its folder there?"
    assert ".part" not in done.stderr
    heard = called(prepared(tmp_path), *words, typed, lang="zh").stderr
    assert f"{typed}：没有这个文件或目录；名字对吗？所在目录有吗？" in heard


def test_a_folder_instead_of_a_file_is_named(tmp_path: Path) -> None:
    told = refusal(called(prepared(tmp_path), "backup", "--out", str(tmp_path)))
    assert told["params"]["path"] == str(tmp_path)
    assert told["params"]["remedy"] == "name a file in it"


def test_a_restore_that_fails_at_its_settings_leaves_nothing(tmp_path: Path) -> None:
    config, made = tmp_path / "station.toml", tmp_path / "b.tar.gz"
    data, new = prepared(tmp_path), tmp_path / "new"
    assert called(data, "config", "--station-id", STATION, "--out", str(config)).exit_code == 0
    assert called(data, "backup", "--out", str(made), "--config", str(config)).exit_code == 0
    there = f"{NOWHERE}/station.toml"
    done = called(new, "restore", str(made), "--config", there)
    assert refusal(done)["params"]["path"] == there
    assert sorted(one.name for one in new.iterdir()) == ["daemon.lock", "provision.lock"]
    config.write_text("# a draft\n", "utf-8")
    done = called(new, "restore", str(made), "--config", str(config))
    assert done.exit_code == 0, done.output
    (kept,) = [one for one in map(json.loads, done.stdout.splitlines()) if one["step"] == "kept"]
    assert Path(kept["path"]).read_text("utf-8") == "# a draft\n"


@pytest.mark.parametrize("record", [None, KNOWN])
def test_a_restore_that_fails_half_way_takes_back_what_it_brought(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record: Record | None
) -> None:
    made, new = tmp_path / "b.tar.gz", tmp_path / "new"
    assert called(prepared(tmp_path), "backup", "--out", str(made)).exit_code == 0
    if record is not None:
        save_record(new, record)

    def into_place(part: Path, path: Path) -> None:
        if path.name == "secrets.json":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        durable.into_place(part, path)

    monkeypatch.setattr(backup, "into_place", into_place)
    with pytest.raises(OSError, match="No space"), job_in(new) as job:
        asyncio.run(backup.restore_step(job, made, None))
    assert not (new / "secrets.json").exists()
    assert (new / "provision.json").exists() == (record is not None)
    assert load_record(new) == (record or Record())


def test_a_line_that_cannot_be_used_is_not_called_by_a_name_it_has_not_got(tmp_path: Path) -> None:
    port = str(tmp_path / "nosuch")
    done = called(prepared(tmp_path), "scan", "--port", port)
    assert done.exit_code == 1, done.output
    (told,) = [one for one in map(json.loads, done.stdout.splitlines()) if one["step"] == "failed"]
    assert told["why"].startswith("is not there; plug the adapter in")
    words = ["scan", "--port", port, "--data", str(tmp_path / "data"), "--lang", "zh"]
    heard = CliRunner().invoke(app, words).stdout
    assert f"{port} 不能用：不存在；请插上转换器" in heard
    assert "bus line" not in heard


@pytest.mark.parametrize(
    ("lang", "spoken"),
    [("zh", True), ("en", True), ("zh-CN", True), ("en_GB", True), ("fr", False), ("", False)],
)
def test_there_are_two_languages(tmp_path: Path, lang: str, spoken: bool) -> None:
    done = called(prepared(tmp_path), "identify", lang=lang)
    assert done.exit_code == 2
    assert refusal(done)["error"] == ("provision.board" if spoken else "provision.lang")
    if not spoken:
        assert refusal(done)["detail"] == f"--lang {lang!r} is not spoken here: zh or en"


def test_what_the_system_refuses_without_a_name_or_a_remedy(tmp_path: Path) -> None:
    told = refusals.record_of(refusals.of_system(ConnectionResetError(), tmp_path))
    assert told["detail"] == f"{tmp_path}: ConnectionResetError"


async def _stopped(data: Path) -> tuple[int, list[dict[str, Any]], str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "linli", "provision", "learn", "--json", "--lang", "zh", "--data", str(data),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None
    assert "ask" in json.loads(await process.stdout.readline())
    process.send_signal(signal.SIGINT)
    out, errors = await process.communicate()
    return process.returncode or 0, [json.loads(line) for line in out.splitlines()], errors.decode()


def test_ctrl_c_is_told_to_a_program(tmp_path: Path) -> None:
    data = prepared(tmp_path, KNOWN)  # no drawing: the zones are asked for
    code, told, heard = asyncio.run(_stopped(data))
    assert code == 130
    detail = "stopped; what is known is kept"
    assert told == [{"error": "provision.stopped", "detail": detail, "params": {}}]
    assert "已停止；已知的内容都保存了" in heard


def test_nobody_who_answers_is_told_to_a_program(tmp_path: Path) -> None:
    done = called(prepared(tmp_path, KNOWN), "learn", "--answers", os.devnull)
    assert done.exit_code == 3
    assert refusal(done)["error"] == "provision.stopped"
