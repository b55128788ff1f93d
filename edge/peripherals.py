"""What stands in `station.toml` about devices that have a serial port to themselves; each section is optional."""

from collections.abc import Iterable
from typing import Literal, Self

from pydantic import Field, model_validator

from edge.wiring import Section
from firmware_protocols.gm65 import ScannerKind

WEDGE = "wedge"


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


def no_port_twice(ports: Iterable[tuple[str, str]]) -> None:
    """Raise ValueError when two of (who, port) share one: each would take bytes from the other."""
    seen: dict[str, str] = {}
    for who, port in ports:
        if port and (other := seen.setdefault(port, who)) != who:
            raise ValueError(f"{other} and {who} have the same port {port}")
