"""What the hub signs of a command and the station checks before it acts."""

import struct

from common.contract.replica import CommandRow

_CONTEXT = b"linli/command/1"


def command_message(row: CommandRow, *, station_id: str) -> bytes:
    """Return the bytes of `row` that its signature covers: all that decides what is done, where and until when."""
    fields = (
        _CONTEXT,
        station_id.encode(),
        row.command_id.encode(),
        row.kind.encode(),
        row.args.compartment.encode(),
        row.args.reason.encode(),
        row.issued_by.encode(),
        str(row.issued_at_ms).encode(),
        str(row.expires_at_ms).encode(),
        row.nonce.encode(),
    )
    return b"".join(struct.pack(">I", len(field)) + field for field in fields)
