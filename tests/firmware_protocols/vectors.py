"""Reads the wire vectors of tests/frames/."""

import json
from dataclasses import dataclass
from pathlib import Path

FRAMES = Path(__file__).parents[1] / "frames"


@dataclass(frozen=True, slots=True)
class RequestVector:
    """A request: the call that must make it and its bytes on the wire."""

    name: str
    source: str
    unit: int
    call: str
    args: list[int]
    frame: str


def request_vectors(device: str) -> list[RequestVector]:
    """Return the requests of a device."""
    rows = json.loads((FRAMES / f"{device}.json").read_text(encoding="utf-8"))["requests"]
    return [RequestVector(**row) for row in rows]
