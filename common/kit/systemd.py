"""Talks to systemd: ready, stopping, a status line and the watchdog's heartbeat (sd_notify(3)).

Without systemd (no NOTIFY_SOCKET) every call does nothing.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Mapping


class Notifier:
    """The service manager's socket, found in the environment."""

    def __init__(self, env: Mapping[str, str], pid: int | None = None) -> None:
        """Read NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID; `pid` defaults to this process."""
        self._address = env.get("NOTIFY_SOCKET", "")
        usec, for_pid = env.get("WATCHDOG_USEC", ""), env.get("WATCHDOG_PID", "")
        mine = not for_pid or for_pid == str(os.getpid() if pid is None else pid)
        # Half the limit, as sd_watchdog_enabled(3) advises: one late beat must not kill us.
        self.beat_s: float | None = int(usec) / 2_000_000 if usec.isdecimal() and mine else None

    def send(self, *lines: str) -> bool:
        """Send `KEY=value` lines; False when nobody listens. Never blocks, never raises."""
        if not self._address:
            return False
        # A leading @ means the abstract namespace, written as a null byte.
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.setblocking(False)
            try:
                sock.sendto("\n".join(lines).encode(), address)
            except OSError:
                return False
        return True

    def ready(self, status: str = "") -> bool:
        """Tell that start-up is over and requests are served."""
        return self.send("READY=1", *([f"STATUS={status}"] if status else []))

    def status(self, text: str) -> bool:
        """Show one line in `systemctl status`."""
        return self.send(f"STATUS={text}")

    def stopping(self) -> bool:
        """Tell that an orderly stop has begun."""
        return self.send("STOPPING=1")

    async def run(self, healthy: Callable[[], bool]) -> None:
        """Beat for ever while `healthy()`; when it is not, stay silent and let systemd restart us.

        Returns at once when no watchdog is set.
        """
        while self.beat_s is not None:
            if healthy():
                self.send("WATCHDOG=1")
            await asyncio.sleep(self.beat_s)
