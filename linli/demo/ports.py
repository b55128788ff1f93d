"""The addresses of a demo: everything follows from one base port (default 8800)."""

import socket
from dataclasses import dataclass

from common.kit.errors import UnavailableError

DEFAULT_BASE = 8800
_MODBUS_AT_DEFAULT = 5020


@dataclass(frozen=True, slots=True)
class Ports:
    """TCP ports on this machine."""

    hub: int
    kiosk: int
    keeper: int
    simulator: int
    modbus: int

    @classmethod
    def from_base(cls, base: int) -> "Ports":
        """Return base, +10, +11, +20 and Modbus TCP 5020 shifted alike."""
        return cls(base, base + 10, base + 11, base + 20, _MODBUS_AT_DEFAULT + base - DEFAULT_BASE)

    @property
    def gateway(self) -> int:
        """Return the hub's TLS port for stations; taken by `--tls` alone."""
        return self.hub + 1

    @property
    def camera(self) -> int:
        """Return the port of the cabinet's camera; taken where the cabinet file has one."""
        return self.simulator + 1

    def require_free(self, *more: str) -> None:
        """Raise UnavailableError that names the first taken port and what to do; `more` names further ones."""
        for name in ("hub", "kiosk", "keeper", "simulator", "modbus", *more):
            port = getattr(self, name)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError as error:
                    raise UnavailableError(
                        "demo.port_taken",
                        f"port {port} ({name}) is taken: stop what uses it (`ss -ltnp | grep {port}`) "
                        "or choose others with `linli demo --port-base 9800`",
                        port=port,
                    ) from error
