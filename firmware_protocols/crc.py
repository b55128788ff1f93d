"""CRC-16/MODBUS: polynomial 0xA001 (reflected 0x8005), start 0xFFFF, low byte first on the wire.

Source: "MODBUS over Serial Line V1.02", appendix B.
"""


def _table() -> tuple[int, ...]:
    rows = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
        rows.append(value)
    return tuple(rows)


_TABLE = _table()
CRC_BYTES = 2


def crc16(data: bytes) -> int:
    """Return the checksum of `data`, 0..0xFFFF; of nothing it is 0xFFFF."""
    value = 0xFFFF
    for byte in data:
        value = (value >> 8) ^ _TABLE[(value ^ byte) & 0xFF]
    return value


def with_crc(data: bytes) -> bytes:
    """Return `data` with its two checksum bytes behind it."""
    return data + crc16(data).to_bytes(CRC_BYTES, "little")


def crc_ok(frame: bytes) -> bool:
    """Tell whether the last two bytes are the checksum of the ones before.

    Shorter than 3 bytes is never a frame.
    """
    return len(frame) > CRC_BYTES and with_crc(frame[:-CRC_BYTES]) == frame
