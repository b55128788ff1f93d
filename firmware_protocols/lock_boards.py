"""What is fixed for each kind of lock board: its wire, addresses, channels, pulse and inputs.

One table for whoever checks a settings file: station, simulator and the reference page. The sources
are named in the module of each protocol.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from firmware_protocols import kerong_cu16, kerong_cu48, qianming, r421a08, wkly, xor_8a80

LockKind = Literal[
    "waveshare_8ch_d",
    "waveshare_16ch",
    "waveshare_32ch",
    "wkly",
    "xor_8a80",
    "kerong_cu16",
    "kerong_cu48",
    "r421a08",
    "lc_8r",
    "qianming",
]
"""Every kind that a settings file may name; LOCK_BOARDS has the facts of each."""


class LineProtocol(StrEnum):
    """What is spoken on a line; one line speaks one."""

    MODBUS = "modbus"
    WKLY = "wkly"
    XOR_8A80 = "xor_8a80"
    KERONG_CU16 = "kerong_cu16"
    KERONG_CU48 = "kerong_cu48"
    QIANMING = "qianming"


@dataclass(frozen=True, slots=True)
class PulseFacts:
    """The pulses that a board can time itself."""

    step_ms: int
    """The length is told in whole steps; 0: the board has one length of its own, told nothing."""
    own_ms: int = 0
    """That length."""


@dataclass(frozen=True, slots=True)
class BoardFacts:
    """One kind of board."""

    name: str
    protocol: LineProtocol
    baud: int
    """As it leaves the factory."""
    units: range
    """Addresses that a board may have."""
    channels: int
    pulse: PulseFacts
    inputs: int
    """Door inputs; 0: the doors are sensed by another board."""
    page: str
    """Its page in docs/hardware."""
    has_goods: bool = False
    """Tells whether something lies behind a door."""
    has_light: bool = False
    """A light a channel that blinks when told: `linli provision identify` finds it by that."""
    doubt: str = ""
    """What about it is known from one weak source only, or not at all: that makes the kind experimental."""


MODBUS_UNITS = range(1, 248)

LOCK_BOARDS: Mapping[LockKind, BoardFacts] = {
    "waveshare_8ch_d": BoardFacts(
        name="Waveshare Modbus RTU Relay 8CH (D)",
        protocol=LineProtocol.MODBUS,
        baud=9600,
        units=MODBUS_UNITS,
        channels=8,
        pulse=PulseFacts(step_ms=100),
        inputs=8,
        page="waveshare-8ch-d.md",
    ),
    "waveshare_16ch": BoardFacts(
        name="Waveshare Modbus RTU Relay 16CH",
        protocol=LineProtocol.MODBUS,
        baud=9600,
        units=MODBUS_UNITS,
        channels=16,
        pulse=PulseFacts(step_ms=100),
        inputs=0,
        page="waveshare-16ch-32ch.md",
    ),
    "waveshare_32ch": BoardFacts(
        name="Waveshare Modbus RTU Relay 32CH",
        protocol=LineProtocol.MODBUS,
        baud=9600,
        units=MODBUS_UNITS,
        channels=32,
        pulse=PulseFacts(step_ms=100),
        inputs=0,
        page="waveshare-16ch-32ch.md",
    ),
    "wkly": BoardFacts(
        name="WKLY 云川智能",
        protocol=LineProtocol.WKLY,
        baud=9600,
        units=wkly.UNITS,
        channels=wkly.CHANNELS,
        pulse=PulseFacts(step_ms=0, own_ms=wkly.OWN_PULSE_MS),
        inputs=wkly.CHANNELS,
        page="wkly.md",
        has_light=True,
    ),
    "xor_8a80": BoardFacts(
        name="8A/80 (generic XOR)",
        protocol=LineProtocol.XOR_8A80,
        baud=9600,
        units=xor_8a80.UNITS,
        channels=xor_8a80.CHANNELS,
        pulse=PulseFacts(step_ms=0, own_ms=xor_8a80.OWN_PULSE_MS),
        inputs=xor_8a80.CHANNELS,
        page="8a80.md",
        doubt="that a set bit in the status of all locks means open",
    ),
    "kerong_cu16": BoardFacts(
        name="KERONG KR-CU16",
        protocol=LineProtocol.KERONG_CU16,
        baud=19200,
        units=kerong_cu16.UNITS,
        channels=kerong_cu16.CHANNELS,
        pulse=PulseFacts(step_ms=0, own_ms=kerong_cu16.OWN_PULSE_MS),
        inputs=kerong_cu16.CHANNELS,
        page="kerong.md",
        has_goods=True,
    ),
    "kerong_cu48": BoardFacts(
        name="KERONG CU48",
        protocol=LineProtocol.KERONG_CU48,
        baud=19200,
        units=kerong_cu48.UNITS,
        channels=kerong_cu48.CHANNELS,
        pulse=PulseFacts(step_ms=0, own_ms=kerong_cu48.OWN_PULSE_MS),
        inputs=kerong_cu48.CHANNELS,
        page="kerong.md",
        doubt="the whole protocol, known from one source",
    ),
    "r421a08": BoardFacts(
        name="R421A08 (Eletechsup)",
        protocol=LineProtocol.MODBUS,
        baud=9600,
        units=r421a08.UNITS,
        channels=r421a08.CHANNELS,
        pulse=PulseFacts(step_ms=r421a08.TICK_MS),
        inputs=0,
        page="r421a08.md",
    ),
    "lc_8r": BoardFacts(
        name="LC Modbus 8R",
        protocol=LineProtocol.MODBUS,
        baud=9600,
        units=MODBUS_UNITS,
        channels=8,
        pulse=PulseFacts(step_ms=100),
        inputs=8,
        page="lc-8r.md",
        doubt="where the registers of its pulse lie, which differs between revisions",
    ),
    "qianming": BoardFacts(
        name="千鸣 (QianMing)",
        protocol=LineProtocol.QIANMING,
        baud=9600,
        units=qianming.UNITS,
        channels=qianming.CHANNELS,
        pulse=PulseFacts(step_ms=0, own_ms=qianming.OWN_PULSE_MS),
        inputs=qianming.CHANNELS,
        page="qianming.md",
        has_goods=True,
        doubt="its speed, and the whole protocol is known from one source",
    ),
}


def misfit(kind: LockKind, *, unit: int, channel: int, pulse_ms: int | None = None) -> str | None:
    """Return what a board of `kind` cannot be told, in words for whoever wrote the file; None: it fits."""
    facts = LOCK_BOARDS[kind]
    if unit not in facts.units:
        return f"a {kind} has an address of {facts.units[0]} to {facts.units[-1]}, not {unit}"
    if not 0 <= channel < facts.channels:
        return f"a {kind} has the channels 0 to {facts.channels - 1}, not {channel}"
    step_ms = facts.pulse.step_ms
    if pulse_ms is not None and step_ms and pulse_ms % step_ms:
        advice = "; set it if the lock bears that" if step_ms > pulse_ms else ""
        return f"a {kind} times its pulse in steps of {step_ms} ms, not {pulse_ms}{advice}"
    return None


def sensor_misfit(kind: LockKind, *, unit: int, channel: int) -> str | None:
    """Return why a door cannot be sensed by this input of a board; None: it can."""
    facts = LOCK_BOARDS[kind]
    if not facts.inputs:
        return f"a {kind} has no door inputs; name those of another board"
    if unit not in facts.units:
        return f"a {kind} has an address of {facts.units[0]} to {facts.units[-1]}, not {unit}"
    if not 0 <= channel < facts.inputs:
        return f"a {kind} has the inputs 0 to {facts.inputs - 1}, not {channel}"
    return None
