"""A QR code as inline SVG, black on white in every theme: scanners want contrast, not colours."""

import segno
from markupsafe import Markup

QUIET_ZONE = 4  # modules of white around it (ISO/IEC 18004)


def qr_svg(text: str, label: str) -> Markup:
    """Return the code with medium error correction; `label` is its accessible name."""
    code = segno.make_qr(text, error="m", boost_error=False)
    svg = code.svg_inline(
        border=QUIET_ZONE, dark="#000", light="#fff", omitsize=True, title=label, svgclass="qr",
        lineclass=None,
    )  # fmt: skip
    return Markup(svg)
