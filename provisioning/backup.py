"""The steps `backup` and `restore`: what a machine that dies must leave behind for the one that takes its place.

The key is in it: keep the file like a key. A restored station is the old one to its hub; what the hub has heard since
the backup, the fence settles (decision 0032): until then it opens nothing by code, and of two that live one is shut.
"""

import json
import re
import sqlite3
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from common.kit.clock import Clock
from common.kit.config import load_toml
from common.kit.durable import into_place, write_whole
from common.kit.errors import ConfigError, ConflictError, InvalidError, LinliError, UnavailableError
from common.kit.identity import StationSecrets, public_key
from common.kit.ids import ID_PATTERN
from common.kit.said import Said
from edge.access.pairing import SECRETS_FILE
from edge.config import StationConfig
from edge.data_folder import CA_FILE, CERTIFICATE_FILE, lock
from provisioning.archive import packed, refused, unpack
from provisioning.job import Job
from provisioning.record import MOST_RECORD_BYTES, RECORD_FILE, load_record
from provisioning.station_file import put_in_place

FORMAT = "linli-backup/1"
_HEAD = "backup.json"
_STATE = "state.db"
_FILES = (SECRETS_FILE, CA_FILE, CERTIFICATE_FILE, RECORD_FILE)
_SETTINGS = "station.toml"
_BEFORE = ".before"
_SMALL = 1 << 20
MOST_BYTES: Mapping[str, int] = {
    _HEAD: _SMALL,
    SECRETS_FILE: _SMALL,
    CA_FILE: _SMALL,
    CERTIFICATE_FILE: _SMALL,
    _SETTINGS: _SMALL,
    RECORD_FILE: MOST_RECORD_BYTES,
    _STATE: 1 << 30,
}
"""What may be in a backup, and how large."""
_TAKEN = (SECRETS_FILE, _STATE, CA_FILE, CERTIFICATE_FILE, "pairing.json")


async def backup_step(job: Job, out: Path, config: Path | None) -> bool:
    """Write the backup; also beside a running daemon."""
    parts = collect(job.data, config)
    if SECRETS_FILE not in parts:
        text = "%(path)s holds no station: it has no %(file)s"
        said = Said(text, path=str(job.data), file=SECRETS_FILE)
        raise InvalidError("provision.nothing", said)
    _put(out, packed({_HEAD: _head(job.clock)} | parts, job.clock))
    job.talk.tell(
        "backed_up", "%(path)s is written: %(files)s. The station's key is in it: keep it like a key",
        path=str(out), files=sorted(parts),
    )  # fmt: skip
    return True


async def restore_step(
    job: Job, source: Path, config: Path | None, station: str | None = None
) -> bool:
    """Bring a backup into an empty data folder; ConflictError where a station lives already.

    Everything is unpacked beside and examined first: what is refused has changed nothing.
    """
    with lock(job.data):  # no daemon may start on half a folder
        if taken := [name for name in _TAKEN if (job.data / name).exists()]:
            text = "%(path)s holds %(files)s already: restore into an empty folder"
            said = Said(text, path=str(job.data), files=", ".join(taken))
            raise ConflictError("provision.not_empty", said)
        with TemporaryDirectory(dir=job.data, prefix="restore-") as beside:
            folder = Path(beside)
            names = _unpacked(source, folder)
            owner = examine(source, folder, station)
            if config is not None and _SETTINGS in names:
                _settings_fit(source, folder / _SETTINGS, config, owner)
                _put_settings(job, folder / _SETTINGS, config)
            _bring(folder, [name for name in names if name not in (_HEAD, _SETTINGS)], job.data)
    job.record = load_record(job.data)
    files = sorted(set(names) - {_HEAD})
    job.talk.tell("restored", "restored: %(files)s", files=files)
    job.talk.line(
        "Never let the old machine run again with this key. Start the station: until its hub has told it what happened"
        " since the backup it opens nothing by code; that is right so."
    )
    return True


def _put(path: Path, content: bytes) -> None:
    """Write a file whole that nobody else may read."""
    write_whole(path, content)
    path.chmod(0o600)


def _put_settings(job: Job, settings: Path, config: Path) -> None:
    kept = put_in_place(config, settings.read_text(encoding="utf-8"), job.clock)
    if kept is not None:
        job.talk.tell("kept", "the old one is kept as %(path)s", path=str(kept))
    config.chmod(0o600)


def _bring(folder: Path, names: Sequence[str], data: Path) -> None:
    """Move the files into the data folder: all of them, or none and what was there before."""
    brought: list[str] = []
    try:
        # the key last: without it no daemon starts on what is only half there
        for name in sorted(names, key=lambda one: one == SECRETS_FILE):
            if (data / name).exists():
                (folder / f"{name}{_BEFORE}").write_bytes((data / name).read_bytes())
            brought.append(name)
            into_place(folder / name, data / name)
    except OSError:
        for name in brought:
            (data / name).unlink(missing_ok=True)
            if (folder / f"{name}{_BEFORE}").exists():
                into_place(folder / f"{name}{_BEFORE}", data / name)
        raise


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
        try:
            with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as conn:
                conn.execute("VACUUM INTO ?", (str(copy),))
        except sqlite3.Error as error:
            text = "%(path)s cannot be copied (%(cause)s): is the disk full, or the file damaged? Nothing was written"
            said = Said(text, path=str(database), cause=str(error))
            raise UnavailableError("provision.state", said) from error
        return copy.read_bytes()


def _head(clock: Clock) -> bytes:
    made = clock.wall().isoformat(timespec="seconds")
    return json.dumps({"format": FORMAT, "made": made, "release": version("linli")}).encode()


def _unpacked(source: Path, folder: Path) -> list[str]:
    try:
        return unpack(source, folder, MOST_BYTES)
    except OSError as error:  # the archive's own faults are no OSError
        text = "%(path)s cannot be unpacked into %(folder)s (%(cause)s); nothing was changed"
        cause = error.strerror or str(error)
        said = Said(text, path=str(source), folder=str(folder.parent), cause=cause)
        raise UnavailableError("provision.unwritable", said) from error


def examine(source: Path, folder: Path, station: str | None) -> str:
    """Return whose backup lies unpacked in `folder`; ConfigError when a station could not live from it."""
    _readable(source, folder / _HEAD)
    try:
        secrets = StationSecrets.load(folder / SECRETS_FILE)
        public_key(secrets.private_key)
        lengths = [len(secrets.pepper), len(secrets.code_salt), len(secrets.hub_command_key)]
        is_whole = lengths == [32, 16, 32] and re.fullmatch(ID_PATTERN, secrets.station_id)
    except (LinliError, OSError, ValueError, TypeError) as error:
        raise refused(source, "its key is missing or damaged") from error
    if not is_whole:
        raise refused(source, "its key is missing or damaged")
    if station is not None and station != secrets.station_id:
        text = "it is of station %(owner)s, not of %(station)s"
        said = Said(text, owner=secrets.station_id, station=station)
        raise refused(source, said)
    try:
        load_record(folder)
    except ConfigError as error:
        raise refused(
            source, Said("its record is damaged (%(cause)s)", cause=error.detail)
        ) from error
    if (folder / _STATE).exists():
        _sound(source, folder / _STATE)
    return secrets.station_id


def _readable(source: Path, head: Path) -> None:
    try:
        made = json.loads(head.read_bytes())
        form, release = made["format"], made.get("release", "0")
        number = int(form.removeprefix("linli-backup/"))
        is_newer = _numbers(release) > _numbers(version("linli"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise refused(source, "it is no backup of a station") from error
    if f"linli-backup/{number}" != form or number < 1:
        raise refused(source, "it is no backup of a station")
    if form != FORMAT or is_newer:
        text = "it was made by a newer release (%(release)s, %(form)s): update this machine first"
        raise refused(source, Said(text, release=release, form=form))


def _numbers(release: str) -> tuple[int, ...]:
    """Return a release's numbers; what stands behind them (`.dev1`, `rc1`) does not count."""
    numbers = []
    for part in release.split("."):
        if not part.isdecimal():
            break
        numbers.append(int(part))
    return tuple(numbers)


def _sound(source: Path, database: Path) -> None:
    uri = f"{database.resolve().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as conn:
            conn.execute("PRAGMA trusted_schema=OFF")
            said = conn.execute("PRAGMA quick_check(1)").fetchone()
            known = conn.execute(
                "SELECT count(*) FROM sqlite_schema WHERE name = '_sqlite_migrations'"
            ).fetchone()
    except sqlite3.Error as error:
        text = "its database is damaged (%(cause)s)"
        raise refused(source, Said(text, cause=str(error))) from error
    if said != ("ok",) or known != (1,):
        raise refused(source, Said("its database is damaged (%(cause)s)", cause=str(said[0])))


def _settings_fit(source: Path, settings: Path, config: Path, owner: str) -> None:
    """Refuse settings that no station starts with, another station's, and to overwrite another station's."""
    try:
        wanted = load_toml(StationConfig, settings, {}).station.id
    except LinliError as error:
        text = "no station starts with its settings (%(cause)s)"
        raise refused(source, Said(text, cause=error.detail)) from error
    if wanted != owner:
        text = "its settings are of station %(other)s, its key of %(owner)s"
        raise refused(source, Said(text, other=wanted, owner=owner))
    if (there := _station_of(config)) not in (None, owner):
        text = "%(path)s is of station %(other)s, the backup of %(owner)s: give another --config"
        said = Said(text, path=str(config), other=str(there), owner=owner)
        raise ConflictError("provision.other_station", said)


def _station_of(config: Path) -> str | None:
    """Return whose settings lie there; None for none, or for what cannot be read: a copy of it is kept."""
    try:
        found = tomllib.loads(config.read_text(encoding="utf-8"))["station"]["id"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) else None
