"""What answers at an address, by what it answers: each family has reads that only it answers so.

Source of every register: hardware reference B, as in the modules of `firmware_protocols`. Reads only; a device that
fits nothing is reported as unknown, never guessed into a driver.
"""

from edge.hardware.framed import Codec
from edge.hardware.speech import A, Q
from firmware_protocols import kerong_cu16, kerong_cu48, qianming, waveshare_relay, wkly, xy_md02
from firmware_protocols.lock_boards import LOCK_BOARDS, LockKind
from firmware_protocols.modbus_pdu import Function
from provisioning.profiled import Reader, recognise_profile
from provisioning.record import FoundUnit, Sure

__all__ = ["Reader", "framed_unit", "question", "recognise"]

_H, _I = Function.READ_HOLDING_REGISTERS, Function.READ_INPUT_REGISTERS
_C, _D = Function.READ_COILS, Function.READ_DISCRETE_INPUTS
_PROBE_BAUDS = (9600, 14400, 19200)


async def recognise(unit: int, read: Reader) -> FoundUnit:
    """Return what the Modbus device `unit` is."""
    for family in _MODBUS:
        if (found := await family(unit, read)) is not None:
            return found
    return FoundUnit(unit=unit, seen="answers Modbus, fits no known family")


async def _waveshare(unit: int, read: Reader) -> FoundUnit | None:
    version = await read(_H, waveshare_relay.VERSION, 1)
    if version is None or await read(_H, waveshare_relay.ADDRESS, 1) != (unit,):
        return None
    seen = f"Waveshare, version {waveshare_relay.version(version[0])}"
    if await read(_D, 0, waveshare_relay.CHANNELS) is not None:
        return _board(unit, "waveshare_8ch_d", "certain", seen)
    for kind, channels in (("waveshare_32ch", 32), ("waveshare_16ch", 16)):
        if await read(_C, 0, channels) is not None:
            return _board(unit, kind, "likely", f"{seen}, {channels} relays, no inputs")  # type: ignore[arg-type]
    return FoundUnit(unit=unit, sure="likely", seen=f"{seen}, without door inputs: bench only")


async def _xy_md02(unit: int, read: Reader) -> FoundUnit | None:
    settings = await read(_H, xy_md02.ADDRESS, 2)
    both = await read(_I, xy_md02.TEMPERATURE, 2)
    if settings is None or both is None or settings[0] != unit:
        return None
    seen = xy_md02.from_registers(*both)
    sure: Sure = "certain" if settings[1] in _PROBE_BAUDS else "likely"
    said = f"XY-MD02, {seen.temperature_c} °C {seen.humidity_pct} %"
    return FoundUnit(unit=unit, kind="xy_md02", sure=sure, seen=said)


async def _lc(unit: int, read: Reader) -> FoundUnit | None:
    if await read(_C, 0, 8) is None or await read(_D, 0, 8) is None:
        return None
    return _board(
        unit, "lc_8r", "likely", "eight relays and eight inputs, no register of Waveshare"
    )


async def _r421a08(unit: int, read: Reader) -> FoundUnit | None:
    relays = await read(_H, 1, 8)
    if relays is None or not set(relays) <= {0, 1}:
        return None
    return _board(unit, "r421a08", "likely", "eight registers that say on or off")


_MODBUS = (
    _waveshare,
    _xy_md02,
    recognise_profile,
    _lc,
    _r421a08,
)
"""In this order: a family that is recognised by less comes later."""


def _board(unit: int, kind: LockKind, sure: Sure, seen: str) -> FoundUnit:
    facts = LOCK_BOARDS[kind]
    return FoundUnit(
        unit=unit, kind=kind, sure=sure, seen=seen, channels=facts.channels, inputs=facts.inputs
    )


def framed_unit(unit: int, answer: object) -> FoundUnit:
    """Return what a board with frames of its own is, by its answer to the question for all doors."""
    match answer:
        case wkly.Answer():
            count = len(wkly.contacts(answer))
            board = _board(unit, "wkly", "certain", f"WKLY, {count} channels")
            return board.model_copy(update={"channels": count, "inputs": count})
        case kerong_cu16.Answer():
            return _board(unit, "kerong_cu16", "certain", "KERONG CU16")
        case kerong_cu48.Answer():
            return _board(unit, "kerong_cu48", "likely", "KERONG CU48")
        case qianming.Answer():
            count = len(answer.states)
            board = _board(answer.first_box, "qianming", "likely", f"千鸣, {count} boxes")
            return board.model_copy(update={"channels": count, "inputs": count})
        case _:
            return _board(unit, "xor_8a80", "likely", "8A/80 board")


def question(codec: Codec[Q, A]) -> Q:
    """Return the harmless question for all doors of a board."""
    return codec.read_all() if hasattr(codec, "read_all") else codec.read_doors()  # type: ignore[attr-defined, no-any-return]
