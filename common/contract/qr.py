"""The QR code of a grant: what the hub signs and the station reads, in one strict form and one algorithm (Ed25519).

`LG1` (`LG2` for a grant given away from another) and, in base 32, fixed fields and the signature over them. Letters
and digits only: a scanner types them on any keyboard, and a QR code packs them tightly. Whatever is not exactly what
`encode` writes is refused.
"""

import struct
from dataclasses import dataclass

from common.contract.scanned import CHARS_MAX, SIGNATURE_BYTES, malformed, prefix_of, read, write
from common.kit.ids import id_bytes, id_text

__all__ = ["CHARS_MAX", "QrGrant", "decode", "encode", "key_message"]
PREFIX = "LG1"
CHILD_PREFIX = "LG2"
"""A code that also names the grant it was given away from, right behind the head."""
PARCELS_MAX = 4
"""More would not fit a code that a simple scanner reads; the grant then works once the station knows it."""
_HEAD = struct.Struct(">H16s16sIQB")
_CONTEXT = b"linli/qr-grant/1"
_CHILD_CONTEXT = b"linli/qr-grant/2"
_KEY_CONTEXT = b"linli/grant-key/1"


@dataclass(frozen=True, slots=True)
class QrGrant:
    """What stands in the code: which key signed it, for which station, which grant, how long, for which parcels."""

    kid: int
    station_id: str
    grant_id: str
    valid_for_s: int
    not_after_ms: int
    parcel_ids: tuple[str, ...]
    parent_id: str | None = None

    def message(self) -> bytes:
        """Return the bytes the signature covers."""
        return (_CHILD_CONTEXT if self.parent_id else _CONTEXT) + self.fields()

    def fields(self) -> bytes:
        """Return the fields as they stand in the code."""
        head = _HEAD.pack(
            self.kid, id_bytes(self.station_id), id_bytes(self.grant_id), self.valid_for_s,
            self.not_after_ms, len(self.parcel_ids),
        )  # fmt: skip
        parent = (self.parent_id,) if self.parent_id else ()
        return head + b"".join(id_bytes(one) for one in (*parent, *self.parcel_ids))


def encode(grant: QrGrant, signature: bytes) -> str:
    """Return the text of the code."""
    return write(CHILD_PREFIX if grant.parent_id else PREFIX, grant.fields() + signature)


def decode(text: str) -> tuple[QrGrant, bytes]:
    """Return grant and signature, not verified; InvalidError `qr.malformed` for anything `encode` did not write."""
    prefix = prefix_of(text)
    if prefix not in (PREFIX, CHILD_PREFIX):
        raise malformed()
    try:
        return _unpack(read(text), is_child=prefix == CHILD_PREFIX)
    except (struct.error, ValueError) as error:
        raise malformed() from error


def key_message(station_id: str, kid: int, public_key: bytes) -> bytes:
    """Return what the hub's command key signs to pin a grant key at a station."""
    return _KEY_CONTEXT + id_bytes(station_id) + struct.pack(">H", kid) + public_key


def _unpack(content: bytes, *, is_child: bool) -> tuple[QrGrant, bytes]:
    kid, station, grant, valid_for_s, not_after_ms, count = _HEAD.unpack_from(content)
    start = _HEAD.size + (16 if is_child else 0)
    end = start + 16 * count
    if count > PARCELS_MAX or len(content) != end + SIGNATURE_BYTES:
        raise ValueError("wrong length")
    parcels = (content[at : at + 16] for at in range(start, end, 16))
    read = QrGrant(
        kid, id_text(station), id_text(grant), valid_for_s, not_after_ms,
        tuple(id_text(one) for one in parcels),
        id_text(content[_HEAD.size : start]) if is_child else None,
    )  # fmt: skip
    return read, content[end:]
