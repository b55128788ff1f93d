"""What wire code raises: the bytes cannot be what the protocol says.

Or a value does not fit the wire.
"""


class WireError(ValueError):
    """The bytes are not a message of this protocol."""


class RangeError(ValueError):
    """The value cannot be put on the wire: out of the range that the device documents."""
