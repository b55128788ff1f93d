"""What `linli provision` and the running daemon say to each other about a lease of a bus: one JSON object a line.

Over a Unix socket in the data folder. A lease lasts until it is given back or the connection ends, so a holder
that dies gives it back too.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from common.kit.said import Said
from edge.hardware.calibration import ProbeAsked, ProbeSaid

SOCKET_FILE = "lease.sock"
LINE_BYTES = 64 * 1024
DEVICE = "device:"
"""Before the name of a device with a port of its own, where the name of a bus could stand."""


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True)

    def line(self) -> bytes:
        """Return it as a line."""
        return self.model_dump_json().encode() + b"\n"


class LeaseAsked(_Said):
    """`lend`: a bus by its name or the path of its port; `give_back`: the bus, and how long its coils must rest.

    Or `device:scale` and its kin in place of a bus. Or `probe`: a question about a probe, for which no bus is lent.
    """

    probe: ProbeAsked | None = None
    lend: str = ""
    give_back: str = ""
    rest_s: float = Field(default=0.0, ge=0, le=600)


class CoilPulses(_Said):
    """How long ago a coil was last pulsed, newest first: the duty goes on over the lease."""

    unit: int
    channel: int
    ages_s: tuple[float, ...]


class Sentence(_Said):
    """A sentence by its parts: whoever reads it speaks another language, maybe."""

    template: str
    params: dict[str, "str | int | float | Sentence"] = {}

    @classmethod
    def of(cls, said: str) -> "Sentence | None":
        """Return the parts; None for a text that has none."""
        if not isinstance(said, Said):
            return None
        params = {
            name: (cls.of(value) or value) if isinstance(value, str) else value
            for name, value in said.params.items()
        }
        return cls(template=said.template, params=params)

    def said(self) -> Said:
        """Return the sentence."""
        params = {
            name: value.said() if isinstance(value, Sentence) else value
            for name, value in self.params.items()
        }
        return Said(self.template, **params)


class LeaseSaid(_Said):
    """`key` empty: done. Otherwise why not, in `detail`, and by its parts in `sentence`."""

    key: str = ""
    detail: str = ""
    sentence: Sentence | None = None
    bus: str = ""
    probe: ProbeSaid | None = None
    coils: tuple[CoilPulses, ...] = ()

    @classmethod
    def refusing(cls, key: str, why: str) -> "LeaseSaid":
        """Return why something is not done."""
        return cls(key=key, detail=why, sentence=Sentence.of(why))

    @property
    def why(self) -> str:
        """Return the sentence as it was made; its English alone from a daemon of an older release."""
        return self.detail if self.sentence is None else self.sentence.said()


@contextmanager
def reachable(folder: Path) -> Iterator[str]:
    """Yield an address of the socket in `folder`; a path may be longer than the 107 bytes that an address takes."""
    held = os.open(folder, os.O_PATH)
    try:
        yield f"/proc/self/fd/{held}/{SOCKET_FILE}"
    finally:
        os.close(held)


def listen(folder: Path) -> socket.socket:
    """Return the daemon's listening socket; one left by a daemon that died is replaced."""
    (folder / SOCKET_FILE).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with reachable(folder) as address:
            listener.bind(address)
        (folder / SOCKET_FILE).chmod(0o600)
        listener.listen(4)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener
