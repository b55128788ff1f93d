"""The revocation capsule: what the hub signs for a station it cannot reach, carried there as a QR code.

`LR1`, then fixed fields, the grants that end (there may be none: certificates end by `epoch`) and an Ed25519
signature by the key that signs QR grants. A list longer than one code is told in parts of one `epoch`, in any order;
a later epoch carries everything that still waits.
"""

import struct
from dataclasses import dataclass

from common.contract.scanned import SIGNATURE_BYTES, malformed, prefix_of, read, write
from common.kit.ids import id_bytes, id_text

PREFIX = "LR1"
GRANTS_MAX = 5
"""So that the code is no denser than the densest one of an order (version 10)."""
PARTS_MAX = 255
_HEAD = struct.Struct(">H16sQBBQB")
_CONTEXT = b"linli/capsule/1"


@dataclass(frozen=True, slots=True)
class Capsule:
    """Which key signed it, for which station, how new it is, which part of how many, until when, which grants end."""

    kid: int
    station_id: str
    epoch: int
    part: int
    parts: int
    expires_at_ms: int
    grant_ids: tuple[str, ...]

    def message(self) -> bytes:
        """Return the bytes the signature covers."""
        return _CONTEXT + self.fields()

    def fields(self) -> bytes:
        """Return the fields as they stand in the code."""
        head = _HEAD.pack(
            self.kid, id_bytes(self.station_id), self.epoch, self.part, self.parts,
            self.expires_at_ms, len(self.grant_ids),
        )  # fmt: skip
        return head + b"".join(id_bytes(one) for one in self.grant_ids)


def is_capsule(text: str) -> bool:
    """Tell whether a scanned text claims to be one."""
    return prefix_of(text) == PREFIX


def encode(capsule: Capsule, signature: bytes) -> str:
    """Return the text of the code."""
    return write(PREFIX, capsule.fields() + signature)


def decode(text: str) -> tuple[Capsule, bytes]:
    """Return capsule and signature, not verified; InvalidError `qr.malformed` for anything `encode` did not write."""
    try:
        if not is_capsule(text):
            raise ValueError("another kind of code")
        content = read(text)
        kid, station, epoch, part, parts, expires_at_ms, count = _HEAD.unpack_from(content)
        end = _HEAD.size + 16 * count
        if count > GRANTS_MAX or len(content) != end + SIGNATURE_BYTES:
            raise ValueError("wrong length")
        grants = tuple(id_text(content[at : at + 16]) for at in range(_HEAD.size, end, 16))
    except (struct.error, ValueError) as error:
        raise malformed() from error
    capsule = Capsule(kid, id_text(station), epoch, part, parts, expires_at_ms, grants)
    return capsule, content[end:]
