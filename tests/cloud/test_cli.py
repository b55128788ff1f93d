"""`linli hub …` as a person types it: real files, exit codes, and one real process from start to Ctrl-C."""

import hashlib
import io
import json
import logging
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from cloud.seed import STATION_ID
from common.kit.certificates import fingerprint
from common.kit.folder import hold
from common.kit.identity import public_key
from linli.cli import main
from tests.parts import ROOT

pytestmark = pytest.mark.timeout(60)
Hub = Callable[..., "Ran"]


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Hub]:
    """Run `linli hub …` in this process, by the program's own entry."""
    mask = os.umask(0o022)
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level

    def run(data: Path, *words: str, stdin: str = "") -> Ran:
        monkeypatch.setattr(sys, "argv", ["linli", "hub", *words, "--data", str(data)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        return Ran(int(ended.value.code or 0), said.out, said.err)

    yield run
    os.umask(mask)
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)


def test_seeding_twice_is_seeding_once(hub: Hub, tmp_path: Path) -> None:
    first = hub(tmp_path, "seed")
    access = json.loads((tmp_path / "demo-access.json").read_text())
    assert first.returncode == 0
    for entry in (*access["staff"], *access["keepers"], *access["residents"]):
        for secret in ("password", "pin", "token"):
            assert entry.get(secret, "no such secret") not in first.stdout + first.stderr
    again = hub(tmp_path, "seed", "--print-access")
    assert json.loads(again.stdout) == access
    assert {one["role"] for one in access["staff"]} == {"admin", "operator", "warehouse", "driver"}
    assert len({one["password"] for one in access["staff"]}) == 4
    for name in ("demo-access.json", "hub-secrets.json", "hub.db"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
    assert hub(tmp_path, "verify").returncode == 0


def test_verify_names_what_is_violated(hub: Hub, tmp_path: Path) -> None:
    hub(tmp_path, "seed")
    with sqlite3.connect(tmp_path / "hub.db") as conn:
        conn.execute("UPDATE stock SET on_hand = on_hand + 1 WHERE item = 'MILK-1L'")
    conn.close()
    found = hub(tmp_path, "verify")
    assert found.returncode == 1
    assert "stock MILK-1L: on hand 501" in found.stdout
    refused = hub(tmp_path, "backup", "--out", str(tmp_path / "copy.db"))
    assert refused.returncode == 3
    assert "breaks invariants" in refused.stderr
    assert [path.name for path in tmp_path.glob("copy*")] == []


def test_verify_without_a_database_is_unavailable(hub: Hub, tmp_path: Path) -> None:
    assert hub(tmp_path / "nothing", "verify").returncode == 3


def test_a_backup_is_whole_and_never_overwrites(hub: Hub, tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "copies" / "hub.db"
    hub(data, "seed")
    assert hub(data, "backup", "--out", str(out)).returncode == 0
    with sqlite3.connect(out) as copy:
        assert copy.execute("SELECT count(*) FROM product").fetchone() == (12,)
    copy.close()
    assert out.stat().st_mode & 0o077 == 0
    assert [path.name for path in out.parent.iterdir()] == ["hub.db"]
    again = hub(data, "backup", "--out", str(out))
    assert (again.returncode, "never overwrites" in again.stderr) == (3, True)


def test_an_admin_is_made_from_the_terminal(hub: Hub, tmp_path: Path) -> None:
    weak = hub(tmp_path, "admin", "--login", "chief", stdin="short\n")
    assert weak.returncode == 2
    good = hub(tmp_path, "admin", "--login", "chief", stdin="four-long-words-1897\n")
    assert (good.returncode, good.stdout) == (0, "admin chief may sign in\n")


def test_pairing_writes_what_the_station_needs_for_its_owner_only(hub: Hub, tmp_path: Path) -> None:
    hub(tmp_path, "seed")
    out = tmp_path / "pairing.json"
    key = public_key(bytes(32)).hex()
    words = ("pair", "--station-id", STATION_ID, "--out", str(out), "--public-key")
    assert hub(tmp_path, *words, "no hex").returncode == 2
    assert hub(tmp_path, *words, "00").returncode in (2, 3)
    done = hub(tmp_path, *words, key)
    assert done.returncode == 0
    found = json.loads(out.read_text())
    assert out.stat().st_mode & 0o777 == 0o600
    assert found["station_id"] == STATION_ID
    assert [len(found[name]) for name in ("pepper", "code_salt", "hub_command_key")] == [64, 32, 64]
    assert found["pepper"] not in done.stdout
    secrets = json.loads((tmp_path / "hub-secrets.json").read_text())
    assert found["hub_command_key"] == public_key(bytes.fromhex(secrets["command_key"])).hex()


def test_the_authority_is_the_same_as_long_as_the_secrets_are(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hub put back from its backups is the same to its stations; one with new secrets is another."""
    early = hub(tmp_path, "ca")
    assert (early.returncode, "the first `linli hub serve` makes it" in early.stderr) == (3, True)
    hub(tmp_path, "seed")
    pem, digest = hub(tmp_path, "ca").stdout, hub(tmp_path, "ca", "--fingerprint").stdout.strip()
    assert fingerprint(pem) == digest
    restored = tmp_path / "restored"
    restored.mkdir(mode=0o700)
    shutil.copy(tmp_path / "hub-secrets.json", restored)
    assert hub(restored, "ca").stdout == pem
    hub(tmp_path / "another", "seed")
    assert hub(tmp_path / "another", "ca").stdout != pem


def test_a_hub_with_tls_gives_its_stations_the_authority(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub(tmp_path, "seed")
    out, key = tmp_path / "pairing.json", public_key(bytes(32)).hex()
    words = ("pair", "--station-id", STATION_ID, "--out", str(out), "--public-key", key)
    invite = ("invite", "--station-id", STATION_ID)
    assert hub(tmp_path, *words).returncode == 0
    assert "hub_ca" not in json.loads(out.read_text())
    off = hub(tmp_path, *invite)
    assert (off.returncode, "[gateway] tls is off" in off.stderr) == (2, True)
    monkeypatch.setenv("LINLI_GATEWAY__TLS", "true")
    assert hub(tmp_path, *words).returncode == 0
    assert json.loads(out.read_text())["hub_ca"] == hub(tmp_path, "ca").stdout
    station_id, secret, digest = hub(tmp_path, *invite).stdout.strip().split(".")
    assert (station_id, len(secret)) == (STATION_ID, 32)
    assert digest == hub(tmp_path, "ca", "--fingerprint").stdout.strip()
    with sqlite3.connect(tmp_path / "hub.db") as conn:
        (kept,) = conn.execute("SELECT secret_hash FROM station_invite").fetchone()
    conn.close()
    assert kept == hashlib.sha256(secret.encode()).digest()
    assert hub(tmp_path, "invite", "--station-id", "01K0NOBODY0000000000000003").returncode == 3


def test_a_wrong_key_in_the_settings_is_named(hub: Hub, tmp_path: Path) -> None:
    config = tmp_path / "hub.toml"
    config.write_text("[hub]\n\nprot = 8800\n")
    found = hub(tmp_path, "migrate", "--config", str(config))
    assert found.returncode == 2
    assert "line 3" in found.stderr
    assert "did you mean `port`" in found.stderr


@pytest.mark.system
def test_serving_from_the_first_start_to_ctrl_c(hub: Hub, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "linli", "hub", "serve", "--data", str(tmp_path), "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().removeprefix("hub at ").strip()
        line = process.stdout.readline()
        token = re.search(r"/setup\?token=([\w-]{43})$", line.strip())
        assert token is not None
        body = {"token": token[1], "login": "chief", "password": "four-long-words-1897"}
        made = httpx.post(f"{url}/api/v1/setup", json=body)
        assert made.status_code == 201
        busy = hub(tmp_path / "other", "serve", "--port", url.rpartition(":")[2])
        assert (busy.returncode, url.rpartition(":")[2] in busy.stderr) == (3, True)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0
        assert process.stdout.read() == "hub stopped\n"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_second_hub_on_the_same_folder_is_refused(hub: Hub, tmp_path: Path) -> None:
    with hold(tmp_path, "hub.lock", key="hub.in_use", who="hub"):
        ran = hub(tmp_path, "serve", "--port", "0")
    assert ran.returncode == 3
    assert str(tmp_path) in ran.stderr
    assert not (tmp_path / "hub.db").exists()


def test_a_folder_that_cannot_be_is_one_line(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = hub(tmp_path / "file" / "data", "seed")
    assert ran.returncode == 3
    assert "Traceback" not in ran.stderr
    assert ran.stderr.startswith("linli: ")


@pytest.mark.parametrize("command", ["verify", "migrate", "serve"])
def test_a_database_server_that_is_away_is_unavailable_not_violated(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        port = nobody_listens.getsockname()[1]
        url = f"postgresql+psycopg://linli@127.0.0.1:{port}/linli"
        monkeypatch.setenv("LINLI_HUB__DATABASE_URL", url)
        ran = hub(tmp_path, command)
    assert (ran.returncode, ran.stderr.count("\n")) == (3, 1)
    assert "is it running" in ran.stderr


def test_an_address_that_is_no_database_is_named(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINLI_HUB__DATABASE_URL", "nonsense")
    ran = hub(tmp_path, "verify")
    assert ran.returncode == 2
    assert "LINLI_HUB__DATABASE_URL" in ran.stderr
