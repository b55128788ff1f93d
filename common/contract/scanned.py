"""The spelling of everything the hub signs for a scanner: a prefix of three letters and, in base 32, bytes.

Letters and digits only: a scanner types them on any keyboard, and a QR code packs them tightly.
"""

import base64
import binascii

from common.kit.errors import InvalidError

CHARS_MAX = 400
SIGNATURE_BYTES = 64
_PREFIX_CHARS = 3


def write(prefix: str, content: bytes) -> str:
    """Return the text of `content`."""
    return prefix + base64.b32encode(content).decode().rstrip("=")


def prefix_of(text: str) -> str:
    """Return which kind of text this claims to be."""
    return text.strip().upper()[:_PREFIX_CHARS]


def read(text: str) -> bytes:
    """Return the bytes behind the prefix; InvalidError `qr.malformed` for what `write` does not write."""
    upper = text.strip().upper()  # a scanner on a keyboard with caps lock types small letters
    prefix, packed = upper[:_PREFIX_CHARS], upper[_PREFIX_CHARS:]
    try:
        if len(upper) > CHARS_MAX:
            raise ValueError("too long")
        content = base64.b32decode(packed + "=" * (-len(packed) % 8))
    except (binascii.Error, ValueError) as error:
        raise malformed() from error
    if write(prefix, content) != upper:  # another spelling of the same bytes
        raise malformed()
    return content


def malformed() -> InvalidError:
    """Return what is raised for a text that nobody of ours wrote."""
    return InvalidError("qr.malformed", "that is no QR code of an order")
