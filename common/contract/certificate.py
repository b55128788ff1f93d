"""A technician's certificate: who may open doors at one station, for a few hours, without any network.

`LT1`, then fixed fields, the name, and an Ed25519 signature by the key that signs QR grants.
"""

import struct
from dataclasses import dataclass

from common.contract.scanned import SIGNATURE_BYTES, malformed, prefix_of, read, write
from common.kit.ids import id_bytes, id_text

PREFIX = "LT1"
LIFE_MAX_S = 8 * 3600
"""A station takes none with a longer life, whoever signed it (compile-time ceiling)."""
NAME_BYTES_MAX = 60
_HEAD = struct.Struct(">H16s16sQQIB")
_CONTEXT = b"linli/technician/1"


@dataclass(frozen=True, slots=True)
class Certificate:
    """Which key signed it, for which station, its own id, the station's epoch then, from when, how long, for whom."""

    kid: int
    station_id: str
    certificate_id: str
    epoch: int
    issued_at_ms: int
    life_s: int
    technician: str

    @property
    def expires_at_ms(self) -> int:
        """Return when it ends."""
        return self.issued_at_ms + self.life_s * 1000

    def message(self) -> bytes:
        """Return the bytes the signature covers."""
        return _CONTEXT + self.fields()

    def fields(self) -> bytes:
        """Return the fields as they stand in the code."""
        name = self.technician.encode()
        head = _HEAD.pack(
            self.kid, id_bytes(self.station_id), id_bytes(self.certificate_id), self.epoch,
            self.issued_at_ms, self.life_s, len(name),
        )  # fmt: skip
        return head + name


def is_certificate(text: str) -> bool:
    """Tell whether a scanned text claims to be one."""
    return prefix_of(text) == PREFIX


def encode(certificate: Certificate, signature: bytes) -> str:
    """Return the text of the certificate."""
    return write(PREFIX, certificate.fields() + signature)


def decode(text: str) -> tuple[Certificate, bytes]:
    """Return certificate and signature, not verified; InvalidError `qr.malformed` for what `encode` did not write."""
    try:
        if not is_certificate(text):
            raise ValueError("another kind of text")
        content = read(text)
        kid, station, own, epoch, issued_at_ms, life_s, size = _HEAD.unpack_from(content)
        end = _HEAD.size + size
        name = content[_HEAD.size : end].decode()
        fits = 0 < size <= NAME_BYTES_MAX and len(content) == end + SIGNATURE_BYTES
        if not fits or not name.isprintable():
            raise ValueError("wrong length, or no name")
    except (struct.error, ValueError) as error:
        raise malformed() from error
    certificate = Certificate(
        kid, id_text(station), id_text(own), epoch, issued_at_ms, life_s, name
    )
    return certificate, content[end:]
