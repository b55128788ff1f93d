"""One owner per bus, one driver method per device command, no policy; doors and probes as ports.

`build_hardware` is what `edge.app` calls; `DoorBus` and `Probe` are what the rooms above see.
"""

from edge.hardware.build import Hardware, build_hardware
from edge.hardware.line import Line, SerialLine, TcpLine, open_line
from edge.hardware.ports import DoorBus, Probe, ProbeReading, PulseResult

__all__ = [
    "DoorBus",
    "Hardware",
    "Line",
    "Probe",
    "ProbeReading",
    "PulseResult",
    "SerialLine",
    "TcpLine",
    "build_hardware",
    "open_line",
]
