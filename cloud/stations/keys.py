"""Keys that grow out of the hub's master key, and the sealing of pickup codes; nothing here is stored."""

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from common.kit.chance import Chance

_NONCE_BYTES = 12


def derive(master: bytes, purpose: str) -> bytes:
    """Return 32 bytes for `purpose`, e.g. `pepper|<station_id>` (HKDF-SHA256, RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(master)


def station_pepper(master: bytes, station_id: str) -> bytes:
    """Return the station's 32-byte pepper; the device keeps it outside SQLite."""
    return derive(master, f"pepper|{station_id}")


def station_salt(master: bytes, station_id: str) -> bytes:
    """Return the station's 16-byte Argon2id salt."""
    return derive(master, f"salt|{station_id}")[:16]


def seal(key: bytes, chance: Chance, *, digits: str, grant_id: str) -> bytes:
    """Return nonce and AES-256-GCM ciphertext of a code, bound to its grant."""
    nonce = chance.secure.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, digits.encode(), grant_id.encode())


def unseal(key: bytes, sealed: bytes, *, grant_id: str) -> str:
    """Return the code; `cryptography.exceptions.InvalidTag` when key, text or grant do not fit."""
    nonce, text = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    return AESGCM(key).decrypt(nonce, text, grant_id.encode()).decode()
