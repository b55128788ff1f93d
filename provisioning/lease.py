"""Asks the daemon that runs on this computer for its buses and about its probes.

Without a daemon nobody has to be asked for a bus; probes are compared by the daemon alone, which keeps the records.

A lease ends with `give_back`, or with this process: the daemon sees its connection end.
"""

import asyncio
import fcntl
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from common.kit.errors import ConflictError, InvalidError, UnavailableError
from common.kit.folder import hold
from common.kit.said import Said
from edge.data_folder import LOCK_FILE
from edge.hardware.calibration import ProbeAsked, ProbeSaid
from edge.hardware.lease import DEVICE, LINE_BYTES, LeaseAsked, LeaseSaid, reachable

PROVISION_LOCK = "provision.lock"
_ANSWER_S = 10.0
_NOT_OURS = "lease.unknown"
_MISSAID = frozenset({
    "calibration.no_probe", "calibration.by", "calibration.reference", "calibration.none", "calibration.reason",
})  # fmt: skip


def hold_folder(data: Path) -> BinaryIO:
    """Return the held lock that keeps a second technician away; UnavailableError `provision.running`."""
    return hold(data, PROVISION_LOCK, key="provision.running", who="`linli provision`")


def daemon_runs(data: Path) -> bool:
    """Tell whether a station daemon holds this data folder; nothing is made or changed by looking."""
    try:
        with (data / LOCK_FILE).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


class Leases:
    """The buses that were lent to this process; `coils` are the pulses that the daemon still remembers."""

    def __init__(self, data: Path) -> None:
        """Connect at the first question."""
        self._data = data
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.held: dict[str, LeaseSaid] = {}
        """Port as it was asked for → what the daemon said."""

    async def take(self, port: str) -> LeaseSaid | None:
        """Return the lease of `port`; None: nobody has to be asked. ConflictError while a door is in use."""
        if not daemon_runs(self._data):
            return None
        said = await self._ask(LeaseAsked(lend=port))
        if said.key == _NOT_OURS:
            return None
        if said.key:
            raise ConflictError(said.key, said.why, port=port)
        self.held[port] = said
        return said

    async def take_device(self, name: str) -> bool:
        """Borrow the port of a device; False: the daemon that has it does not lend it. ConflictError as `take`."""
        try:
            return not daemon_runs(self._data) or await self.take(f"{DEVICE}{name}") is not None
        except UnavailableError:
            return False

    async def give_back_device(self, name: str) -> None:
        """Return it, if it was lent."""
        await self.give_back(f"{DEVICE}{name}", 0.0)

    async def give_back(self, port: str, rest_s: float) -> None:
        """Return the port; the daemon opens its doors again when the coils have rested `rest_s`."""
        said = self.held.pop(port, None)
        if said is not None:
            await self._ask(LeaseAsked(give_back=said.bus, rest_s=min(rest_s, 600.0)))

    async def about_probe(self, asked: ProbeAsked) -> ProbeSaid:
        """Return what the daemon says about a probe; LinliError says why it does not, or that there is none."""
        if not daemon_runs(self._data):
            detail = Said(
                "no station daemon runs on %(path)s; it keeps the records, so start it"
                " (systemctl start linli-edge, or linli edge run) and call this again",
                path=str(self._data),
            )
            raise UnavailableError("calibration.no_daemon", detail)
        said = await self._ask(LeaseAsked(probe=asked))
        if said.probe is not None:
            return said.probe
        if said.key == _NOT_OURS:
            detail = Said(
                "the running daemon is of an older release and keeps no calibrations: update it"
            )
            raise UnavailableError("calibration.old_daemon", detail)
        raise (InvalidError if said.key in _MISSAID else ConflictError)(said.key, said.why)

    async def close(self) -> None:
        """End the connection, and every lease with it."""
        if self._streams is not None:
            writer, self._streams = self._streams[1], None
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
        self.held.clear()

    async def _ask(self, asked: LeaseAsked) -> LeaseSaid:
        try:
            async with asyncio.timeout(_ANSWER_S):
                reader, writer = self._streams or await self._connect()
                writer.write(asked.line())
                await writer.drain()
                return LeaseSaid.model_validate_json(await reader.readline())
        except (OSError, ValidationError) as error:  # TimeoutError is an OSError
            detail = Said(
                "the station daemon runs but lends no bus: is this user the daemon's, and is it of this release?"
                " Else stop it (systemctl stop linli-edge) and start again"
            )
            raise UnavailableError("lease.unreachable", detail) from error

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        with reachable(self._data) as address:
            self._streams = await asyncio.open_unix_connection(address, limit=LINE_BYTES)
        return self._streams
