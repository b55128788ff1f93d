"""Who speaks: Ed25519 keys of a station, signed requests, and the secrets file outside every database.

A request is signed over method, path with query, body hash, time and nonce; the hub checks all of them.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from common.kit.chance import Chance
from common.kit.errors import ConfigError
from common.kit.said import Said

SIGNATURE_HEADER = "X-Linli-Signature"
STATION_HEADER = "X-Linli-Station"
TIME_HEADER = "X-Linli-Time"
NONCE_HEADER = "X-Linli-Nonce"
_FIELDS = ("station_id", "private_key", "pepper", "code_salt", "hub_command_key")


@dataclass(frozen=True, slots=True)
class StationSecrets:
    """What a station keeps outside its databases, in one file of mode 0600."""

    station_id: str
    private_key: bytes  # 32-byte Ed25519 seed
    pepper: bytes  # 32 bytes
    code_salt: bytes  # 16 bytes
    hub_command_key: bytes  # 32-byte Ed25519 public key that signs commands

    def save(self, path: Path) -> None:
        """Write the file with mode 0600, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        record = {"station_id": self.station_id} | {
            name: getattr(self, name).hex() for name in _FIELDS[1:]
        }
        part = path.with_suffix(".part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            json.dump(record, out)
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)

    def key_for(self, purpose: str) -> bytes:
        """Return the 32-byte key of one purpose, derived from the pepper: nothing new to keep or to lose."""
        return hashlib.blake2b(purpose.encode(), key=self.pepper, digest_size=32).digest()

    @classmethod
    def load(cls, path: Path) -> "StationSecrets":
        """Read the file; a missing or wrong one is a ConfigError that says what to do."""
        try:
            record = json.loads(path.read_text())
            return cls(record["station_id"], *(bytes.fromhex(record[name]) for name in _FIELDS[1:]))
        except FileNotFoundError as error:
            raise ConfigError(
                "secrets.missing",
                Said("%(path)s is missing: pair the station with its hub first", path=str(path)),
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                "secrets.damaged",
                Said(
                    "%(path)s is not a secrets file (%(cause)s): pair the station again",
                    path=str(path),
                    cause=str(error),
                ),
            ) from error


def new_private_key(chance: Chance) -> bytes:
    """Return a fresh 32-byte Ed25519 seed."""
    return chance.secure.token_bytes(32)


def public_key(private_key: bytes) -> bytes:
    """Return the 32-byte public key of a seed."""
    return Ed25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw()


def sign(private_key: bytes, message: bytes) -> bytes:
    """Return the 64-byte Ed25519 signature."""
    return Ed25519PrivateKey.from_private_bytes(private_key).sign(message)


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether `signature` over `message` was made by the holder of `public`'s private key."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def request_message(
    *, method: str, path_qs: str, time_ms: int, nonce: str, station_id: str, body: bytes
) -> bytes:
    """Return the bytes a station signs for one request."""
    digest = hashlib.sha256(body).hexdigest()
    return "\n".join(("LSP/1", method, path_qs, str(time_ms), nonce, station_id, digest)).encode()
