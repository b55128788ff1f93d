"""A backup that somebody else packed, or that is torn: refused in one sentence before anything is changed."""

import asyncio
import errno
import gzip
import io
import json
import os
import sqlite3
import subprocess
import sys
import tarfile
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.kit.clock import SystemClock
from common.kit.errors import ConflictError, LinliError
from common.kit.identity import StationSecrets
from common.ui.i18n import Catalogue, Lang
from provisioning.archive import packed
from provisioning.backup import MOST_BYTES, backup_step, restore_step
from provisioning.record import Record
from tests.parts import ROOT
from tests.provisioning.full_disk import full_disk
from tests.provisioning.site import job_in

pytestmark = pytest.mark.timeout(60)
SAMPLE = ROOT / "docs/examples/station.toml"
STATION = "01K0YANGGVANG0000000000003"
SECRETS = StationSecrets(STATION, b"\x11" * 32, b"\x22" * 32, b"\x33" * 16, b"\x44" * 32)
HEAD = {"format": "linli-backup/1", "made": "2026-11-27T01:00:00Z", "release": "0.1.0"}


def whole_record() -> bytes:
    return Record(is_drawn=True).model_dump_json().encode()


def state_db(folder: Path) -> bytes:
    path = folder / "made.db"
    with closing(sqlite3.connect(path)) as conn:
        conn.execute('CREATE TABLE "_sqlite_migrations" (id INTEGER PRIMARY KEY, name TEXT)')
        conn.executemany('INSERT INTO "_sqlite_migrations" (name) VALUES (?)', [("x" * 200,)] * 200)
        conn.commit()
    whole = path.read_bytes()
    path.unlink()
    return whole


def parts_of(folder: Path, **changes: bytes | None) -> dict[str, bytes]:
    folder.mkdir(exist_ok=True)
    SECRETS.save(folder / "secrets.json")
    made: dict[str, bytes | None] = {
        "backup.json": json.dumps(HEAD).encode(),
        "secrets.json": (folder / "secrets.json").read_bytes(),
        "state.db": state_db(folder),
        "provision.json": whole_record(),
        "station.toml": SAMPLE.read_bytes().replace(SAMPLE_ID.encode(), STATION.encode()),
    }
    made |= {name.replace("__", "."): content for name, content in changes.items()}
    return {name: content for name, content in made.items() if content is not None}


def _sample_id() -> str:
    import tomllib

    found = tomllib.loads(SAMPLE.read_text("utf-8"))["station"]["id"]
    assert isinstance(found, str)
    return found


SAMPLE_ID = _sample_id()


def refusal(folder: Path, source: Path, *, station: str | None = None) -> LinliError:
    """Restore; assert that nothing was changed, and return why not."""
    data, config = folder / "data", folder / "etc.toml"
    with pytest.raises(LinliError) as caught, job_in(data) as job:
        asyncio.run(restore_step(job, source, config, station))
    left = {path.name for path in data.iterdir()} - {"answers.txt", "said.jsonl"}
    assert left <= {"daemon.lock", "provision.lock"}, "nothing is left behind"
    assert not config.exists()
    assert not (folder / "evil").exists()
    assert Catalogue().texts(Lang.ZH).say(caught.value.detail) != caught.value.detail
    return caught.value


def test_a_sound_backup_is_restored(tmp_path: Path) -> None:
    """The ground for all refusals below: unchanged it goes through, private, with a copy of what was there."""
    source, config, data = tmp_path / "b.tar.gz", tmp_path / "etc.toml", tmp_path / "data"
    parts = parts_of(tmp_path / "made")
    source.write_bytes(packed(parts, SystemClock()))
    config.write_text("# a mere draft\n", "utf-8")
    with job_in(data) as job:
        assert asyncio.run(restore_step(job, source, config, STATION))
    for name in ("secrets.json", "state.db", "provision.json"):
        assert (data / name).read_bytes() == parts[name]
        assert (data / name).stat().st_mode & 0o077 == 0
    assert config.read_bytes() == parts["station.toml"]
    assert [path.read_text() for path in tmp_path.glob("etc.toml.*")] == ["# a mere draft\n"]
    assert StationSecrets.load(data / "secrets.json") == SECRETS
    with pytest.raises(ConflictError), job_in(data) as job:
        asyncio.run(restore_step(job, source, None))


def member(name: str, data: bytes = b"", **about: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in about.items():
        setattr(info, key, value)
    return info, data


STRANGE: dict[str, tuple[tarfile.TarInfo, bytes]] = {
    "a path upwards": member("../evil", b"x"),
    "a whole path": member("/tmp/linli-evil", b"x"),
    "a known name upwards": member("../secrets.json", b"{}"),
    "a known name below": member("./secrets.json", b"{}"),
    "a symbolic link": member("secrets.json", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "a hard link": member("state.db", type=tarfile.LNKTYPE, linkname="secrets.json"),
    "a device": member("state.db", type=tarfile.CHRTYPE, devmajor=1, devminor=5),
    "a block device": member("state.db", type=tarfile.BLKTYPE, devmajor=8),
    "a pipe": member("provision.json", type=tarfile.FIFOTYPE),
    "a folder": member("provision.json", type=tarfile.DIRTYPE),
    "a folder of old": member("provision.json/"),
    "a sparse file": member("state.db", type=tarfile.GNUTYPE_SPARSE),
    "an unknown name": member("daemon.lock", b"x"),
    "a long name": member("x" * 300, b"x"),
    "a name of nothing": member("", b"x"),
    "a name that steers": member("\x1b[2J", b"x"),
}


def archive(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=tarfile.GNU_FORMAT) as made:
        for info, data in members:
            made.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize("name", STRANGE)
@pytest.mark.parametrize("first", [True, False])
def test_what_has_no_place_in_a_backup(tmp_path: Path, name: str, first: bool) -> None:
    rest = [member(*one) for one in parts_of(tmp_path / "made").items()]
    strange = STRANGE[name]
    rest = [one for one in rest if one[0].name != strange[0].name]
    source = tmp_path / "b.tar.gz"
    source.write_bytes(archive(*([strange, *rest] if first else [*rest, strange])))
    assert refusal(tmp_path, source).key == "provision.backup"
    assert not Path("/tmp/linli-evil").exists()


def test_a_name_that_comes_twice(tmp_path: Path) -> None:
    made = [member(*one) for one in parts_of(tmp_path / "made").items()]
    source = tmp_path / "b.tar.gz"
    source.write_bytes(archive(*made, member("secrets.json", b"{}")))
    assert "is in it twice" in refusal(tmp_path, source).detail


def bomb(name: str, size: int, actual: int) -> bytes:
    """A member that says `size` and brings `actual` zeros: some kilobytes packed."""
    info = tarfile.TarInfo(name)
    info.size = size
    raw = info.tobuf(tarfile.GNU_FORMAT) + bytes(actual)
    return gzip.compress(raw, 9)


@pytest.mark.parametrize("name", sorted(MOST_BYTES))
def test_what_is_too_large_is_refused_by_its_header(tmp_path: Path, name: str) -> None:
    source = tmp_path / "b.tar.gz"
    source.write_bytes(bomb(name, MOST_BYTES[name] + 1, 1 << 20))
    assert "too large" in refusal(tmp_path, source).detail
    source.write_bytes(bomb(name, 1 << 60, 1 << 20))
    assert "too large" in refusal(tmp_path, source).detail


def test_a_bomb_costs_no_memory(tmp_path: Path) -> None:
    """An extended header of 100 MiB, and 100 MiB behind the end: neither is read into memory."""
    header = tarfile.TarInfo("././@PaxHeader")
    header.type, header.size = tarfile.XHDTYPE, 100 << 20
    source = tmp_path / "b.tar.gz"
    plain = gzip.decompress(packed(parts_of(tmp_path / "made"), SystemClock()))
    for raw in (header.tobuf(tarfile.PAX_FORMAT), plain):
        with gzip.open(source, "wb", 1) as out:
            out.write(raw)
            for _ in range(100):
                out.write(bytes(1 << 20))
        tracemalloc.start()
        try:
            refusal(tmp_path, source)
            assert tracemalloc.get_traced_memory()[1] < 10 << 20
        finally:
            tracemalloc.stop()


def test_a_disk_that_fills_while_it_is_unpacked(tmp_path: Path) -> None:
    source = tmp_path / "b.tar.gz"
    source.write_bytes(packed(parts_of(tmp_path / "made"), SystemClock()))
    with full_disk(16 << 10):
        error = refusal(tmp_path, source)
    assert error.key == "provision.unwritable"
    assert os.strerror(errno.EFBIG) in error.detail


Cut = Callable[[bytes], bytes]
CUTS: dict[str, Cut] = {
    "nothing": lambda whole: whole[:0],
    "its head": lambda whole: whole[:20],
    "its half": lambda whole: whole[: len(whole) // 2],
    "all but its sum": lambda whole: whole[:-8],
    "a byte of its sum": lambda whole: whole[:-1],
    "another sum": lambda whole: whole[:-6] + b"\0\0" + whole[-4:],
    "not packed": gzip.decompress,
    "no end": lambda whole: gzip.compress(gzip.decompress(whole).rstrip(b"\0")),
    "more behind it": lambda whole: gzip.compress(gzip.decompress(whole) + b"more"),
    "a wrong header sum": lambda whole: gzip.compress(b"X" + gzip.decompress(whole)[1:]),
}


@pytest.mark.parametrize("name", CUTS)
def test_a_torn_backup(tmp_path: Path, name: str) -> None:
    source = tmp_path / "b.tar.gz"
    source.write_bytes(CUTS[name](packed(parts_of(tmp_path / "made"), SystemClock())))
    assert refusal(tmp_path, source).key == "provision.backup"


@settings(max_examples=40)
@given(at=st.integers(0, 1 << 20), change=st.integers(1, 255))
def test_a_backup_with_a_byte_changed_is_never_half_restored(at: int, change: int) -> None:
    """Whatever byte: refused with nothing changed, or (a header's time, say) restored whole."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        parts = parts_of(folder / "made")
        whole = bytearray(packed(parts, SystemClock()))
        whole[at % len(whole)] ^= change
        source, target = folder / "b.tar.gz", folder / "data"
        source.write_bytes(whole)
        try:
            with job_in(target) as job:
                asyncio.run(restore_step(job, source, None))
        except LinliError:
            assert not [path for path in target.iterdir() if path.name in MOST_BYTES]
        else:
            assert (target / "state.db").read_bytes() == parts["state.db"]
            assert StationSecrets.load(target / "secrets.json") == SECRETS


def damaged(parts: dict[str, bytes]) -> bytes:
    whole = bytearray(parts["state.db"])
    whole[4096:8192] = b"\xff" * 4096
    return bytes(whole)


INSIDE: dict[str, tuple[Callable[[dict[str, bytes]], dict[str, bytes | None]], str]] = {
    "no head": (lambda _p: {"backup__json": None}, "no backup of a station"),
    "a head of nonsense": (lambda _p: {"backup__json": b"[[[["}, "no backup of a station"),
    "another program's": (lambda _p: {"backup__json": b'{"format": "x/1"}'}, "no backup"),
    "a newer form": (lambda _p: {"backup__json": b'{"format": "linli-backup/2"}'}, "newer release"),
    "a newer release": (
        lambda _p: {"backup__json": json.dumps(HEAD | {"release": "99.1"}).encode()},
        "newer release (99.1",
    ),
    "no key": (lambda _p: {"secrets__json": None}, "its key is missing or damaged"),
    "a key of nonsense": (lambda _p: {"secrets__json": b"{}"}, "its key is missing or damaged"),
    "a short key": (
        lambda p: {"secrets__json": p["secrets.json"].replace(b"22" * 32, b"22" * 31)},
        "its key is missing or damaged",
    ),
    "a station of nonsense": (
        lambda p: {"secrets__json": p["secrets.json"].replace(STATION.encode(), b"../../x")},
        "its key is missing or damaged",
    ),
    "a database of nonsense": (lambda _p: {"state__db": b"SQLite format 3\0" * 99}, "its database"),
    "an empty database": (lambda _p: {"state__db": b""}, "its database"),
    "a damaged page": (lambda p: {"state__db": damaged(p)}, "its database"),
    "a damaged record": (lambda _p: {"provision__json": b'{"v": 1,'}, "its record is damaged"),
    "settings of nonsense": (lambda _p: {"station__toml": b"\xff"}, "no station starts"),
    "settings of another": (
        lambda _p: {"station__toml": SAMPLE.read_bytes().replace(
            SAMPLE_ID.encode(), b"01JABCDEFGHJKMNPQRSTVWXYZ0")},
        "its settings are of station 01JABCDEFGHJKMNPQRSTVWXYZ0",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", INSIDE)
def test_a_backup_from_which_no_station_lives(tmp_path: Path, name: str) -> None:
    change, why = INSIDE[name]
    parts = parts_of(tmp_path / "made", **change(parts_of(tmp_path / "made")))
    source = tmp_path / "b.tar.gz"
    source.write_bytes(packed(parts, SystemClock()))
    error = refusal(tmp_path, source)
    assert error.key == "provision.backup"
    assert why in error.detail


def test_another_stations_backup_and_another_stations_settings(tmp_path: Path) -> None:
    source, config = tmp_path / "b.tar.gz", tmp_path / "station.toml"
    source.write_bytes(packed(parts_of(tmp_path / "made"), SystemClock()))
    other = "01JABCDEFGHJKMNPQRSTVWXYZ0"
    assert f"it is of station {STATION}" in refusal(tmp_path, source, station=other).detail
    config.write_text(SAMPLE.read_text().replace(SAMPLE_ID, other), "utf-8")
    with pytest.raises(ConflictError, match=other), job_in(tmp_path / "data") as job:
        asyncio.run(restore_step(job, source, config))
    assert other in config.read_text("utf-8")
    assert not (tmp_path / "data/secrets.json").exists()


@pytest.mark.parametrize("name", ["secrets.json", "state.db", "hub-ca.pem", "pairing.json"])
def test_a_folder_that_something_lies_in(tmp_path: Path, name: str) -> None:
    source, data = tmp_path / "b.tar.gz", tmp_path / "data"
    source.write_bytes(packed(parts_of(tmp_path / "made"), SystemClock()))
    data.mkdir()
    (data / name).write_bytes(b"mine")
    with pytest.raises(ConflictError, match="empty folder"), job_in(data) as job:
        asyncio.run(restore_step(job, source, None))
    assert (data / name).read_bytes() == b"mine"


def test_no_file_and_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for source in (tmp_path / "none", tmp_path / "pipe", tmp_path):
        assert "no such file" in refusal(tmp_path, source).detail


def test_a_backup_that_cannot_be_written_is_said_without_a_trace(tmp_path: Path) -> None:
    SECRETS.save(tmp_path / "secrets.json")
    with pytest.raises(OSError, match="large"), job_in(tmp_path) as job, full_disk(100):
        asyncio.run(backup_step(job, tmp_path / "b.tar.gz", SAMPLE))
    words = ("provision", "backup", "--out", "/proc/no/b.tar.gz", "--data", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-m", "linli", *words, "--lang", "zh"],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert "没有这个文件或目录" in done.stderr
    assert "Traceback" not in done.stderr
