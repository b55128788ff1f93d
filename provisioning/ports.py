"""The serial ports of this computer, by the names that outlive unplugging."""

from pathlib import Path

from serial.tools import list_ports

_LASTING = (Path("/dev/serial/by-id"), Path("/dev/serial/by-path"))


def serial_ports() -> tuple[str, ...]:
    """Return every serial port, each by its lasting name where it has one (CH340 has only a by-path name)."""
    lasting: dict[str, str] = {}
    for folder in reversed(_LASTING):
        if folder.is_dir():
            lasting |= {str(link.resolve()): str(link) for link in sorted(folder.iterdir())}
    found = sorted(port.device for port in list_ports.comports())
    return tuple(lasting.get(device, device) for device in found)
