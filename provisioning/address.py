"""The step `address`: gives the one board on a line another address and reads it back.

Where every board on the wire takes the frame, two that hear it get one address for ever after; so nothing is
written before a scan of all addresses has shown exactly one device, and that one is what it was said to be.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from common.kit.errors import ConflictError, InvalidError, RefusedError, UnavailableError
from common.kit.said import Said, listed
from edge.config import BusSection
from edge.hardware.line import is_tcp, open_line
from firmware_protocols import modbus_rtu, waveshare_relay, xy_md02
from firmware_protocols.lock_boards import LineProtocol
from firmware_protocols.modbus_pdu import Function, WriteOneRequest
from provisioning.families import recognise
from provisioning.job import Job
from provisioning.record import FoundUnit
from provisioning.scan import LOOK_S, Wanted, find_units, read_of
from provisioning.wire import ModbusCodec, Wire

AFTER_WRITE_S = 0.5
_R4DCB08_ADDRESS = 0x00FE
_REGISTERS: Mapping[str, tuple[int, bool]] = {
    "waveshare_8ch_d": (waveshare_relay.ADDRESS, True),
    "waveshare_16ch": (waveshare_relay.ADDRESS, True),
    "waveshare_32ch": (waveshare_relay.ADDRESS, True),
    "xy_md02": (xy_md02.ADDRESS, False),
    "r4dcb08": (_R4DCB08_ADDRESS, False),
}
"""Kind → register of its address, and whether it is written through broadcast."""
KINDS = tuple(_REGISTERS)
BY_HAND = {
    "xor_8a80": "its eight DIP switches, SW1 the lowest bit",
    "r421a08": "its DIP switches",
    "wkly": "its DIP switches",
    "kerong_cu16": "its DIP switches",
    "kerong_cu48": "its DIP switches",
    "qianming": "the button on the board while its maker's program sets the range",
    "lc_8r": "its maker's program: where its register lies differs between revisions",
}


async def address_step(job: Job, port: str, baud: int, kind: str, new_unit: int) -> bool:
    """Change the address of the one board on `port`; RefusedError unless it is alone and of this kind."""
    if (how := BY_HAND.get(kind)) is not None:
        said = Said("a %(kind)s gets its address by %(how)s", kind=kind, how=how)
        raise RefusedError("provision.address_by_hand", said)
    if kind not in _REGISTERS:
        said = Said("%(kind)s is none of %(kinds)s", kind=repr(kind), kinds=listed(KINDS))
        raise InvalidError("provision.kind", said)
    if not 1 <= new_unit <= modbus_rtu.LAST_UNIT:
        said = Said("an address is 1 to 247, not %(unit)s", unit=new_unit)
        raise InvalidError("provision.units", said)
    if is_tcp(port):
        raise InvalidError(
            "provision.tcp", "addresses are set at the serial port, not by a gateway"
        )
    await job.talk.ask(
        "one_board",
        "Take every other device off this line, so that the %(kind)s alone hangs on it, then press Enter.",
        kind=kind,
    )
    if await job.leases.take(port) is not None:
        job.talk.tell("leased", "the station lends %(port)s", port=port)
    try:
        return await _change(job, BusSection(name="line", port=port, baud=baud), kind, new_unit)
    finally:
        for held in list(job.leases.held):
            await job.leases.give_back(held, 0.0)


async def _change(job: Job, section: BusSection, kind: str, new_unit: int) -> bool:
    found = await _alone(job, section, kind)
    if found.unit == new_unit:
        job.talk.tell("address_is", "it has address %(unit)s already", unit=new_unit)
        return True
    answer = await job.talk.ask(
        "confirm_address", "%(seen)s at address %(old)s: give it address %(new)s? (y/n)",
        default="y", seen=found.seen, old=found.unit, new=new_unit,
    )  # fmt: skip
    if answer.lower() not in ("y", "yes", "是"):
        return False
    await _write(section, kind, found.unit, new_unit)
    await asyncio.sleep(AFTER_WRITE_S)
    async with _opened(section) as wire:
        now = await recognise(new_unit, read_of(wire, new_unit))
        before = await recognise(found.unit, read_of(wire, found.unit))
    if now.kind != kind or before.kind:
        said = Said(
            "read back: %(now)s at %(new)s, %(before)s at %(old)s; switch it off and on and scan",
            now=now.seen, new=new_unit, before=before.seen, old=found.unit,
        )  # fmt: skip
        raise UnavailableError("provision.address_unsure", said)
    job.talk.tell(
        "address_set", "it has address %(unit)s now, read back. Put a label on it, connect the others, scan",
        unit=new_unit,
    )  # fmt: skip
    return True


async def _alone(job: Job, section: BusSection, kind: str) -> FoundUnit:
    def progress(_port: str, _baud: int, _protocol: LineProtocol, done: int, of: int) -> None:
        job.talk.progress("address %(done)s of %(of)s", done=done, of=of)

    async with _opened(section) as wire:
        units = await find_units(wire, section.port, _all_units(section), progress)
    if len(units) != 1:
        seen = listed([f"{one.unit} ({one.seen})" for one in units]) or Said("nothing answers")
        said = Said(
            "exactly one device must answer, found: %(seen)s. Nothing was written", seen=seen
        )
        raise ConflictError("provision.not_alone", said)
    (found,) = units
    if found.kind != kind or found.shared:
        text = "at %(unit)s is %(seen)s, no %(kind)s. Nothing was written"
        said = Said(text, unit=found.unit, seen=found.seen, kind=kind)
        raise ConflictError("provision.not_alone", said)
    return found


def _all_units(section: BusSection) -> Wanted:
    return Wanted((section.port,), bauds=(section.baud,), look_s=LOOK_S)


class _opened:  # noqa: N801 - reads as a verb
    """A line on which nothing but reads and, if given, one write leaves."""

    def __init__(
        self, section: BusSection, also: tuple[int, WriteOneRequest] | None = None
    ) -> None:
        self._wire: Wire[Any, Any] = Wire(
            section, open_line(section), ModbusCodec(tcp=False), also=also
        )

    async def __aenter__(self) -> Wire[Any, Any]:
        await self._wire.open()
        return self._wire

    async def __aexit__(self, *_: object) -> None:
        self._wire.close()


async def _write(section: BusSection, kind: str, old_unit: int, new_unit: int) -> None:
    register, by_broadcast = _REGISTERS[kind]
    request = WriteOneRequest(Function.WRITE_SINGLE_REGISTER, register, new_unit)
    unit = modbus_rtu.BROADCAST if by_broadcast else old_unit
    async with _opened(section, also=(unit, request)) as wire:
        await wire.ask(unit, request, AFTER_WRITE_S)
