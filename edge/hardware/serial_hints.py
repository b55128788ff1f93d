"""What is known about a serial port besides that it can be opened: a name that lasts, and how long its driver waits.

Names: adapters that were pulled come back as another ttyUSB; `/dev/serial/by-id` and `by-path` follow them. FTDI
drivers hand bytes over every 16 ms unless told otherwise (reference hardware C.1).
"""

from collections.abc import Iterator
from pathlib import Path

from common.kit.said import Said

SERIAL = Path("/dev/serial")
USB_SERIAL = Path("/sys/bus/usb-serial/devices")
_WANTED_LATENCY_MS = 1


def lasting_name(port: str, serial: Path = SERIAL) -> str | None:
    """Return the name by id, else by path, of a port that is configured by its number; None: there is none."""
    path = Path(port)
    if serial in path.parents or not path.exists():
        return None
    for folder in ("by-id", "by-path"):
        for link in sorted((serial / folder).glob("*")):
            if link.resolve() == path.resolve():
                return str(link)
    return None


def latency_file(port: str, devices: Path = USB_SERIAL) -> Path:
    """Return where the driver of a port keeps its latency timer."""
    return devices / Path(port).resolve().name / "latency_timer"


def hints(port: str, *, serial: Path = SERIAL, devices: Path = USB_SERIAL) -> Iterator[str]:
    """Yield what a technician should change about a port, with the remedy."""
    if (name := lasting_name(port, serial)) is not None:
        text = "%(port)s may come back under another number; set `port` to %(name)s"
        yield Said(text, port=port, name=name)
    timer = latency_file(port, devices)
    try:
        waits_ms = int(timer.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return
    if waits_ms > _WANTED_LATENCY_MS:
        yield Said(
            "the adapter of %(port)s hands bytes over every %(waits_ms)s ms; every answer is late by that:"
            " `echo %(wanted_ms)s | sudo tee %(timer)s`, and a udev rule that does it for good",
            port=port,
            waits_ms=waits_ms,
            wanted_ms=_WANTED_LATENCY_MS,
            timer=str(timer),
        )
