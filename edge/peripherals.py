"""What stands in `station.toml` about devices beside the buses; each section is optional."""

import re
from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from edge.wiring import Section, one_of
from firmware_protocols import profiles
from firmware_protocols.escpos import Encoding
from firmware_protocols.gm65 import ScannerKind
from firmware_protocols.weights import SCALES

WEDGE = "wedge"
_OF_A_PORT = ("port", "baud", "bits", "parity")


def _is_scale(kind: str) -> str:
    return one_of(kind, (*SCALES, *profiles.names()), "scale")


ScaleChoice = Annotated[str, AfterValidator(_is_scale)]


class ScannerSection(Section):
    """The code scanner at the screen; without this section the screen asks nobody to scan."""

    kind: Literal[ScannerKind, "wedge"] = Field(
        default="gm65",
        description="`wedge`: one that types as a keyboard at the kiosk's computer and ends with Enter",
    )
    port: str = Field(default="", description="its serial port; none for a `wedge`")
    baud: int = Field(default=9600, ge=1200, le=115_200)
    mode: Literal["induction", "continuous"] = Field(
        default="induction", description="when it looks for codes: as something moves, or always"
    )
    same_code_s: float = Field(
        default=3.0, ge=0.5, le=30, description="a code that was seen less long ago counts once"
    )

    @model_validator(mode="after")
    def _port_fits(self) -> Self:
        if (self.kind == WEDGE) == bool(self.port):
            raise ValueError(
                "a wedge has no `port`: it types" if self.port else f"a {self.kind} needs a `port`"
            )
        return self


class ScaleSection(Section):
    """The scale of the recycling box."""

    kind: ScaleChoice = Field(
        default="toledo",
        description="one with a port: `toledo`, `mt_sics`, `cas`; on a bus: a [profile](profiles.md) that weighs",
    )
    port: str = Field(default="", description="its serial port, or `tcp://host:port`")
    bus: str = Field(default="", description="instead of `port`: the bus that it hangs on")
    unit: int | None = Field(default=None, ge=1, le=247, description="its address on that bus")
    baud: int = Field(default=9600, ge=300, le=115_200)
    bits: Literal[7, 8] | None = Field(
        default=None, description="data bits; none: as the kind usually has"
    )
    parity: Literal["none", "even", "odd"] | None = Field(
        default=None, description="none: as the kind usually has"
    )
    checksum: bool = Field(
        default=False, description="`toledo`: its frames end with a checksum (set so at the scale)"
    )
    capacity_g: float = Field(gt=0, le=500_000, description="most it weighs")
    division_g: float = Field(gt=0, le=1000, description="one step of its display")
    minimum_g: float = Field(
        default=0.0, ge=0, description="less is not weighed; 0: twenty divisions"
    )

    @property
    def minimum_mg(self) -> int:
        """Return the minimum load."""
        return round(1000 * (self.minimum_g or 20 * self.division_g))

    @property
    def place(self) -> tuple[str, int] | None:
        """Return bus and unit of one on a bus; None: it has a port of its own."""
        return None if self.unit is None else (self.bus, self.unit)

    @model_validator(mode="after")
    def _only_what_the_kind_has(self) -> Self:
        if self.checksum and self.kind != "toledo":
            raise ValueError(f"a {self.kind} scale has no `checksum` to set")
        if self.kind in SCALES:
            if not self.port or self.bus or self.unit is not None:
                raise ValueError(f"a {self.kind} scale needs a `port`, and no `bus` and `unit`")
            return self
        if not self.bus or self.unit is None:
            raise ValueError(f"a {self.kind} hangs on a bus: give its `bus` and `unit`")
        usual = {name: type(self).model_fields[name].default for name in _OF_A_PORT}
        if own := [name for name, value in usual.items() if getattr(self, name) != value]:
            raise ValueError(f"a {self.kind} hangs on a bus and has no `{own[0]}` of its own")
        return self


class CardReaderSection(Section):
    """A reader of 125 kHz cards (RDM6300): a hint who stands there, never an authority."""

    port: str = Field(description="its serial port")
    baud: int = Field(default=9600, ge=1200, le=115_200)
    same_card_s: float = Field(
        default=3.0, ge=0.5, le=30, description="a card that was seen less long ago counts once"
    )


class PrinterSection(Section):
    """A receipt printer (ESC/POS); without paper the screen shows a code instead."""

    port: str = Field(description="its serial port, or `tcp://host:port`")
    baud: int = Field(default=9600, ge=1200, le=115_200)
    encoding: Encoding = Field(default="gb18030", description="how its font is told Chinese signs")
    cuts: bool = Field(default=False, description="it has a cutter")


class CameraSection(Section):
    """A camera that looks at the cabinet: evidence where there is some, never needed to open a door."""

    source: str = Field(
        repr=False,  # there may be a password in it
        description="`/dev/v4l/by-id/…`, or the `rtsp://`, `http://` or `https://` address of a network camera",
    )
    width_px: int = Field(
        default=1280, ge=160, le=3840, description="asked of a USB camera; it may give another size"
    )
    height_px: int = Field(default=720, ge=120, le=2160)
    timeout_s: float = Field(
        default=5.0, ge=1, le=30, description="a picture that takes longer is given up"
    )

    @property
    def is_device(self) -> bool:
        """Tell whether it hangs on this computer."""
        return self.source.startswith("/")

    @property
    def shown(self) -> str:
        """Return where it is, without a password: for people, logs and reports."""
        return without_secrets(self.source)

    @field_validator("source")
    @classmethod
    def _can_be_opened(cls, source: str) -> str:
        if not (source.startswith("/dev/") or _CAMERA_URL.match(source)):
            raise ValueError("is neither a device below /dev nor an address of a camera")
        if _NOT_IN_A_SOURCE.search(source):
            raise ValueError("write quotes, blanks and backslashes in it as %22, %27, %20 and %5C")
        _host, *tail = re.split("[/?#]", source.partition("://")[2], maxsplit=1)
        if any("@" in part for part in tail):
            raise ValueError("write @, /, ? and # in a name or password as %40, %2F, %3F and %23")
        return source


_CAMERA_URL = re.compile(r"(?:rtsp|https?)://[^/]", re.IGNORECASE)
_NOT_IN_A_SOURCE = re.compile(r"""["'\\\s\x00-\x1f\x7f]""")
_URL = re.compile(r"""\b([a-z][a-z0-9+.-]*)://([^\s"']+)""", re.IGNORECASE)


def without_secrets(text: str) -> str:
    """Return a text whose addresses say host and port alone.

    User, path and query may each hold a password: `http://host/snapshot?user=…&pwd=…`.
    """
    return _URL.sub(_host_alone, text)


def _host_alone(found: re.Match[str]) -> str:
    rest = found[2].rpartition("@")[2]
    host = re.split("[/?#]", rest, maxsplit=1)[0]
    return f"{found[1]}://{host}{'/…' if len(host) < len(rest) else ''}"


def no_port_twice(ports: Iterable[tuple[str, str]]) -> None:
    """Raise ValueError when two of (who, port) share one: each would take bytes from the other."""
    seen: dict[str, str] = {}
    for who, port in ports:
        if port and (other := seen.setdefault(port, who)) != who:
            raise ValueError(f"{other} and {who} have the same port {port}")
