"""Which protocol and projection hub and station use: the highest both speak, or 426 with what this hub speaks.

A station that gets 426 keeps its facts and goes on by itself until somebody updates it.
"""

from collections.abc import Collection

from common.contract.protocol import Hello
from common.contract.versions import Versions, highest_common
from common.kit.errors import LinliError

_DIGITS = 6


class UpgradeError(LinliError):
    """The station speaks nothing that this hub speaks."""

    status = 426


def check_proto(header: str, ours: Versions, *, is_hello: bool) -> None:
    """Refuse a request of a protocol that is not spoken here; a hello negotiates, it only has to name a number."""
    is_number = header.isascii() and header.isdigit() and len(header) < _DIGITS
    if not is_number or (not is_hello and int(header) not in ours.protos):
        raise _upgrade("sync.proto", "protocol", ours.protos)


def agree(hello: Hello, ours: Versions) -> tuple[int, int]:
    """Return protocol and projection for the station of `hello`."""
    proto = highest_common(ours.protos, hello.protos)
    if proto is None:
        raise _upgrade("sync.proto", "protocol", ours.protos)
    projection = highest_common(ours.projections, hello.projections)
    if projection is None:
        raise _upgrade("sync.projection", "row projection", ours.projections)
    return proto, projection


def _upgrade(key: str, what: str, spoken: Collection[int]) -> UpgradeError:
    least, most = min(spoken), max(spoken)
    return UpgradeError(key, f"this hub speaks {what} {least} to {most}", min=least, max=most)
