"""What is wrong with a picture, by figures of its small gray copy (320 x 180): no file, no camera, no OpenCV.

Where the limits come from stands in docs/hardware/cameras.md.
"""

from edge.hardware.ports import Look

BLACK = 20.0
"""Video black is 16 of 255; a covered lens is little brighter, with the noise of a sensor at full gain."""
WHITE = 235.0
"""Video white: blinded by the sun or a lamp."""
ONE_COLOUR = 8.0
"""Spread of what has no picture in it; a cabinet has 30 and more."""
SURELY_BLURRED = 25.0
PERHAPS_BLURRED = 100.0
"""Below: a person looks. The common limit of the variance of the Laplacian, which noise and scene move."""


def look_of(
    *, brightness: float, spread: float, sharpness: float, repeats: bool
) -> tuple[Look, bool]:
    """Return what a picture shows, and whether that is sure."""
    if spread < ONE_COLOUR:
        if brightness <= BLACK:
            return Look.BLACK, True
        return (Look.WHITE if brightness >= WHITE else Look.FLAT), True
    if repeats:
        return Look.FROZEN, True
    if sharpness < PERHAPS_BLURRED:
        return Look.BLURRED, sharpness < SURELY_BLURRED
    return Look.WELL, True
