"""What `linli provision test` can try, each by itself."""

from enum import StrEnum


class Part(StrEnum):
    """A part of a station; all but the first two have a section of their own in `station.toml`."""

    DOORS = "doors"
    PROBES = "probes"
    SCALE = "scale"
    PRINTER = "printer"
    SCANNER = "scanner"
    CARD_READER = "card_reader"
    CAMERA = "camera"


ON_PORTS = (Part.SCALE, Part.PRINTER, Part.SCANNER, Part.CARD_READER)
"""Those with a serial port of their own, which a running station holds."""
DEVICES = (*ON_PORTS, Part.CAMERA)
"""Those with a section of their own."""
