"""The steps `backup` and `restore`: what a machine that dies must leave behind for the one that takes its place.

The key is in it: keep the file like a key. A restored station is the old one to its hub; what the hub has heard since
the backup, the fence settles (decision 0032): until then it opens nothing by code, and of two that live one is shut.
"""

import gzip
import io
import json
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from common.kit.clock import Clock, to_ms
from common.kit.durable import write_whole
from common.kit.errors import ConfigError, ConflictError, InvalidError
from edge.access.pairing import SECRETS_FILE
from edge.data_folder import CA_FILE, CERTIFICATE_FILE, lock
from provisioning.job import Job
from provisioning.record import RECORD_FILE, load_record

FORMAT = "linli-backup/1"
_HEAD = "backup.json"
_STATE = "state.db"
_FILES = (SECRETS_FILE, CA_FILE, CERTIFICATE_FILE, RECORD_FILE)
_SETTINGS = "station.toml"
_MOST_BYTES = 1 << 30


async def backup_step(job: Job, out: Path, config: Path | None) -> bool:
    """Write the backup; also beside a running daemon."""
    parts = collect(job.data, config)
    if SECRETS_FILE not in parts:
        raise InvalidError(
            "provision.nothing", f"{job.data} holds no station: it has no {SECRETS_FILE}"
        )
    _put(out, packed(parts, job.clock))
    job.talk.tell(
        "backed_up", "%(path)s is written: %(files)s. The station's key is in it: keep it like a key",
        path=str(out), files=sorted(parts),
    )  # fmt: skip
    return True


async def restore_step(job: Job, source: Path, config: Path | None) -> bool:
    """Bring a backup into an empty data folder; ConflictError where a station lives already."""
    parts = unpacked(source)
    with lock(job.data):  # no daemon may start on half a folder
        if taken := [name for name in (SECRETS_FILE, _STATE) if (job.data / name).exists()]:
            detail = f"{job.data} holds {' and '.join(taken)} already: restore into an empty folder"
            raise ConflictError("provision.not_empty", detail)
        # the key last: without it no daemon starts on what is only half there
        for name in sorted(parts, key=lambda one: one == SECRETS_FILE):
            _place(job.data, name, parts[name], config)
    job.record = load_record(job.data)
    job.talk.tell("restored", "restored: %(files)s", files=sorted(parts))
    job.talk.line(
        "Never let the old machine run again with this key. Start the station: until its hub has told it what happened"
        " since the backup it opens nothing by code; that is right so."
    )
    return True


def collect(data: Path, config: Path | None) -> dict[str, bytes]:
    """Return the files of a station by their names in the backup."""
    parts = {name: (data / name).read_bytes() for name in _FILES if (data / name).exists()}
    if config is not None:
        parts[_SETTINGS] = config.read_bytes()
    if (data / _STATE).exists():
        parts[_STATE] = _copy_of(data / _STATE)
    return parts


def _copy_of(database: Path) -> bytes:
    """Return one moment of a database that may be written to meanwhile."""
    with TemporaryDirectory(dir=database.parent) as folder:
        copy = Path(folder) / "copy.db"
        uri = f"{database.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as conn:
            conn.execute("VACUUM INTO ?", (str(copy),))
        return copy.read_bytes()


def packed(parts: dict[str, bytes], clock: Clock) -> bytes:
    """Return the archive."""
    head = {"format": FORMAT, "made": clock.wall().isoformat(timespec="seconds")}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in {_HEAD: json.dumps(head).encode(), **parts}.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o600
            member.mtime = to_ms(clock.wall()) // 1000
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def unpacked(source: Path) -> dict[str, bytes]:
    """Return the files of a backup; ConfigError for anything that `packed` did not write."""
    wanted = {_HEAD, _SETTINGS, _STATE, *_FILES}
    parts: dict[str, bytes] = {}
    try:
        whole = gzip.decompress(source.read_bytes())  # to its end: its sum must be right
        with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
            for member in archive:
                name = str(PurePosixPath(member.name))
                file = archive.extractfile(member) if member.isreg() else None
                if name not in wanted or file is None or member.size > _MOST_BYTES:
                    raise ConfigError(
                        "provision.backup", f"{source}: {name!r} has no place in a backup"
                    )
                parts[name] = file.read()
        made = json.loads(parts.pop(_HEAD))["format"]
    except (OSError, tarfile.TarError, EOFError, ValueError, KeyError, TypeError) as error:
        raise ConfigError("provision.backup", f"{source} is no whole backup: {error}") from error
    if made != FORMAT or SECRETS_FILE not in parts:
        raise ConfigError("provision.backup", f"{source} is no backup that this release can read")
    return parts


def _place(data: Path, name: str, content: bytes, config: Path | None) -> None:
    path = data / name
    if name == _SETTINGS:
        if config is None:
            return
        path = config
    _put(path, content)


def _put(path: Path, content: bytes) -> None:
    """Write a file whole that nobody else may read."""
    write_whole(path, content)
    path.chmod(0o600)
