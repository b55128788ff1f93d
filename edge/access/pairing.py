"""Pairing a station with its hub: the key pair is made here and never leaves; the hub's answer completes it.

`begin` → public key → `linli hub pair` → file → `accept` → `secrets.json`. Blocking: for the command line.
"""

import json
import os
import re
from pathlib import Path

from common.kit.chance import Chance
from common.kit.durable import write_whole
from common.kit.errors import ConfigError, ConflictError, InvalidError
from common.kit.identity import StationSecrets, new_private_key, public_key
from common.kit.ids import ID_PATTERN
from common.kit.said import Said
from edge.data_folder import CA_FILE

SECRETS_FILE = "secrets.json"
_KEY_FILE = "pairing.json"
_LENGTHS = {"pepper": 32, "code_salt": 16, "hub_command_key": 32}


def begin(data: Path, station_id: str, chance: Chance) -> bytes:
    """Return the station's public key, made once; ConflictError when the folder is another station's."""
    if not re.fullmatch(ID_PATTERN, station_id):
        said = Said("%(given)s is not a station id: copy it from the hub", given=repr(station_id))
        raise InvalidError("pairing.usage", said)
    if (data / SECRETS_FILE).exists():
        secrets = StationSecrets.load(data / SECRETS_FILE)
        _same(secrets.station_id, station_id, data)
        return public_key(secrets.private_key)
    if (data / _KEY_FILE).exists():
        owner, seed = _key(data)
        _same(owner, station_id, data)
        return public_key(seed)
    seed = new_private_key(chance)
    data.mkdir(parents=True, exist_ok=True)
    record = json.dumps({"station_id": station_id, "private_key": seed.hex()})
    path = data / _KEY_FILE
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(record)
        out.flush()
        os.fsync(out.fileno())
    return public_key(seed)


def accept(data: Path, answer: Path) -> StationSecrets:
    """Complete `secrets.json` with the hub's answer; ConfigError when it does not fit this station.

    A station that is paired already takes a new answer of its hub and keeps its own key. An answer that carries the
    hub's authority pins it.
    """
    try:
        record = json.loads(answer.read_text())
        parts = {name: bytes.fromhex(record[name]) for name in _LENGTHS}
        named = str(record["station_id"])
        authority = record.get("hub_ca")
    except (OSError, ValueError, KeyError, TypeError) as error:
        text = "%(path)s is not a pairing file: %(cause)s"
        said = Said(text, path=str(answer), cause=str(error))
        raise ConfigError("pairing.damaged", said) from error
    if any(len(parts[name]) != length for name, length in _LENGTHS.items()):
        said = Said("%(path)s: a key has the wrong length; pair again", path=str(answer))
        raise ConfigError("pairing.damaged", said)
    if (data / SECRETS_FILE).exists():
        old = StationSecrets.load(data / SECRETS_FILE)
        station_id, seed = old.station_id, old.private_key
    else:
        station_id, seed = _key(data)
    _same(station_id, named, answer)
    if authority is not None:
        pin(data, str(authority))
    return complete(data, StationSecrets(station_id, seed, **parts))


def complete(data: Path, secrets: StationSecrets) -> StationSecrets:
    """Write `secrets.json`; the key has no other place from then on."""
    secrets.save(data / SECRETS_FILE)
    (data / _KEY_FILE).unlink(missing_ok=True)
    return secrets


def pin(data: Path, authority: str) -> None:
    """Believe this authority of a hub, and no other, wherever the hub is reached by TLS; ConfigError if it is none."""
    from common.kit.certificates import (
        fingerprint,  # X.509 takes 3 MiB, the daemon imports this module
    )

    try:
        fingerprint(authority)
    except InvalidError as error:
        said = Said("the hub's authority: %(cause)s", cause=error.detail)
        raise ConfigError("pairing.damaged", said) from error
    write_whole(data / CA_FILE, authority.encode())


def private_key(data: Path) -> bytes:
    """Return the seed of the station's key, paired or not yet; ConfigError."""
    if (data / SECRETS_FILE).exists():
        return StationSecrets.load(data / SECRETS_FILE).private_key
    return _key(data)[1]


def _key(data: Path) -> tuple[str, bytes]:
    try:
        record = json.loads((data / _KEY_FILE).read_text())
        return str(record["station_id"]), bytes.fromhex(record["private_key"])
    except FileNotFoundError as error:
        said = Said("%(path)s: run `linli edge init --station-id …` here first", path=str(data))
        raise ConfigError("pairing.not_begun", said) from error
    except (ValueError, KeyError, TypeError) as error:
        text, path = "%(path)s is damaged: %(cause)s", data / _KEY_FILE
        said = Said(text, path=str(path), cause=str(error))
        raise ConfigError("pairing.damaged", said) from error


def _same(owner: str, named: str, place: Path) -> None:
    if owner != named:
        text = "%(place)s belongs to station %(owner)s, not %(named)s"
        said = Said(text, place=str(place), owner=owner, named=named)
        raise ConflictError("pairing.foreign", said)
