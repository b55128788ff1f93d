"""`linli edge`: pair, check, run as a person meets them; every complaint names the place and the remedy."""

import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from common.kit.certificates import Authority, Holder
from common.kit.chance import system_chance
from common.kit.clock import SystemClock, to_ms
from common.kit.config import load_toml
from common.kit.identity import StationSecrets, public_key
from common.kit.sqlite import SqliteDb
from common.kit.trusted_time import TrustedTime
from device_sim.config import load as load_cabinet
from edge.check import hub_finding
from edge.cli import app
from edge.config import StationConfig
from edge.data_folder import migrate_tx
from edge.tables import STATE_MIGRATIONS
from tests.parts import ROOT

STATION = "01K0YANGGVANG0000000000003"
SAMPLE = ROOT / "docs/examples/station.toml"
CABINET = ROOT / "cabinets/yangguangli-3.toml"


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    for name in list(os.environ):
        if name.startswith("LINLI_"):
            monkeypatch.delenv(name)
    return CliRunner()


def pairing(path: Path, station_id: str = STATION, **changes: str) -> Path:
    record = {
        "station_id": station_id,
        "pepper": "11" * 32,
        "code_salt": "22" * 16,
        "hub_command_key": "33" * 32,
    }
    path.write_text(json.dumps(record | changes))
    return path


def paired(data: Path, cli: CliRunner, tmp_path: Path) -> None:
    assert cli.invoke(app, ["init", "--data", str(data), "--station-id", STATION]).exit_code == 0
    answer = pairing(tmp_path / "answer.json")
    assert cli.invoke(app, ["init", "--data", str(data), "--accept", str(answer)]).exit_code == 0


def test_pairing_keeps_the_private_key_here_and_readable_by_nobody_else(
    tmp_path: Path, cli: CliRunner
) -> None:
    data = tmp_path / "data"
    first = cli.invoke(app, ["init", "--data", str(data), "--station-id", STATION])
    again = cli.invoke(app, ["init", "--data", str(data), "--station-id", STATION])
    assert (first.exit_code, first.output) == (0, again.output)
    paired(data, cli, tmp_path)
    secrets = StationSecrets.load(data / "secrets.json")
    assert public_key(secrets.private_key).hex() == first.output.strip()
    assert stat.S_IMODE((data / "secrets.json").stat().st_mode) == 0o600
    assert [path.name for path in data.iterdir()] == ["secrets.json"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "either --station-id or --accept"),
        (["--station-id", "station-3"], "not a station id"),
        (["--accept", "{missing}"], "is not a pairing file"),
        (["--accept", "{short}"], "wrong length"),
        (["--accept", "{good}"], "--station-id"),
    ],
)
def test_pairing_says_what_is_wrong(
    tmp_path: Path, cli: CliRunner, arguments: list[str], said: str
) -> None:
    files = {
        "missing": tmp_path / "nothing.json",
        "short": pairing(tmp_path / "short.json", pepper="11"),
        "good": pairing(tmp_path / "good.json"),
    }
    filled = [argument.format(**files) for argument in arguments]
    result = cli.invoke(app, ["init", "--data", str(tmp_path / "data"), *filled])
    assert result.exit_code == 2
    assert said in result.output


def test_another_stations_answer_is_refused(tmp_path: Path, cli: CliRunner) -> None:
    data = tmp_path / "data"
    cli.invoke(app, ["init", "--data", str(data), "--station-id", STATION])
    foreign = pairing(tmp_path / "foreign.json", STATION[:-1] + "4")
    result = cli.invoke(app, ["init", "--data", str(data), "--accept", str(foreign)])
    assert result.exit_code == 3
    assert STATION in result.output
    assert not (data / "secrets.json").exists()


def test_an_answer_with_the_hubs_authority_pins_it(tmp_path: Path, cli: CliRunner) -> None:
    data, authority = tmp_path / "data", Authority(bytes(range(32)))
    assert cli.invoke(app, ["init", "--data", str(data), "--station-id", STATION]).exit_code == 0
    broken = pairing(tmp_path / "broken.json", hub_ca="no certificate")
    result = cli.invoke(app, ["init", "--data", str(data), "--accept", str(broken)])
    assert (result.exit_code, "the hub's authority" in result.output) == (2, True)
    assert not (data / "secrets.json").exists()
    answer = pairing(tmp_path / "answer.json", hub_ca=authority.pem)
    assert cli.invoke(app, ["init", "--data", str(data), "--accept", str(answer)]).exit_code == 0
    assert (data / "hub-ca.pem").read_text() == authority.pem


def test_check_says_how_the_hub_is_reached(tmp_path: Path, cli: CliRunner) -> None:
    data, authority = tmp_path / "data", Authority(bytes(range(32)))
    paired(data, cli, tmp_path)

    def said(url: str = "https://hub.example:8801") -> str:
        settings = load_toml(StationConfig, SAMPLE, {"LINLI_HUB__URL": url})
        finding = hub_finding(settings, data, SystemClock())
        return f"{finding.level.value} {finding.text}"

    def certificate(days_ago: int, key: bytes) -> None:
        holder = Holder(STATION, public_key(key))
        now = SystemClock().wall() - timedelta(days=days_ago, minutes=-10)
        pem = authority.for_station(holder, now=now, days=30, chance=system_chance())
        (data / "certificate.pem").write_text(pem)

    key = StationSecrets.load(data / "secrets.json").private_key
    assert said("http://hub.example").endswith("without TLS")
    assert "authorities of this machine" in said()
    (data / "hub-ca.pem").write_text(authority.pem)
    assert f"ok hub: https://hub.example:8801, pinned authority {authority.fingerprint}" in said()
    assert "no certificate yet" in said()
    certificate(1, key)
    assert said().endswith(", 29 days left")
    certificate(33, key)
    assert "ended 3 day(s) ago" in said()
    certificate(1, bytes(32))  # of another key: none
    assert "no certificate yet" in said()
    (data / "hub-ca.pem").write_text("rot")
    assert said().startswith("setup hub: ")


def check(
    cli: CliRunner, data: Path, config: Path = SAMPLE, *words: str, **env: str
) -> tuple[int, str]:
    ports = {"LINLI_SCREEN__KIOSK_PORT": "0", "LINLI_SCREEN__KEEPER_PORT": "0"}
    bus = {"LINLI_BUS__0__PORT": "/dev/no-such-port"}
    arguments = ["check", "--config", str(config), "--data", str(data), *words]
    result = cli.invoke(app, arguments, env=ports | bus | {"LANG": "en_GB.UTF-8"} | env)
    # what the daemon's rooms log goes to stderr
    return result.exit_code, result.stdout if "--json" in words else result.output


def test_check_names_port_folder_secrets_and_what_to_do(tmp_path: Path, cli: CliRunner) -> None:
    code, said = check(cli, tmp_path / "data")
    assert code == 3
    assert "setup secrets:" in said
    assert "linli edge init" in said
    assert "away  bus bus0: /dev/no-such-port is not there" in said
    paired(tmp_path / "data", cli, tmp_path)
    found = check(cli, tmp_path / "data")[1]
    assert "ok    secrets: paired" in found
    assert "ok    hub: http://" in found
    (tmp_path / "data/secrets.json").chmod(0o644)
    assert "chmod 600" in check(cli, tmp_path / "data")[1]


def test_a_wrong_key_is_named_with_its_line_and_neighbour(tmp_path: Path, cli: CliRunner) -> None:
    config = tmp_path / "station.toml"
    config.write_text(SAMPLE.read_text().replace("baud = 9600", "bauds = 9600"))
    code, said = check(cli, tmp_path / "data", config)
    assert code == 2
    assert "did you mean `baud`?" in said
    assert "line 1" in said


def test_check_speaks_chinese_and_for_programs_neither(tmp_path: Path, cli: CliRunner) -> None:
    code, said = check(cli, tmp_path / "data", SAMPLE, LANG="zh_CN.UTF-8")
    assert code == 3
    assert "不在 总线 bus0：/dev/no-such-port 不存在；请插上转换器" in " ".join(said.split())
    assert f"密钥：缺少 {tmp_path / 'data/secrets.json'}：请先让站点与中心配对" in said
    code, lines = check(cli, tmp_path / "data", SAMPLE, "--json", "--lang", "zh")
    found = {one["key"]: one for one in map(json.loads, lines.splitlines())}
    assert code == 3
    assert found["bus.away"]["level"] == "away"
    assert "is not there; plug the adapter in" in found["bus.away"]["what"]
    assert found["secrets.unusable"]["params"]["detail"].endswith("with its hub first")
    config = tmp_path / "station.toml"
    config.write_text(SAMPLE.read_text().replace("baud = 9600", "bauds = 9600"))
    code, said = check(cli, tmp_path / "data", config, "--lang", "zh")
    assert code == 2
    assert "未知的键 `bus.0.bauds`；是不是 `baud`？" in said


def test_the_sample_station_fits_the_sample_cabinet() -> None:
    station, cabinet = load_toml(StationConfig, SAMPLE, {}), load_cabinet(CABINET, {})
    ours = {
        p.label: (p.unit, p.channel, p.zone, p.size, p.column, p.row, p.height)
        for p in station.compartment
    }
    assert ours == {
        d.label: (d.board, d.channel, d.zone, d.size, d.column, d.row, d.height)
        for d in cabinet.door
    }
    probes = {board.zone: board.unit for board in cabinet.board if board.zone}
    assert {zone.name: zone.probe_unit for zone in station.zone} == probes


@pytest.mark.system
@pytest.mark.timeout(40)
def test_the_daemon_runs_serves_and_stops_on_sigterm(tmp_path: Path, cli: CliRunner) -> None:
    data = tmp_path / "data"
    paired(data, cli, tmp_path)
    env = {
        **os.environ,
        "LINLI_BUS__0__PORT": "/dev/no-such-port",
        "LINLI_SCREEN__KIOSK_PORT": "0",
        "LINLI_SCREEN__KEEPER_PORT": "0",
        "LINLI_HUB__URL": "http://127.0.0.1:9",
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "-m", "edge", "run", "--config", str(SAMPLE), "--data", str(data)]
    daemon = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert daemon.stdout is not None
    try:
        lines = [daemon.stdout.readline() for _ in range(4)]
        assert STATION in lines[0]
        assert "kiosk   http://127.0.0.1:" in lines[1]
        assert "bus bus0 is down: " in lines[3]
        assert "/dev/no-such-port is not there" in lines[3]
        became = Path(f"/proc/{daemon.pid}/cmdline").read_text().split("\0")
        assert "edge.daemon" in became  # the command line left the memory, the process id stayed
        daemon.send_signal(signal.SIGTERM)
        out, _ = daemon.communicate(timeout=5)
        assert out.endswith("stopped\n")
        assert daemon.returncode == 0
    finally:
        daemon.kill()
        daemon.wait()


@pytest.mark.timeout(60)
def test_a_folder_that_takes_nothing_is_said_on_the_screen_and_is_no_crash_loop(
    tmp_path: Path, cli: CliRunner
) -> None:
    data = tmp_path / "data"
    paired(data, cli, tmp_path)
    (data / "daemon.lock").mkdir()  # opening it fails, for root too, as on a read-only file system
    with closing(sqlite3.connect(data / "state.db")) as conn:
        conn.execute("CREATE TABLE replica_station (help_phone TEXT)")
        conn.execute("INSERT INTO replica_station VALUES ('400-820-1234')")
        conn.commit()
    port = _free_port()
    env = {
        **os.environ,
        "LINLI_BUS__0__PORT": "/dev/no-such-port",
        "LINLI_SCREEN__KIOSK_PORT": str(port),
        "LINLI_SCREEN__KEEPER_PORT": "0",
    }
    command = [sys.executable, "-m", "edge", "run", "--config", str(SAMPLE), "--data", str(data)]
    daemon = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        page = _page(f"http://127.0.0.1:{port}/")
        assert page.status_code == 503
        assert "您的取件码仍然有效" in page.text
        assert "400-820-1234" in page.text
        assert daemon.poll() is None
        daemon.send_signal(signal.SIGTERM)
        out, _ = daemon.communicate(timeout=5)
        assert (daemon.returncode, out) == (0, "stopped\n")
    finally:
        daemon.kill()
        daemon.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _page(url: str) -> httpx.Response:
    """Ask until somebody answers; the test's own time limit bounds it."""
    while True:
        try:
            return httpx.get(url, timeout=2)
        except httpx.TransportError:
            time.sleep(0.1)


def test_forgetting_the_time_lets_the_next_word_of_the_hub_count(
    tmp_path: Path, cli: CliRunner
) -> None:
    assert cli.invoke(app, ["forget-time", "--data", str(tmp_path)]).exit_code == 2
    db = SqliteDb(tmp_path / "state.db", inline=True)
    clock = TrustedTime(SystemClock())
    db.write_now(lambda conn: migrate_tx(conn, STATE_MIGRATIONS, clock.wall()))
    clock.hear(to_ms(clock.wall()))
    db.write_now(clock.save_tx)
    db.close()
    for said in ("forgotten", "no time was kept"):
        result = cli.invoke(app, ["forget-time", "--data", str(tmp_path)])
        assert (result.exit_code, said in result.output) == (0, True), result.output


def test_run_without_pairing_says_so(tmp_path: Path, cli: CliRunner) -> None:
    arguments = ["run", "--config", str(SAMPLE), "--data", str(tmp_path)]
    env = {"LINLI_SCREEN__KIOSK_PORT": "0", "LINLI_SCREEN__KEEPER_PORT": "0"}
    command = [sys.executable, "-m", "edge", *arguments]
    done = subprocess.run(
        command, env={**os.environ, **env}, capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 2
    assert "pair the station" in done.stderr
