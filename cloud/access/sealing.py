"""AES-GCM for what the database may hold but nobody may read there: phones, kept answers."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from common.kit.chance import Chance
from common.kit.errors import ConfigError

_NONCE_BYTES = 12


class Sealer:
    """Seals bytes to a purpose; opening under another purpose fails."""

    def __init__(self, key: bytes, chance: Chance) -> None:
        """Hold a 32-byte key."""
        self._cipher, self._chance = AESGCM(key), chance

    def seal(self, plain: bytes, about: str) -> bytes:
        """Return nonce and ciphertext, bound to `about` (e.g. `phone|01J…`)."""
        nonce = self._chance.secure.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, about.encode())

    def open(self, sealed: bytes, about: str) -> bytes:
        """Return the plain bytes; ConfigError when the key is not the one that sealed them."""
        try:
            return self._cipher.decrypt(
                sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about.encode()
            )
        except InvalidTag as error:
            said = "the hub's secrets file does not belong to this database"
            raise ConfigError("hub.secrets_foreign", said) from error
